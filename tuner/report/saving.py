"""The equivalent bitrate saving of one winner, in words."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.report import words
from tuner.report.bd import Undefined
from tuner.report.curves import Curve
from tuner.report.equivalent import Equivalent, equivalent_bitrate

#: "At least" this little at the end of the default's curve says nothing, share of the bits.
LEAST_SAVING = 0.02


@dataclass(frozen=True)
class Saving:
    """What the tuned settings save against a default of the same quality.

    Args:
        value: "21 %", "at least 21 %", or "" where it cannot be told.
        interval: its 95 % interval, or "".
        detail: the default's bitrate at that quality, or why it cannot be told.
        tone: "up" (bits are surely saved), "down" (surely lost), else "open".
        kbps, low_kbps, high_kbps: the default's bitrate, for tables; None where the default's
            curve ends before it.
    """

    value: str
    interval: str
    detail: str
    tone: str
    kbps: float | None = None
    low_kbps: float | None = None
    high_kbps: float | None = None


def find_saving(default: Curve | None, tuned: Curve | None, target: float, seed: int) -> Saving:
    """The saving of the tuned settings for `target` kb/s."""
    if default is None or tuned is None or target not in tuned.targets:
        return Saving("", "", "not scored on held-out clips", "open")
    try:
        return _in_words(equivalent_bitrate(default, tuned, target, seed))
    except Undefined as reason:
        return Saving("", "", str(reason), "open")


def _in_words(found: Equivalent) -> Saving:
    kbps, low, high = (found.kbps.value, found.kbps.low, found.kbps.high)
    inside = [x if found.lowest <= x <= found.highest else None for x in (kbps, low, high)]
    tone = "up" if low > found.spent_kbps else "down" if high < found.spent_kbps else "open"
    floor = f"{_percent(found, low)} or more"
    if kbps > found.highest:
        detail = f"beyond the default’s curve (up to {found.highest:.0f} kb/s)"
        if found.saving(found.highest) < LEAST_SAVING:
            return Saving("", "", detail, tone)
        value = f"at least {_percent(found, found.highest)}"
        return Saving(value, floor if low < found.highest else "", detail, tone, *inside)
    if kbps < found.lowest:
        detail = f"below the default’s curve (from {found.lowest:.0f} kb/s)"
        return Saving("", "", detail, tone)
    span = floor
    if high <= found.highest:
        span = f"{words.plain_whole(100 * found.saving(low))} to {_percent(found, high)}"
    if low < found.lowest:
        span = f"up to {_percent(found, min(high, found.highest))}"
        span += " or more" if high > found.highest else ""
    return Saving(_percent(found, kbps), span, f"the default needs {kbps:.0f} kb/s", tone, *inside)


def _percent(found: Equivalent, kbps: float) -> str:
    return f"{words.plain_whole(100 * found.saving(kbps))} %"

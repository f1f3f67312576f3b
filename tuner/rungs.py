"""A ladder of bitrates: records that the search makes and the report shows.

Qualities are mean predictions on the MUSHRA scale over a run's held-out clips, bitrates measured
payload over them, kb/s.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field

from tuner.records import Estimate

#: Share of comparisons in which a just noticeable difference makes the better one win.
NOTICED = 0.75
#: The same as a standard normal deviate (Thurstone's case V: both ratings are normal).
NOTICED_DEVIATE = statistics.NormalDist().inv_cdf(NOTICED)


@dataclass(frozen=True)
class Rung:
    """One step of a ladder.

    Args:
        encoder: its name.
        run: the run that gave the settings.
        whose: "default", or "trial 17 at 64 kb/s".
        rate_mode, values, knob: what to encode with.
        kbps: measured on the held-out clips.
        quality: on them, with its 95 % interval over clips.
        step: quality over the rung below, paired by clip; None for the lowest.
        noticeable: the just noticeable step from the rung below, points; None likewise.
        spread: mean spread of opinion, points.
        encode_times: CPU seconds of encoding a second of sound.
        command: the command line.
    """

    encoder: str
    run: str
    whose: str
    rate_mode: str
    values: dict[str, bool | int | float | str]
    knob: float
    kbps: float
    quality: Estimate
    step: Estimate | None
    noticeable: float | None
    spread: float
    encode_times: float
    command: list[str]


@dataclass(frozen=True)
class Transparent:
    """From which bitrate on an encoder's default cannot be told from the reference.

    Args:
        encoder, run: whose.
        share: of the held-out clips that must be.
        kbps: the bitrate, interpolated in the run's curve; None where the curve does not reach it.
        sentence: the answer.
        command: what makes the ABX test that would prove it; empty without a bitrate.
    """

    encoder: str
    run: str
    share: float
    kbps: float | None
    sentence: str
    command: list[str]


@dataclass(frozen=True)
class Ladder:
    """Rungs, rising; what was asked and was not made; transparency by encoder.

    Args:
        rungs: the ladder.
        clips: held-out clips.
        notes: sentences.
        transparent: by encoder.
    """

    rungs: list[Rung]
    clips: int
    notes: list[str] = field(default_factory=list)
    transparent: list[Transparent] = field(default_factory=list)


def noticeable_step(one_spread: float, other_spread: float) -> float:
    """Difference of two mean qualities at which the better is rated higher in three of four
    comparisons, points.

    Args:
        one_spread, other_spread: standard deviations of opinion on either, points.
    """
    return NOTICED_DEVIATE * math.hypot(one_spread, other_spread)

"""The answer to a target of quality."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from tuner.records.candidates import Estimate, join_commands
from tuner.records.trials import Configured, Value


class _Needed(Configured, msgspec.Struct, frozen=True, kw_only=True, tag_field="state"):
    """How settings fare with a target of quality, on the held-out clips.

    Args:
        trial: number of the trial at the target's bitrate; 0 is the default.
        rate_mode, values: the settings.
        knob, kbps, quality: the lowest measured bitrate that reaches it, or what comes nearest.
        encode_s: CPU seconds that the encoder takes for all clips.
        convert, command: the command lines, with `knob`; see `Candidate`.
    """

    trial: int
    rate_mode: str
    values: dict[str, Value]
    knob: float
    kbps: float
    quality: float
    encode_s: float
    convert: list[str]
    command: list[str]

    @property
    def shown(self) -> str:
        """What a user types."""
        return join_commands(self.convert, self.command)


class Reached(_Needed, frozen=True, kw_only=True, tag="reached"):
    """Settings that reach the target.

    Args:
        low_kbps, high_kbps: 95 % interval over clips of the bitrate at which the target is
            crossed; None where the lowest bitrate reaches it, or there is one clip only.
    """

    low_kbps: float | None
    high_kbps: float | None


class Missed(_Needed, frozen=True, kw_only=True, tag="not reached"):
    """Settings that no bitrate brings to the target; `reason` says how far they come."""

    reason: str


NeededBits = Reached | Missed


@dataclass(frozen=True)
class QualityTarget:
    """The answer to a target of quality: the lowest bitrate that is good enough.

    Args:
        goal: the target in words: "quality 85".
        quality: the target, points.
        share: of the clips that must reach it; None: their mean must.
        searched_kbps: the bitrate whose search gave the settings: what the default needs on the
            tuning clips.
        default: what the encoder's default needs.
        best: what the settings need that need the fewest bits on the tuning clips; None where that
            is the default.
        bits: bits of best over default, a ratio, paired over the held-out clips.
        time_ratio: encode time of best over default, each at the bits that it needs.
        judges: family of judges -> how much better best scores than the default there, points.
        sentence: the answer.
        recommended: whether to use the best settings.
    """

    goal: str
    quality: float
    share: float | None
    searched_kbps: float
    default: NeededBits
    best: NeededBits | None = None
    bits: Estimate | None = None
    time_ratio: float | None = None
    judges: dict[str, Estimate] = field(default_factory=dict)
    sentence: str = ""
    recommended: bool = False

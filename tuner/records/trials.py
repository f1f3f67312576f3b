"""The trials of a search, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from tuner.encoder import Settings

TrialState = Literal["complete", "pruned", "infeasible", "failed"]
Value = bool | int | float | str


class Configured:
    """A record of settings, which it stores as `rate_mode` and `values`."""

    __slots__ = ()

    rate_mode: str
    values: dict[str, Value]

    @property
    def settings(self) -> Settings:
        """The settings."""
        from tuner.encoder import Settings  # which loads numpy

        return Settings.of(self.rate_mode, self.values)


class _Trial(Configured, msgspec.Struct, frozen=True, kw_only=True, tag_field="state"):
    """What is known of every trial.

    Args:
        number: trial number within its bitrate; 0 is the encoder's default.
        rate_mode, values: the settings.
        passes: encodes over the number of tune clips: passes over the set, parts counted.
        latency_ms: algorithmic delay as the adapter tells it, where the study limits it.
    """

    number: int
    rate_mode: str
    values: dict[str, Value]
    passes: float = 0.0
    latency_ms: float | None = None

    @property
    def state(self) -> TrialState:
        """Which kind of trial it is, as it is stored."""
        state: TrialState = self.__struct_config__.tag  # type: ignore[assignment]
        return state


class Complete(_Trial, frozen=True, kw_only=True, tag="complete"):
    """A trial that spent the target and was scored on all tune clips.

    Args:
        knob: the matched knob value.
        bitrate_kbps: measured payload bitrate over the tune clips.
        score: mean predicted quality over the tune clips.
        objective: what the search maximised, points.
        spread: mean predicted spread.
        encode_s: CPU seconds that the encoder took for all tune clips.
        peak_dbfs: highest decoded sample, dB of full scale, where the study limits it.
    """

    knob: float
    bitrate_kbps: float
    score: float
    objective: float
    spread: float
    encode_s: float
    peak_dbfs: float | None = None


class Pruned(_Trial, frozen=True, kw_only=True, tag="pruned"):
    """A trial that was stopped early, as it was losing.

    Args:
        knob, bitrate_kbps: as far as the bitrate was matched.
        score, objective, spread: estimates from the clips that it was scored on.
        reason: how it was losing.
    """

    knob: float
    bitrate_kbps: float
    score: float
    objective: float
    spread: float
    reason: str


class Infeasible(_Trial, frozen=True, kw_only=True, tag="infeasible"):
    """A trial whose settings cannot spend the bitrate, or break a limit of the study.

    Args:
        reason: which of them, with figures.
        knob, bitrate_kbps: what came nearest, or was matched; None if nothing was encoded.
    """

    reason: str
    knob: float | None = None
    bitrate_kbps: float | None = None


class Failed(_Trial, frozen=True, kw_only=True, tag="failed"):
    """A trial that the encoder or a metric failed.

    Args:
        error: the kind of error: its class.
        reason: what went wrong, which the kind leads.
    """

    error: str
    reason: str


TrialRecord = Complete | Pruned | Infeasible | Failed
#: Those that have a score; a pruned trial's is an estimate.
Scored = Complete | Pruned


@dataclass(frozen=True)
class Timing:
    """Where the time of one bitrate's search went, in seconds.

    Args:
        wall_s: this bitrate's share of the wall-clock time of all sessions of the search,
            without validation; bitrates run side by side, and their shares add up.
        encode_s: CPU time in encoders.
        decode_s: CPU time in decoding and alignment.
        score_s: CPU time in the quality model.
        encodes, scores: how many were computed (not taken from the cache).
        cached_encodes, cached_scores: how many the cache gave.
    """

    wall_s: float = 0.0
    encode_s: float = 0.0
    decode_s: float = 0.0
    score_s: float = 0.0
    encodes: int = 0
    scores: int = 0
    cached_encodes: int = 0
    cached_scores: int = 0

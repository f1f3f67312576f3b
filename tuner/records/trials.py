"""The trials of a search, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TrialState = Literal["complete", "pruned", "infeasible", "failed"]


@dataclass(frozen=True)
class TrialRecord:
    """One trial of the search.

    Args:
        number: trial number within its bitrate; 0 is the encoder's default.
        state: "complete"; "pruned" (stopped early, as it was losing); "infeasible" (no knob
            value reaches the bitrate, or a limit is broken); "failed".
        rate_mode, values: the settings.
        knob: the matched knob value.
        bitrate_kbps: measured payload bitrate over the tune clips.
        score: mean predicted quality over the tune clips; of a pruned trial the estimate from
            the clips that it was scored on; else None.
        spread: mean predicted spread.
        passes: encodes over the number of tune clips: passes over the set, parts counted.
        reason: why it is pruned, infeasible or failed.
        encode_s: CPU seconds that the encoder took for all tune clips; None unless complete.
        peak_dbfs: highest decoded sample, dB of full scale, where the study limits it.
        latency_ms: algorithmic delay as the adapter tells it, where the study limits it.
        objective: what the search maximised, points; of a pruned trial likewise; else None.
            Results of older versions do not say.
    """

    number: int
    state: TrialState
    rate_mode: str
    values: dict[str, bool | int | float | str]
    knob: float | None = None
    bitrate_kbps: float | None = None
    score: float | None = None
    spread: float | None = None
    passes: float = 0.0
    reason: str | None = None
    encode_s: float | None = None
    peak_dbfs: float | None = None
    latency_ms: float | None = None
    objective: float | None = None

    @property
    def climbed(self) -> float | None:
        """What the search maximised; the mean score where it is not known."""
        return self.score if self.objective is None else self.objective


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

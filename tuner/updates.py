"""What a run tells while it goes on: typed updates for whoever renders them.

The search knows no terminal; it calls an observer with these. Observers are called from
the driver's main thread only, except `PassFinished`, which trial threads send: the loop
passes it on from its queue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from tuner.records import BitrateResult, Complete, TrialRecord

#: What a pass is for; see `PassFinished`.
Purpose = Literal["matching", "scoring", "racing"]


@dataclass(frozen=True)
class SearchStarted:
    """One bitrate's search begins or goes on.

    Args:
        target_kbps: the target.
        done: trials that earlier sessions finished.
        trials: the budget in trials, or None.
        best, default: the best and the default trial so far, if any is complete.
        infeasible, failed, pruned: how many of `done` were.
    """

    target_kbps: float
    done: int
    trials: int | None
    best: Complete | None
    default: TrialRecord | None
    infeasible: int = 0
    failed: int = 0
    pruned: int = 0

    def after(self, trial: TrialFinished) -> SearchStarted:
        """The same when one more trial is told."""
        state = trial.record.state
        return replace(
            self,
            done=self.done + 1,
            best=trial.best,
            default=trial.default,
            infeasible=self.infeasible + (state == "infeasible"),
            failed=self.failed + (state == "failed"),
            pruned=self.pruned + (state == "pruned"),
        )


@dataclass(frozen=True)
class PassFinished:
    """A pass over the clips or some of them, which spent `kbps`.

    `encodes` were computed, `cached` came from the cache. `purpose` says whether the clips were
    encoded only, to match the bitrate, or scored, all or, to race the best trial, some of them.
    """

    target_kbps: float
    kbps: float
    encodes: int
    cached: int
    purpose: Purpose = "matching"


@dataclass(frozen=True)
class TrialFinished:
    """One trial is told; `best` is the best complete trial so far, `default` trial 0."""

    target_kbps: float
    record: TrialRecord
    best: Complete | None
    default: TrialRecord | None
    hours_used: float


@dataclass(frozen=True)
class SearchFinished:
    """One bitrate's search has used its budget, or stopped for the reason in `problem`.

    `passes` is the mean of encode passes over the clips per trial, of `since` trials: those
    after the first ten, from which the rate model learns. None where there are none.
    """

    target_kbps: float
    problem: str | None
    passes: float | None = None
    since: int = 0


@dataclass(frozen=True)
class ValidationProgress:
    """Of one bitrate's finalists on all their clips, `done` of `total` clips are scored."""

    target_kbps: float
    done: int
    total: int


@dataclass(frozen=True)
class BitrateFinished:
    """One bitrate has its answer."""

    result: BitrateResult


@dataclass(frozen=True)
class PhaseStarted:
    """Something that takes a while, beside the search of a bitrate, begins or goes on.

    Args:
        text: what, in words; the same while it goes on.
        done, total: how far it is; a `total` of 0 where that cannot be told.
        target_kbps: the bitrate that it is about, or None.
    """

    text: str
    done: int = 0
    total: int = 0
    target_kbps: float | None = None


Update = (
    SearchStarted
    | PassFinished
    | TrialFinished
    | SearchFinished
    | ValidationProgress
    | BitrateFinished
    | PhaseStarted
)
Observer = Callable[[Update], None]

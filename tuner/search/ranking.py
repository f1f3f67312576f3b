"""Ranking of finished trials, and what stops a bitrate."""

from __future__ import annotations

import collections
from collections.abc import Sequence

from tuner.encoder import RATE_MODE
from tuner.records import TrialRecord
from tuner.search.evaluate import TrialResult

#: A bitrate stops when more than half of its first trials fail with one message.
EARLY_TRIALS = 10


def rank(results: Sequence[TrialResult]) -> list[TrialResult]:
    """The complete trials, best objective first, the earliest of equals first.

    A pruned trial has an estimate only and is never among them.
    """
    complete = [result for result in results if is_complete(result)]
    return sorted(complete, key=lambda result: (-value_of(result), result.record.number))


def is_complete(result: TrialResult) -> bool:
    """Whether it was scored on all clips and keeps to all limits."""
    return result.record.state == "complete"


def value_of(result: TrialResult) -> float:
    """The objective of a complete trial."""
    assert result.objective is not None
    return result.objective


def find_problem(
    records: Sequence[TrialRecord], target_kbps: float, default: TrialRecord | None
) -> str | None:
    """Why a bitrate cannot be searched, as a sentence; None when it can.

    Args:
        records: finished trials.
        target_kbps: the target bitrate.
        default: the trial of the encoder's default, once it is finished.
    """
    if default is not None and default.state == "infeasible":
        return (
            f"The encoder's default settings cannot reach {target_kbps:g} kb/s: {default.reason}."
            f" Choose another bitrate, or another default with --fixed {RATE_MODE}=…"
        )
    if default is not None and default.state != "complete":
        return f"The encoder's default settings fail at {target_kbps:g} kb/s: {default.reason}"
    early = [record for record in records if record.number < EARLY_TRIALS]
    reasons = [record.reason or "" for record in early if record.state == "failed"]
    for kind, count in collections.Counter(map(_error_kind, reasons)).most_common(1):
        if count > EARLY_TRIALS / 2:
            example = next(reason for reason in reasons if _error_kind(reason) == kind)
            return (
                f"{count} of the first {EARLY_TRIALS} trials failed with the same error: {example}"
            )
    return None


def _error_kind(reason: str) -> str:
    """The error's class, which leads the reason; the rest names settings and clip."""
    return reason.partition(":")[0]

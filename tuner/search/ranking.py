"""Ranking of finished trials, and what stops a bitrate."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence

from tuner.encoder import RATE_MODE
from tuner.records import Complete, Failed, Infeasible, Pruned, TrialRecord

#: A bitrate stops when more than half of its first trials fail with one message.
EARLY_TRIALS = 10


def rank(records: Iterable[TrialRecord]) -> list[Complete]:
    """The complete trials, best objective first, the earliest of equals first.

    A pruned trial has an estimate only and is never among them.
    """
    complete = [record for record in records if isinstance(record, Complete)]
    return sorted(complete, key=lambda record: (-record.objective, record.number))


def find_problem(
    records: Sequence[TrialRecord], target_kbps: float, default: TrialRecord | None
) -> str | None:
    """Why a bitrate cannot be searched, as a sentence; None when it can.

    Args:
        records: finished trials.
        target_kbps: the target bitrate.
        default: the trial of the encoder's default, once it is finished.
    """
    match default:
        case Infeasible():
            return (
                f"The encoder's default settings cannot reach {target_kbps:g} kb/s:"
                f" {default.reason}. Choose another bitrate, or another default with"
                f" --fixed {RATE_MODE}=…"
            )
        case Failed() | Pruned():
            return f"The encoder's default settings fail at {target_kbps:g} kb/s: {default.reason}"
    early = [r for r in records if isinstance(r, Failed) and r.number < EARLY_TRIALS]
    for error, count in collections.Counter(r.error for r in early).most_common(1):
        if count > EARLY_TRIALS / 2:
            example = next(record.reason for record in early if record.error == error)
            return (
                f"{count} of the first {EARLY_TRIALS} trials failed with the same error: {example}"
            )
    return None

"""What validation is run with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tuner.answer.verdict import ENOUGH_SOURCES
from tuner.encoder import Encoder
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef
from tuner.metric import Metric
from tuner.records import (
    ListeningResult,
    Side,
)
from tuner.updates import Observer


@dataclass(frozen=True)
class Validator:
    """What validation needs.

    Args:
        encoder: the adapter.
        suffix: file suffix of its output, with dot.
        executor: where jobs run; closed at once when validation is interrupted.
        clips: the clips of both sides.
        scorer: what the search climbed.
        judges: metrics that it did not.
        seed: seed of the bootstrap.
        observer: told of progress.
        objective: what the search maximised.
        holdout_sources: from how many recordings the held-out clips are.
        listening: target kb/s -> what a listening test on the run says.
        convert: the command that does to a file what was done to the clips; empty: nothing was.
    """

    encoder: Encoder
    suffix: str
    executor: Executor
    clips: dict[Side, list[ClipRef]]
    scorer: Metric
    judges: tuple[Metric, ...]
    seed: int
    observer: Observer
    objective: str = "mean"
    holdout_sources: int = ENOUGH_SOURCES
    listening: Mapping[float, ListeningResult] = field(default_factory=dict)
    convert: Sequence[str] = ()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What the search climbed, and the judges."""
        return (self.scorer, *self.judges)

    def metrics_of(self, side: Side) -> tuple[Metric, ...]:
        """What scores the clips of a side: on the tune side, what the search climbed alone."""
        return self.metrics if side == "holdout" else (self.scorer,)

    @property
    def families(self) -> dict[str, list[str]]:
        """Family -> names of its judges."""
        found: dict[str, list[str]] = {}
        for judge in self.judges:
            found.setdefault(judge.about.family, []).append(judge.name)
        return found

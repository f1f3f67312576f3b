"""All curves of a report, and the Bjøntegaard deltas within and between its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from tuner.report.bd import Figure, bd_quality, bd_rate
from tuner.report.candidates import metric_order
from tuner.report.curves import Curve, default_curve, tuned_curve
from tuner.report.runs import Run


@dataclass(frozen=True)
class Curves:
    """The two curves of one run by one metric; None where nothing was scored."""

    default: Curve | None
    tuned: Curve | None


@dataclass(frozen=True)
class Delta:
    """Both figures of `test` over `anchor`."""

    anchor: str
    test: str
    rate: Figure
    quality: Figure


@dataclass(frozen=True)
class Deltas:
    """By one metric: tuned over default of each run, and tuned over tuned between the runs."""

    metric: str
    gained: list[Delta]
    between: list[Delta]


def find_metrics(runs: Sequence[Run]) -> list[str]:
    """All metrics of the runs, the quality model first."""
    return list(dict.fromkeys(metric for run in runs for metric in metric_order(run.results)))


def find_curves(runs: Sequence[Run], metrics: Sequence[str]) -> dict[str, list[Curves]]:
    """Metric -> curves of each run."""
    return {
        metric: [
            Curves(
                default_curve(run.results, metric, run.name),
                tuned_curve(run.results, metric, run.name),
            )
            for run in runs
        ]
        for metric in metrics
    }


def find_deltas(curves: dict[str, list[Curves]], seed: int) -> list[Deltas]:
    """The deltas by each metric, in the order of `curves`; none where all have one bitrate."""
    drawn = [c for of_runs in curves.values() for e in of_runs for c in (e.default, e.tuned) if c]
    if all(len(curve.rates) < 2 for curve in drawn):
        return []
    found = []
    for metric, of_runs in curves.items():
        gained = [_delta(e.default, e.tuned, seed) for e in of_runs if e.default and e.tuned]
        tuned = [each.tuned for each in of_runs if each.tuned]
        between = [_delta(anchor, test, seed) for anchor, test in combinations(tuned, 2)]
        found.append(Deltas(metric, gained, between))
    return found


def _delta(anchor: Curve, test: Curve, seed: int) -> Delta:
    return Delta(
        anchor.name, test.name, bd_rate(anchor, test, seed), bd_quality(anchor, test, seed)
    )

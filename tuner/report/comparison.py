"""All curves of a report, and the Bjøntegaard deltas within and between its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from tuner.report.bd import Figure, bd_quality, bd_rate
from tuner.report.candidates import metric_order
from tuner.report.curves import Curve, default_curve, found_curve, recommended_curve
from tuner.report.runs import Run


@dataclass(frozen=True)
class Curves:
    """The curves of one run by one metric; None where nothing was scored.

    Args:
        default: the encoder's defaults, at the targets and around them.
        tuned: what the run recommends, the default among it.
        found: the best settings found where they are not recommended.
    """

    default: Curve | None
    tuned: Curve | None
    found: Curve | None = None

    def shown(self, target_kbps: float) -> Curve | None:
        """The curve on which the settings lie that a verdict is about."""
        if self.found is not None and target_kbps in self.found.targets:
            return self.found
        return self.tuned


@dataclass(frozen=True)
class Delta:
    """Both figures of `test` over `anchor`."""

    anchor: str
    test: str
    rate: Figure
    quality: Figure


@dataclass(frozen=True)
class Deltas:
    """By one metric: recommended over default of each run, and between the runs' recommended."""

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
                recommended_curve(run.results, metric, run.name),
                found_curve(run.results, metric, run.name),
            )
            for run in runs
        ]
        for metric in metrics
    }


def find_deltas(curves: dict[str, list[Curves]], seed: int) -> list[Deltas]:
    """The deltas by each metric, in the order of `curves`; none where all have one bitrate."""
    drawn = [e.tuned for of_runs in curves.values() for e in of_runs if e.tuned]
    if all(len(curve.rates) < 2 for curve in drawn):
        return []
    found = []
    for metric, of_runs in curves.items():
        gained = [
            _delta(e.default, e.tuned, seed)
            for e in of_runs
            if e.default and e.tuned and not _is_default(e.tuned, e.default)
        ]
        tuned = [each.tuned for each in of_runs if each.tuned]
        between = [_delta(anchor, test, seed) for anchor, test in combinations(tuned, 2)]
        if gained or between:
            found.append(Deltas(metric, gained, between))
    return found


def _is_default(recommended: Curve, default: Curve) -> bool:
    """Whether nothing but the default is recommended: there is nothing to compare then."""
    rates = dict(zip(default.targets, default.rates, strict=True))
    points = zip(recommended.targets, recommended.rates, strict=True)
    return all(rates.get(target) == rate for target, rate in points)


def _delta(anchor: Curve, test: Curve, seed: int) -> Delta:
    return Delta(
        anchor.name, test.name, bd_rate(anchor, test, seed), bd_quality(anchor, test, seed)
    )

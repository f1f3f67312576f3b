"""What the report's plots draw, as plain JSON data for ``report.js``, which sets texts as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tuner.records import BitrateResult, Complete, Failed, Scored
from tuner.report import words
from tuner.report.candidates import find_changes, first_default
from tuner.report.comparison import Curves
from tuner.report.curves import Curve
from tuner.report.runs import Run
from tuner.report.targets import draw_targets
from tuner.report.words import objective_name

#: Corner of a hull: measured kb/s, mean score, whose it is.
Corner = tuple[float, float, str]


def build_charts(runs: Sequence[Run], curves: dict[str, list[Curves]]) -> dict[str, Any]:
    """All plots of the head of the report, and the lists of trials."""
    seed = runs[0].results.provenance.seed
    by_objective = any(objective_name(run.results) for run in runs)
    return {
        "model": runs[0].results.climbed,
        "metrics": [{"key": m, "label": words.metric_label(m)} for m in curves],
        "runs": [
            {
                "key": run.key,
                "name": run.name,
                "curves": {
                    metric: {
                        "default": _points(of_runs[index].default, seed),
                        "tuned": _points(of_runs[index].tuned, seed),
                        "found": _points(of_runs[index].found, seed),
                    }
                    for metric, of_runs in curves.items()
                },
                "trials": [_trials(each, by_objective) for each in run.results.everything],
                "targets": draw_targets(run.results),
            }
            for index, run in enumerate(runs)
        ],
        "hull": {metric: find_hull(of_runs) for metric, of_runs in curves.items()},
    }


def _points(curve: Curve | None, seed: int) -> list[dict[str, Any]]:
    """A curve's points with their bands, rising bitrate."""
    if curve is None:
        return []
    return [
        {
            "target": f"{target:g}",
            "x": round(float(rate), 2),
            "y": round(band.value, 2),
            "low": round(band.low, 2),
            "high": round(band.high, 2),
            "used": used,
        }
        for target, rate, used, band in zip(
            curve.targets, curve.rates, curve.recommended, curve.bands(seed), strict=True
        )
    ]


def find_hull(curves: Sequence[Curves]) -> list[dict[str, Any]]:
    """The upper hull over the logarithm of bitrate of all that the runs can advise.

    Those are the defaults and the recommended settings; where an encoder is on no corner,
    another gives more quality for the bits.
    """
    # Points for one target differ by the tolerance of rate matching: one of them is enough.
    best: dict[float, Corner] = {}
    for each in curves:
        for curve in (each.default, each.tuned):
            if curve is None:
                continue
            points = zip(
                curve.targets,
                curve.rates,
                curve.scores.mean(axis=0),
                curve.recommended,
                strict=True,
            )
            for target, rate, mean, used in points:
                is_advice = used or curve is each.default
                if is_advice and (target not in best or mean > best[target][1]):
                    best[target] = (float(rate), float(mean), curve.name)
    hull: list[Corner] = []
    for point in sorted(best.values()):
        if hull and point[1] <= hull[-1][1]:
            continue
        while len(hull) > 1 and not _turns_right(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return [{"x": round(x, 2), "y": round(y, 2), "name": name} for x, y, name in hull]


def _turns_right(a: Corner, b: Corner, c: Corner) -> bool:
    (ax, ay), (bx, by), (cx, cy) = ((math.log(x), y) for x, y, _ in (a, b, c))
    return (bx - ax) * (cy - ay) < (by - ay) * (cx - ax)


def _trials(bitrate: BitrateResult, by_objective: bool) -> list[list[Any]]:
    """The rows of one bitrate's list of trials, in the order of its columns.

    With `by_objective`, what the search maximised comes before the mean score.

    """
    default = first_default(bitrate)
    own = bitrate.default_trial
    first = own.objective if isinstance(own, Scored) else None
    rows = []
    for trial in bitrate.trials:
        gain = ""
        if isinstance(trial, Scored) and first is not None and trial is not own:
            gain = words.signed(trial.objective - first)
        changes = find_changes(default, trial) if default is not None else []
        knob = None if isinstance(trial, Failed) else trial.knob
        kbps = None if isinstance(trial, Failed) else trial.bitrate_kbps
        figures = [_figure(None)] * 3
        if isinstance(trial, Scored):
            figures = [_figure(x) for x in (trial.objective, trial.score, trial.spread)]
        objective, score, spread = figures
        rows.append([
            trial.number, trial.state, *([objective] if by_objective else []),
            score, gain, spread,
            _figure(kbps), "" if knob is None else f"{knob:g}", round(trial.passes, 1),
            f"{trial.encode_s:.2f}" if isinstance(trial, Complete) else "",
            ", ".join(f"{c.name} {c.after}" for c in changes),
            "" if isinstance(trial, Complete) else trial.reason,
        ])  # fmt: skip
    return rows


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"

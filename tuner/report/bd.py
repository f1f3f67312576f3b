"""Bjøntegaard deltas between two rate-quality curves, with intervals over clips.

They are computed by PCHIP, as the common test conditions of the video coders do (the package
`bjontegaard`, which a test compares them with); we leave clips out and resample
(`tuner.bootstrap`). Source: G. Bjøntegaard, Calculation of average PSNR differences between
RD-curves, VCEG-M33, 2001.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tuner.bootstrap import bootstrap_statistic
from tuner.report.curves import Curve, Floats, shared_clips

#: Where the curves share less than this part of their range, a figure speaks for little of it.
MIN_OVERLAP = 0.5


class Undefined(Exception):
    """These curves have no such figure; the message says why."""


@dataclass(frozen=True)
class Figure:
    """A figure read from curves.

    Args:
        value: None where there is none (`note` says why).
        low, high: 95 % interval over clips; None where there is none.
        note: what a reader must know of it, a clause without a full stop.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


def bd_rate(anchor: Curve, test: Curve, seed: int) -> Figure:
    """Bitrate that `test` spends over `anchor` at equal quality, per cent; negative: less."""

    def log_ratio(rates: Floats, before: Floats, test_rates: Floats, after: Floats) -> float:
        _check_rising(anchor, before)
        _check_rising(test, after)
        _overlap(before, after)
        return _mean_difference(before, np.log(rates), after, np.log(test_rates))

    figure = _with_interval(log_ratio, anchor, test, seed)
    if figure.value is None:
        return figure
    value, low, high = (
        None if log is None else 100 * math.expm1(log)
        for log in (figure.value, figure.low, figure.high)
    )
    _, before, _, after = _points(anchor, test, _rows(anchor, test).mean(axis=0))
    note = _told(_overlap(before, after), "quality")
    return Figure(value, low, high, _joined(figure.note, note))


def bd_quality(anchor: Curve, test: Curve, seed: int) -> Figure:
    """Quality that `test` gains over `anchor` at equal bitrate, points; positive: better."""

    def points_gained(rates: Floats, before: Floats, test_rates: Floats, after: Floats) -> float:
        log_rates, test_log_rates = np.log(rates), np.log(test_rates)
        _overlap(log_rates, test_log_rates)
        return _mean_difference(log_rates, before, test_log_rates, after)

    figure = _with_interval(points_gained, anchor, test, seed)
    if figure.value is None:
        return figure
    note = _told(_overlap(np.log(anchor.rates), np.log(test.rates)), "bitrate")
    return Figure(figure.value, figure.low, figure.high, _joined(figure.note, note))


def _mean_difference(x: Floats, y: Floats, test_x: Floats, test_y: Floats) -> float:
    """How much higher the second curve is than the first, on average over the x that they share."""
    from scipy.interpolate import PchipInterpolator

    low, high = max(x.min(), test_x.min()), min(x.max(), test_x.max())
    before, after = (
        float(PchipInterpolator(*curve).integrate(low, high))
        for curve in ((x, y), (test_x, test_y))
    )
    return (after - before) / float(high - low)


def _with_interval(
    statistic: Callable[[Floats, Floats, Floats, Floats], float],
    anchor: Curve,
    test: Curve,
    seed: int,
) -> Figure:
    """`statistic` of the points of paired curves (`_points`), or why there is none."""
    if min(len(anchor.rates), len(test.rates)) < 2:
        return Figure(note="needs at least two bitrates")
    rows = _rows(anchor, test)
    if not len(rows):
        return Figure(note="the curves have no clip in common")

    def of_means(means: Floats) -> float:
        return statistic(*_points(anchor, test, means))

    try:
        value = of_means(rows.mean(axis=0))
    except Undefined as reason:
        return Figure(note=str(reason))
    if len(rows) == 1:
        return Figure(value, note="no interval from a single clip")
    try:
        estimate = bootstrap_statistic(of_means, rows, seed)
    except Undefined:
        return Figure(value, note="no interval: undefined when one clip is left out")
    return Figure(estimate.value, estimate.low, estimate.high)


def _rows(anchor: Curve, test: Curve) -> Floats:
    """Both curves' rows over the clips that they share."""
    clips = shared_clips(anchor, test)
    return np.hstack([anchor.rows(clips), test.rows(clips)])


def _points(anchor: Curve, test: Curve, means: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Bitrates and scores of `anchor`, then of `test`, from the means of their `_rows`."""
    ours, theirs = np.split(means, [2 * len(anchor.rates)])
    points = (*anchor.points(ours), *test.points(theirs))
    for rates in points[::2]:
        if (np.diff(rates) <= 0).any():
            raise Undefined("the bitrates are too close: leaving out one clip changes their order")
    return points


def _check_rising(curve: Curve, means: Floats) -> None:
    """Raise `Undefined` where more bits do not sound better."""
    for index in np.flatnonzero(np.diff(means) <= 0):
        below, above = curve.targets[index], curve.targets[index + 1]
        raise Undefined(f"{curve.name} does not rise from {below:g} to {above:g} kb/s")


def _overlap(before: Floats, after: Floats) -> float:
    """Shared part of the range that both curves cover, 0 to 1; raises `Undefined` at 0."""
    shared = min(before.max(), after.max()) - max(before.min(), after.min())
    if shared <= 0:
        raise Undefined("the curves do not overlap")
    return float(shared / (max(before.max(), after.max()) - min(before.min(), after.min())))


def _told(share: float, what: str) -> str:
    return f"the {what} ranges overlap by {100 * share:.0f} %" if share < MIN_OVERLAP else ""


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))

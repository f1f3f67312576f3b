"""Bjøntegaard deltas between two rate-quality curves, with intervals over clips.

The package `bjontegaard` computes them by PCHIP, as the common test conditions of the
video coders do; we leave clips out and resample (`tuner.bootstrap`). Source: G. Bjøntegaard,
Calculation of average PSNR differences between RD-curves, VCEG-M33, 2001.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

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
    anchor, test = _paired(anchor, test)

    def log_ratio(means: Floats) -> float:
        from bjontegaard import bd_rate

        before, after = np.split(means, [len(anchor.rates)])
        _check_rising(anchor, before)
        _check_rising(test, after)
        _overlap(before, after)
        points = (anchor.rates, before, test.rates, after)
        percent = bd_rate(*points, method="pchip", require_matching_points=False, min_overlap=0)
        return math.log1p(float(percent) / 100)

    figure = _with_interval(log_ratio, anchor, test, seed)
    if figure.value is None:
        return figure
    value, low, high = (
        None if log is None else 100 * math.expm1(log)
        for log in (figure.value, figure.low, figure.high)
    )
    note = _told(_overlap(anchor.scores.mean(axis=0), test.scores.mean(axis=0)), "quality")
    return Figure(value, low, high, _joined(figure.note, note))


def bd_quality(anchor: Curve, test: Curve, seed: int) -> Figure:
    """Quality that `test` gains over `anchor` at equal bitrate, points; positive: better."""
    anchor, test = _paired(anchor, test)

    def points_gained(means: Floats) -> float:
        from bjontegaard import bd_psnr

        before, after = np.split(means, [len(anchor.rates)])
        _overlap(np.log(anchor.rates), np.log(test.rates))
        points = (anchor.rates, before, test.rates, after)
        delta = bd_psnr(*points, method="pchip", require_matching_points=False, min_overlap=0)
        return float(delta)

    figure = _with_interval(points_gained, anchor, test, seed)
    if figure.value is None:
        return figure
    note = _told(_overlap(np.log(anchor.rates), np.log(test.rates)), "bitrate")
    return Figure(figure.value, figure.low, figure.high, _joined(figure.note, note))


def _paired(anchor: Curve, test: Curve) -> tuple[Curve, Curve]:
    """Both curves over the clips that they share."""
    clips = shared_clips(anchor, test)
    return (
        replace(anchor, clips=clips, scores=anchor.among(clips)),
        replace(test, clips=clips, scores=test.among(clips)),
    )


def _with_interval(
    statistic: Callable[[Floats], float], anchor: Curve, test: Curve, seed: int
) -> Figure:
    """`statistic` of the means of paired curves, or why there is none."""
    if min(len(anchor.rates), len(test.rates)) < 2:
        return Figure(note="needs at least two bitrates")
    if not anchor.clips:
        return Figure(note="the curves share no clip")
    scores = np.hstack([anchor.scores, test.scores])
    try:
        value = statistic(scores.mean(axis=0))
    except Undefined as reason:
        return Figure(note=str(reason))
    if len(anchor.clips) == 1:
        return Figure(value, note="one clip has no interval")
    try:
        estimate = bootstrap_statistic(statistic, scores, seed)
    except Undefined:
        return Figure(value, note="no interval: without a single clip it is not defined")
    return Figure(estimate.value, estimate.low, estimate.high)


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
    return f"the curves share {100 * share:.0f} % of their {what}" if share < MIN_OVERLAP else ""


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))

"""Equivalent bitrate: what the default would have to spend to sound as the tuned settings do.

Read from the default's rate-quality curve, by monotone interpolation (PCHIP) of quality
over the logarithm of bitrate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tuner.bootstrap import bootstrap_statistic
from tuner.records import Estimate
from tuner.report.bd import Undefined
from tuner.report.curves import Curve, Floats, shared_clips


@dataclass(frozen=True)
class Equivalent:
    """The default's bitrate at the tuned settings' quality, kb/s.

    Values outside `lowest` to `highest` are extrapolated: say "at least", not the figure.

    Args:
        kbps: with its 95 % interval over clips.
        spent_kbps: what the tuned settings spend.
        lowest, highest: the ends of the default's curve, kb/s.
    """

    kbps: Estimate
    spent_kbps: float
    lowest: float
    highest: float

    def saving(self, kbps: float) -> float:
        """Share of the bits that the default's `kbps` need not be spent, below 1."""
        return 1 - self.spent_kbps / kbps


def equivalent_bitrate(default: Curve, tuned: Curve, target: float, seed: int) -> Equivalent:
    """The equivalent bitrate of the tuned settings for `target` kb/s.

    Raises:
        Undefined: the curves do not allow it; the message says why.
    """
    if len(default.rates) < 2:
        raise Undefined("needs at least two bitrates")
    clips = shared_clips(default, tuned)
    if len(clips) < 2:
        raise Undefined("needs at least two clips")
    point = tuned.targets.index(target)
    spent_kbps = float(tuned.rates[point])
    rows = np.hstack([default.rows(clips), tuned.rows(clips)])

    def log_ratio(means: Floats) -> float:
        ours, theirs = np.split(means, [2 * len(default.rates)])
        rates, scores = default.points(ours)
        spent, heard = (of_all[point] for of_all in tuned.points(theirs))
        return _log_rate_at(heard, np.log(rates), scores) - math.log(spent)

    try:
        estimate = bootstrap_statistic(log_ratio, rows, seed)
    except Undefined:
        raise Undefined("the default’s curve does not rise with the bitrate") from None
    ends = (estimate.value, estimate.low, estimate.high)
    return Equivalent(
        Estimate(*(spent_kbps * math.exp(end) for end in ends)),
        spent_kbps,
        float(default.rates[0]),
        float(default.rates[-1]),
    )


def _log_rate_at(quality: float, log_rates: Floats, means: Floats) -> float:
    """Where the curve has `quality`; beyond its ends along its outermost pieces."""
    from scipy.interpolate import PchipInterpolator

    if (np.diff(means) <= 0).any() or (np.diff(log_rates) <= 0).any():
        raise Undefined("not rising")
    if means[0] <= quality <= means[-1]:
        return float(PchipInterpolator(log_rates, means).solve(quality, extrapolate=False)[0])
    near, far = (0, 1) if quality < means[0] else (-1, -2)
    slope = (log_rates[far] - log_rates[near]) / (means[far] - means[near])
    return float(log_rates[near] + slope * (quality - means[near]))

"""Means over subjects and clips, with intervals that hold for both.

Every subject rates every clip, so ratings are not independent: a subject is strict on all clips,
a clip is hard for all subjects. The model is crossed random effects, one value per cell,
``y[s, c] = mean + subject[s] + clip[c] + rest[s, c]``. The variance of the grand mean is
``(MS_subject + MS_clip - MS_rest) / (S C)``, its degrees of freedom Satterthwaite's (the quasi-F
ratio of H. H. Clark, 1973, and Winer, Statistical Principles in Experimental Design). Where one
effect is estimated as none, the other's mean square stands alone, which errs on the safe side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Two-sided coverage of intervals.
LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean with its 95 % interval, and the p value of its being zero (two-sided).

    With a single rating, or with ratings that are all equal, nothing tells how they scatter:
    `low`, `high` and `p` are None.
    """

    value: float
    low: float | None
    high: float | None
    p: float | None


def crossed_mean(values: npt.NDArray[np.float64]) -> Mean:
    """The grand mean of ``[S, C]`` values, subjects by clips, as samples of both."""
    from scipy import stats

    mean = float(values.mean())
    if values.size < 2:
        return Mean(mean, None, None, None)
    variance, freedom = _variance_of_mean(values)
    if variance <= 0.0:
        return Mean(mean, None, None, None)
    error = math.sqrt(variance)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    p = 2.0 * float(stats.t.sf(abs(mean) / error, freedom))
    return Mean(mean, mean - reach, mean + reach, p)


def _variance_of_mean(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Variance of the grand mean, and its degrees of freedom."""
    subjects, clips = values.shape
    if min(subjects, clips) == 1:
        return float(values.var(ddof=1)) / values.size, values.size - 1
    by_subject, by_clip = values.mean(axis=1), values.mean(axis=0)
    rest = values - by_subject[:, None] - by_clip[None, :] + values.mean()
    freedom_s, freedom_c = subjects - 1, clips - 1
    freedom_r = freedom_s * freedom_c
    ms_s = clips * float(by_subject.var(ddof=1))
    ms_c = subjects * float(by_clip.var(ddof=1))
    ms_r = float((rest**2).sum()) / freedom_r
    if min(ms_s, ms_c) <= ms_r:
        larger, freedom = max((ms_s, freedom_s), (ms_c, freedom_c))
        return larger / values.size, freedom
    total = ms_s + ms_c - ms_r
    spread = ms_s**2 / freedom_s + ms_c**2 / freedom_c + ms_r**2 / freedom_r
    return total / values.size, total**2 / spread


def holm(p_values: list[float]) -> list[float]:
    """p values corrected for their number (Holm, 1979), in the same order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    least = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = least
    return corrected

"""Bootstrap intervals over clips: of a mean, and of any smooth figure made from means.

All are 95 % intervals of what another draw of clips of the same kind would give. Source:
B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, 12.5 (the bootstrap-t)
and 11.5 (the jackknife's pseudo-values).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tuner.records import Estimate

Floats = npt.NDArray[np.float64]

#: Two-sided level of every interval.
CONFIDENCE = 0.95
#: With fewer clips an answer is preliminary: two equal ones gave "95 % interval 2.6 to 2.6".
ENOUGH_CLIPS = 10
#: The largest possible difference of two MUSHRA scores, points.
SCALE = 100.0
#: With fewer clips too many resamples repeat one clip; Student's t stands in.
MIN_BOOTSTRAP_CLIPS = 5
#: A resample of nearly equal clips would divide by almost nothing, so its standard error
#: counts as at least this share of the sample's. Simulated at 15 clips: coverage of normal
#: differences 95 %, exponential 94 %, as without a floor, and at 5 clips a tenth narrower.
STANDARD_ERROR_FLOOR = 0.25
#: How many resamples are drawn: an interval's ends then repeat within about 2 % of its width.
RESAMPLES = 10_000


def paired_bootstrap(
    differences: Sequence[float], seed: int, resamples: int = RESAMPLES
) -> Estimate:
    """Mean of paired differences with its 95 % interval over clips.

    As `bootstrap_mean`, within the scale. One clip says nothing of others: the interval
    is the whole scale.

    Args:
        differences: tuned minus default, one per clip, points.
        seed: the same seed gives the same interval.
        resamples: how many bootstrap resamples are drawn.

    Raises:
        ValueError: no difference, or one that is not finite.
    """
    gains = np.asarray(differences, dtype=np.float64)
    if gains.size == 0 or not np.isfinite(gains).all():
        raise ValueError(f"paired differences must be finite and not empty: {differences!r}")
    if gains.size == 1:
        return Estimate(float(gains[0]), -SCALE, SCALE)
    mean = bootstrap_mean(gains, seed, resamples)
    return Estimate(mean.value, max(mean.low, -SCALE), min(mean.high, SCALE))


def bootstrap_mean(values: Floats, seed: int, resamples: int = RESAMPLES) -> Estimate:
    """Mean of one value per clip with its 95 % interval.

    Studentised bootstrap, which keeps its coverage at 15 clips where the percentile
    interval is too narrow. Two to four clips: Student's t.

    Args:
        values: ``[N]``, finite, N at least 2.
        seed: the same seed gives the same interval.
        resamples: how many bootstrap resamples are drawn.
    """
    mean = float(values.mean())
    error = float(values.std(ddof=1)) / float(np.sqrt(values.size))
    lower, upper = _pivots(values, error, seed, resamples) if error > 0 else (0.0, 0.0)
    low, high = mean - upper * error, mean - lower * error
    # Rounding must not put the mean outside its own interval.
    return Estimate(mean, min(low, mean), max(high, mean))


def simultaneous_intervals(
    differences: Floats, seed: int, resamples: int = RESAMPLES
) -> list[Estimate]:
    """Means of several columns, with intervals that hold all their truths at once in 95 %.

    Studentised bootstrap of the largest deviation: whole rows are resampled, so columns that
    move together cost little. Two to four rows: Student's t by Bonferroni.

    Args:
        differences: ``[N, M]``, one row per clip, finite, N at least 2.
        seed: the same seed gives the same intervals.
        resamples: how many bootstrap resamples are drawn.
    """
    clips, columns = differences.shape
    means, errors = differences.mean(axis=0), differences.std(axis=0, ddof=1) / np.sqrt(clips)
    if clips < MIN_BOOTSTRAP_CLIPS:
        from scipy import stats

        reach = float(stats.t.ppf(1 - (1 - CONFIDENCE) / (2 * columns), clips - 1))
    else:
        rng = np.random.default_rng(seed)
        drawn = differences[rng.integers(0, clips, size=(resamples, clips))]
        spread = drawn.std(axis=1, ddof=1) / np.sqrt(clips)
        spread = np.maximum(spread, STANDARD_ERROR_FLOOR * errors)
        moved = np.abs(drawn.mean(axis=1) - means)
        deviations = np.divide(moved, spread, out=np.zeros_like(moved), where=spread > 0)
        reach = float(np.quantile(deviations.max(axis=1), CONFIDENCE))
    ends = zip(means, means - reach * errors, means + reach * errors, strict=True)
    return [Estimate(float(mean), float(low), float(high)) for mean, low, high in ends]


def bootstrap_statistic(
    statistic: Callable[[Floats], float], scores: Floats, seed: int, resamples: int = RESAMPLES
) -> Estimate:
    """A smooth figure of the columns' means, with its 95 % interval over clips.

    `statistic` is asked once for all clips and once without each; the clips' pseudo-values
    are resampled as in `bootstrap_mean` (for a mean they are the values themselves). So a
    costly figure is computed N + 1 times, not thousands of times, and no resample asks it
    where it is not defined.

    Args:
        statistic: means ``[P]`` to a figure on a scale where its error is symmetric (the
            logarithm of a ratio).
        scores: ``[N, P]``, one row per clip, N at least 2.
        seed: the same seed gives the same interval.
        resamples: how many bootstrap resamples are drawn.

    Raises:
        Exception: whatever `statistic` raises.
    """
    clips, means = len(scores), scores.mean(axis=0)
    value = statistic(means)
    without_each = (clips * means - scores) / (clips - 1)
    pseudo = [clips * value - (clips - 1) * statistic(row) for row in without_each]
    spread = bootstrap_mean(np.asarray(pseudo), seed, resamples)
    shift = value - spread.value
    return Estimate(value, spread.low + shift, spread.high + shift)


def paired_statistic(
    statistic: Callable[[Floats], Floats],
    before: Floats,
    after: Floats,
    seed: int,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Difference of any figure of the clips (a percentile), with its 95 % interval over clips.

    Percentile bootstrap: rough with 15 clips, but it needs no smooth figure. One clip says
    nothing of others: the interval is the whole scale.

    Args:
        statistic: ``[..., N]`` to ``[...]``, over the last axis.
        before, after: ``[N]``, the same clips, points.
        seed: the same seed gives the same interval.
        resamples: how many bootstrap resamples are drawn.
    """
    value = float(statistic(after) - statistic(before))
    if before.size == 1:
        return Estimate(value, -SCALE, SCALE)
    drawn = np.random.default_rng(seed).integers(0, before.size, size=(resamples, before.size))
    tail = (1 - CONFIDENCE) / 2
    ends = np.quantile(statistic(after[drawn]) - statistic(before[drawn]), [tail, 1 - tail])
    return Estimate(value, min(float(ends[0]), value), max(float(ends[1]), value))


def _pivots(values: Floats, error: float, seed: int, resamples: int) -> tuple[float, float]:
    """Lower and upper quantile of (mean - true mean) / standard error."""
    tail = (1 - CONFIDENCE) / 2
    if values.size < MIN_BOOTSTRAP_CLIPS:
        from scipy import stats

        quantile = float(stats.t.ppf(1 - tail, values.size - 1))
        return -quantile, quantile
    rng = np.random.default_rng(seed)
    drawn = values[rng.integers(0, values.size, size=(resamples, values.size))]
    errors = drawn.std(axis=1, ddof=1) / np.sqrt(values.size)
    errors = np.maximum(errors, STANDARD_ERROR_FLOOR * error)
    lower, upper = np.quantile((drawn.mean(axis=1) - values.mean()) / errors, [tail, 1 - tail])
    return float(lower), float(upper)

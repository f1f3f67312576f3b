"""The answer for one bitrate: paired intervals over clips, and what they allow to say.

Gains are differences on the MUSHRA scale (points, -100 to 100, positive: the tuned
settings are better), always paired: tuned minus default on the same clip. Source of
the interval: B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, 12.5
(the bootstrap-t).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tuner.results import METRIC_LABELS, Estimate, Verdict

#: Two-sided level of every interval.
CONFIDENCE = 0.95
#: The largest possible difference of two MUSHRA scores, points.
SCALE = 100.0
#: With fewer clips too many resamples repeat one clip; Student's t stands in.
MIN_BOOTSTRAP_CLIPS = 5
#: A resample of nearly equal clips would divide by almost nothing, so its standard error
#: counts as at least this share of the sample's. Simulated at 15 clips: coverage of normal
#: differences 95 %, exponential 94 %, as without a floor, and at 5 clips a tenth narrower.
STANDARD_ERROR_FLOOR = 0.25

#: The best of many trials on the tune clips is a little better by luck. Half of the finest
#: step of a MUSHRA slider (one point) is too little to validate.
MIN_TUNE_GAIN = 0.5
#: A held-out gain under one step of a MUSHRA slider, with zero inside its interval, means
#: that there is nothing to gain, not that there were too few clips.
MIN_HOLDOUT_GAIN = 1.0


def paired_bootstrap(differences: Sequence[float], seed: int, resamples: int = 10_000) -> Estimate:
    """Mean of paired differences with its 95 % interval over clips.

    Studentised bootstrap, which keeps its coverage at 15 clips where the percentile
    interval is too narrow. Two to four clips: Student's t. One clip says nothing of
    others: the interval is the whole scale.

    Args:
        differences: tuned minus default, one per clip, points.
        seed: the same seed gives the same interval.
        resamples: how many bootstrap resamples are drawn.

    Raises:
        ValueError: no difference, or one that is not finite.
    """
    gains = np.asarray(differences, dtype=np.float64)
    if gains.size == 0 or not np.isfinite(gains).all():
        raise ValueError(f"paired differences must be finite and at least one: {differences!r}")
    mean = float(gains.mean())
    if gains.size == 1:
        return Estimate(mean, -SCALE, SCALE)
    error = float(gains.std(ddof=1)) / float(np.sqrt(gains.size))
    lower, upper = _pivots(gains, error, seed, resamples) if error > 0 else (0.0, 0.0)
    low, high = mean - upper * error, mean - lower * error
    # Rounding must not put the mean outside its own interval.
    return Estimate(mean, max(min(low, mean), -SCALE), min(max(high, mean), SCALE))


def _pivots(
    gains: npt.NDArray[np.float64], error: float, seed: int, resamples: int
) -> tuple[float, float]:
    """Lower and upper quantile of (mean - true mean) / standard error."""
    tail = (1 - CONFIDENCE) / 2
    if gains.size < MIN_BOOTSTRAP_CLIPS:
        from scipy import stats

        quantile = float(stats.t.ppf(1 - tail, gains.size - 1))
        return -quantile, quantile
    rng = np.random.default_rng(seed)
    drawn = gains[rng.integers(0, gains.size, size=(resamples, gains.size))]
    errors = drawn.std(axis=1, ddof=1) / np.sqrt(gains.size)
    errors = np.maximum(errors, STANDARD_ERROR_FLOOR * error)
    lower, upper = np.quantile((drawn.mean(axis=1) - gains.mean()) / errors, [tail, 1 - tail])
    return float(lower), float(upper)


def decide(
    holdout_gains: Mapping[str, Estimate],
    tune_gain: float,
    *,
    model: str,
    judges: Sequence[str],
    n_clips: int | None = None,
) -> Verdict:
    """The verdict on the best settings found.

    Args:
        holdout_gains: metric name -> paired gain over the default on the held-out clips.
            Without the model's, the settings were not scored there.
        tune_gain: the model's mean gain on the tune clips, points.
        model: name of the quality model among the metrics.
        judges: names of the metrics that the search never saw.
        n_clips: how many held-out clips there are; only named in the sentence.
    """
    clips = "held-out clips" if n_clips is None else f"{n_clips} held-out clips"
    if n_clips == 1:
        clips = "1 held-out clip"
    if tune_gain <= MIN_TUNE_GAIN:
        return Verdict(
            "the default is already the best",
            "The default is already the best: no settings tried gain more than"
            f" {MIN_TUNE_GAIN:.1f} points over it on the tune clips.",
        )
    if model not in holdout_gains:
        return Verdict(
            "not confirmed",
            f"Not confirmed: the settings gain {tune_gain:.1f} points on the tune clips"
            " but could not be scored on the held-out clips.",
        )
    opinions = {name: holdout_gains[name] for name in judges if name in holdout_gains}
    return _weigh(holdout_gains[model], opinions, tune_gain, clips)


def _weigh(
    gain: Estimate, opinions: Mapping[str, Estimate], tune_gain: float, clips: str
) -> Verdict:
    """The verdict where the model and any judges have scored the held-out clips."""
    if gain.low <= 0 <= gain.high and abs(gain.value) < MIN_HOLDOUT_GAIN:
        return Verdict(
            "the default is already the best",
            "The default is already the best: the best settings found gain"
            f" {tune_gain:.1f} points on the tune clips but {_figures(gain)} on {clips}.",
        )
    against = [name for name, opinion in opinions.items() if opinion.high < 0]
    if gain.value > 0 and against:
        return Verdict(
            "objected",
            f"Objected: the quality model sees a gain of {_figures(gain)} on {clips},"
            f" but {_name(opinions, against)} {_verb(against, 'hears', 'hear')} a loss;"
            " listen before you use these settings.",
        )
    agreeing = [name for name, opinion in opinions.items() if opinion.low > 0]
    if gain.low > 0 and agreeing:
        undecided = [name for name in opinions if name not in agreeing]
        doubt = f"; {_name(opinions, undecided)} cannot tell" if undecided else ""
        return Verdict(
            "confirmed",
            f"Confirmed: on {clips} the tuned settings gain {_figures(gain)};"
            f" {_name(opinions, agreeing)} {_verb(agreeing, 'agrees', 'agree')}{doubt}.",
        )
    return Verdict("not confirmed", _unproven(gain, opinions, tune_gain, clips))


def _unproven(
    gain: Estimate, opinions: Mapping[str, Estimate], tune_gain: float, clips: str
) -> str:
    """Why a gain on the tune clips is not proven on the held-out ones."""
    if gain.high < 0:
        return (
            f"Not confirmed: the settings gain {tune_gain:.1f} points on the tune clips"
            f" but lose {_figures(Estimate(-gain.value, -gain.high, -gain.low))} on {clips}."
        )
    if gain.low <= 0:
        return (
            f"Not confirmed: the settings gain {tune_gain:.1f} points on the tune clips,"
            f" but on {clips} the gain is {_figures(gain)}, which may be nothing."
        )
    names = list(opinions)
    doubt = f"{_name(opinions, names)} cannot tell" if names else "no judge was asked"
    return (
        f"Not confirmed: on {clips} the quality model sees a gain of {_figures(gain)}, but {doubt}."
    )


def _figures(gain: Estimate) -> str:
    # Adding zero turns a rounded -0.0 into 0.0.
    value, low, high = (round(x, 1) + 0.0 for x in (gain.value, gain.low, gain.high))
    return f"{value:.1f} points (95 % interval {low:.1f} to {high:.1f})"


def _name(opinions: Mapping[str, Estimate], names: Sequence[str]) -> str:
    """Judges with their figures, as "ViSQOL (+7.9) and Zimtohrli (+1.2)"."""
    named = [f"{METRIC_LABELS.get(n, n)} ({round(opinions[n].value, 1) + 0.0:+.1f})" for n in names]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _verb(names: Sequence[str], one: str, several: str) -> str:
    return one if len(names) == 1 else several

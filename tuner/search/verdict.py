"""The answer for one bitrate: paired intervals over clips, and what they allow to say.

Gains are differences on the MUSHRA scale (points, -100 to 100, positive: the tuned
settings are better), always paired: tuned minus default on the same clip, with the
intervals of `tuner.bootstrap`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tuner.results import METRIC_LABELS, Estimate, Verdict

#: The best of many trials on the tune clips is a little better by luck. Half of the finest
#: step of a MUSHRA slider (one point) is too little to validate.
MIN_TUNE_GAIN = 0.5
#: A held-out gain under one step of a MUSHRA slider, with zero inside its interval, means
#: that there is nothing to gain, not that there were too few clips.
MIN_HOLDOUT_GAIN = 1.0


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

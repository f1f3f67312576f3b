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
#: that there is nothing to gain,
MIN_HOLDOUT_GAIN = 1.0
#: as long as its interval leaves no more to hope for than this, points, which few listening tests
#: would show; with a wider one there were too few clips to tell.
MOST_HOPE = 3.0


def decide(
    holdout_gains: Mapping[str, Estimate],
    tune_gain: float,
    *,
    model: str,
    judges: Sequence[str],
    n_clips: int | None = None,
    objective: str = "mean",
) -> Verdict:
    """The verdict on the best settings found.

    Args:
        holdout_gains: metric name -> paired gain over the default on the held-out clips.
            Without the model's, the settings were not scored there.
        tune_gain: the model's mean gain on the tune clips, points.
        model: name of the quality model among the metrics.
        judges: names of the metrics that the search never saw.
        n_clips: how many held-out clips there are; only named in the sentence.
        objective: what the search maximised (`tuner.search.objective`).
    """
    clips = "held-out clips" if n_clips is None else f"{n_clips} held-out clips"
    if n_clips == 1:
        clips = "1 held-out clip"
    if tune_gain <= MIN_TUNE_GAIN and objective != "mean":
        return Verdict(
            "not confirmed",
            f"Not confirmed: the best settings by {objective} gain {_points(tune_gain)} on the mean"
            " of the tune clips, and the mean is what held-out clips can confirm.",
        )
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
    hopeful = gain.high > MOST_HOPE or any(opinion.low > 0 for opinion in opinions.values())
    if gain.low <= 0 <= gain.high and abs(gain.value) < MIN_HOLDOUT_GAIN and not hopeful:
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
    names = list(opinions)
    if gain.low <= 0:
        # Rounded, a loss of 0.04 is no loss.
        loses = round(gain.value, 1) < 0
        change = Estimate(-gain.value, -gain.high, -gain.low) if loses else gain
        sure = [name for name in names if opinions[name].low > 0 or opinions[name].high < 0]
        heard = f"; {_name(opinions, sure)} {_verb(sure, 'is', 'are')} sure" if sure else ""
        return (
            f"Not confirmed: the settings gain {tune_gain:.1f} points on the tune clips, but"
            f" {'lose' if loses else 'gain'} {_figures(change)} on {clips}, which may be"
            f" chance{heard}."
        )
    doubt = f"{_name(opinions, names)} cannot tell" if names else "no judge was asked"
    return (
        f"Not confirmed: on {clips} the quality model sees a gain of {_figures(gain)}, but {doubt}."
    )


def _figures(gain: Estimate) -> str:
    return (
        f"{_points(gain.value)} (95 % interval {_rounded(gain.low):.1f} to"
        f" {_rounded(gain.high):.1f})"
    )


def _points(value: float) -> str:
    return f"{_rounded(value):.1f} points"


def _rounded(value: float) -> float:
    # Adding zero turns a rounded -0.0 into 0.0.
    return round(value, 1) + 0.0


def _name(opinions: Mapping[str, Estimate], names: Sequence[str]) -> str:
    """Judges with their figures, as "ViSQOL (+7.9) and Zimtohrli (+1.2)"."""
    named = [f"{METRIC_LABELS.get(n, n)} ({round(opinions[n].value, 1) + 0.0:+.1f})" for n in names]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _verb(names: Sequence[str], one: str, several: str) -> str:
    return one if len(names) == 1 else several

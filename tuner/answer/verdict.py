"""The answer for one bitrate: paired intervals over clips, and what they allow to say.

Gains are differences on the MUSHRA scale (points, -100 to 100, positive: the tuned
settings are better), always paired: tuned minus default on the same clip, with the
intervals of `tuner.bootstrap`. Judges of one family (`tuner.metric.Family`) make the same
mistakes, so they speak with one voice: the mean of their scores, clip by clip.

================ ==================================================================
confirmed        the climbed metric gains for sure, by its mean and by the objective; at
                 least two families of judges do, and none loses for sure
objected         a family of judges loses for sure
preliminary      too few held-out clips, or all from one source, to say either
nothing better   no settings gained on the tuning clips, or what they gained is gone
was found        on the held-out ones
not confirmed    anything else
================ ==================================================================

Where the search maximised another objective than the mean (`tuner.study.objective`), both must
gain. The objective chose the finalists, so it says whether what was found carries over to other
clips; by the mean the settings must sound better, as an objective can rise without that:
consensus does where the families merely agree more.

A listening test on the run stands above all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tuner.bootstrap import ENOUGH_CLIPS
from tuner.metric import FAMILY_WORDS
from tuner.records import MODEL, Estimate, ListeningResult, Verdict, metric_label, objective_label

#: The best of many trials on the tuning clips is a little better by luck. Half of the finest
#: step of a MUSHRA slider (one point) is too little to validate.
MIN_TUNE_GAIN = 0.5
#: A held-out gain under one step of a MUSHRA slider, with zero inside its interval, means
#: that there is nothing to gain,
MIN_HOLDOUT_GAIN = 1.0
#: as long as its interval leaves no more to hope for than this, points, which few listening tests
#: would show; with a wider one there were too few clips to tell.
MOST_HOPE = 3.0
#: Families that must gain beside what the search climbed.
ENOUGH_FAMILIES = 2
#: With held-out clips of fewer sources an answer is preliminary, too.
ENOUGH_SOURCES = 2


@dataclass(frozen=True)
class Evidence:
    """What a verdict is drawn from.

    Args:
        tune_gain: gain on the tuning clips by the objective, which chose the settings, points.
        gain: mean gain on the held-out clips by the climbed metric; None where they could not
            be scored.
        families: family -> gain on the held-out clips by the mean of its judges, what the
            search climbed left out.
        judges: family -> names of its judges.
        n_clips, n_sources: how many held-out clips, from how many recordings.
        n_trials: how many settings were tried.
        objective: how clips were put together (`tuner.study.objective`).
        objective_gain: gain by it on the held-out clips; None where it is the mean.
        climbed: name of the metric that the search climbed.
        climbed_family: its family, which cannot confirm itself.
        taught: judges that the shipped quality model learned from.
        heard: what a listening test on this run says, if there was one.
    """

    tune_gain: float
    gain: Estimate | None
    families: Mapping[str, Estimate]
    judges: Mapping[str, Sequence[str]]
    n_clips: int
    n_sources: int = ENOUGH_SOURCES
    n_trials: int = 0
    objective: str = "mean"
    objective_gain: Estimate | None = None
    climbed: str = MODEL
    climbed_family: str = "model"
    taught: Collection[str] = ()
    heard: ListeningResult | None = None

    @property
    def clips(self) -> str:
        """ "15 held-out clips", "1 held-out clip"."""
        return "1 held-out clip" if self.n_clips == 1 else f"{self.n_clips} held-out clips"

    @property
    def voices(self) -> dict[str, Estimate]:
        """Families that can confirm: not the climbed metric's own, nor the model, a pupil."""
        own = {self.climbed_family, "model"}
        return {family: gain for family, gain in self.families.items() if family not in own}

    @property
    def gains(self) -> list[Estimate]:
        """The gains that must be sure: by the mean, and by the objective where it is another."""
        return [each for each in (self.gain, self.objective_gain) if each is not None]

    @property
    def by_objective(self) -> str:
        """ " by consensus"; empty where the mean was maximised."""
        return "" if self.objective_gain is None else f" by {objective_label(self.objective)}"

    @property
    def climbed_label(self) -> str:
        """ "the quality model", "ViSQOL"."""
        return "the quality model" if self.climbed == MODEL else metric_label(self.climbed)


def decide(evidence: Evidence) -> Verdict:
    """The verdict on the best settings found."""
    if evidence.heard is not None and evidence.gain is not None:
        return _by_listeners(evidence, evidence.heard)
    if evidence.tune_gain <= MIN_TUNE_GAIN:
        return _nothing_on_tune(evidence)
    if evidence.gain is None:
        return Verdict(
            "not confirmed",
            f"Not confirmed: the gain is {_points(evidence.tune_gain)} on the tuning clips; the"
            " settings could not be scored on the held-out clips.",
        )
    few = _too_few(evidence)
    if few is not None:
        return Verdict("preliminary", _preliminary(evidence, evidence.gain, few))
    return _weigh(evidence, evidence.gain)


def _nothing_on_tune(evidence: Evidence) -> Verdict:
    return Verdict(
        "nothing better was found",
        f"{_nothing(evidence)}: no settings gain more than {MIN_TUNE_GAIN:.1f} points over the"
        f" default{evidence.by_objective} on the tuning clips.",
    )


def _nothing(evidence: Evidence) -> str:
    trials = {0: "", 1: " in 1 trial"}.get(evidence.n_trials, f" in {evidence.n_trials} trials")
    return f"Nothing better was found{trials}"


def _too_few(evidence: Evidence) -> str | None:
    """Why the clips allow no more than a preliminary answer; None where they do."""
    if evidence.n_clips < ENOUGH_CLIPS:
        return f"{evidence.clips}, at least {ENOUGH_CLIPS} are needed"
    if evidence.n_sources < ENOUGH_SOURCES:
        return f"{evidence.clips}, all from one recording"
    return None


def _preliminary(evidence: Evidence, gain: Estimate, few: str) -> str:
    sure = {
        "gain": [family for family, each in evidence.families.items() if each.low > 0],
        "loss": [family for family, each in evidence.families.items() if each.high < 0],
    }
    told = "".join(
        f"; {_names(evidence, families)} {_verb(families, 'hears', 'hear')} a {what}"
        for what, families in sure.items()
        if families
    )
    return (
        f"Preliminary ({few}): the gain is {_gained_by(evidence, gain)}{told}."
        " Add clips and run again."
    )


def _weigh(evidence: Evidence, gain: Estimate) -> Verdict:
    """The verdict where there are clips enough."""
    families, voices = evidence.families, evidence.voices
    against = [family for family, each in families.items() if each.high < 0]
    if against:
        heard = f"{_names(evidence, against)} {_verb(against, 'hears', 'hear')} a loss"
        return Verdict(
            "objected",
            f"Objected: {heard} on {evidence.clips}; the gain is {_gained_by(evidence, gain)}."
            " Keep the default, or listen.",
        )
    agreeing = [family for family, each in voices.items() if each.low > 0]
    sure = all(each.low > 0 for each in evidence.gains)
    if sure and len(agreeing) >= ENOUGH_FAMILIES:
        undecided = [family for family in families if families[family].low <= 0]
        doubt = f"; {_undecided(evidence, undecided)}" if undecided else ""
        teachers = _teachers(evidence, agreeing)
        return Verdict(
            "confirmed",
            f"Confirmed: on {evidence.clips} the gain is {_gained_by(evidence, gain)};"
            f" {_names(evidence, agreeing)} agree{doubt}.{teachers}",
        )
    if not agreeing and all(map(_is_nothing, evidence.gains)):
        return Verdict(
            "nothing better was found",
            f"{_nothing(evidence)}: {_on_both(evidence, gain)}.",
        )
    return Verdict("not confirmed", _unproven(evidence, gain, agreeing))


def _is_nothing(gain: Estimate) -> bool:
    """Whether a gain is nearly none, and its interval leaves no more to hope for."""
    is_small = abs(gain.value) < MIN_HOLDOUT_GAIN and gain.low <= 0 <= gain.high
    return is_small and gain.high <= MOST_HOPE


def _unproven(evidence: Evidence, gain: Estimate, agreeing: Sequence[str]) -> str:
    """Why a gain on the tuning clips is not proven on the held-out ones."""
    found = f"Not confirmed: {_on_both(evidence, gain)}"
    if any(each.high < 0 for each in evidence.gains):
        return f"{found}."
    if any(each.low <= 0 for each in evidence.gains):
        heard = f"; {_names(evidence, agreeing)} {_verb(agreeing, 'hears', 'hear')} a gain"
        return f"{found}; {_chance(evidence)}{heard if agreeing else ''}."
    seen = f"Not confirmed: on {evidence.clips} the gain is {_gained_by(evidence, gain)}"
    undecided = [family for family in evidence.voices if family not in agreeing]
    if not evidence.voices:
        return f"{seen}, but no judge of another family was used."
    if not undecided:
        families = ", ".join(FAMILY_WORDS[family] for family in evidence.voices)
        return (
            f"{seen} and {_names(evidence, agreeing)} agrees, but this is only one family of"
            f" judges ({families}); {ENOUGH_FAMILIES} must agree."
        )
    agree = f"; only {_names(evidence, agreeing)} agrees" if agreeing else ""
    return f"{seen}, but {_undecided(evidence, undecided)}{agree}."


def _on_both(evidence: Evidence, gain: Estimate) -> str:
    """The gains on the tuning and the held-out clips."""
    return (
        f"the gain of the best settings is {_points(evidence.tune_gain)}{evidence.by_objective} on"
        f" the tuning clips; on {evidence.clips} it is {_gained_by(evidence, gain)}"
    )


def _chance(evidence: Evidence) -> str:
    """What may be chance: all of it, or which of the two gains."""
    mean, objective = (each is not None and each.low <= 0 for each in _both(evidence))
    if evidence.objective_gain is None or (mean and objective):
        return "this may be chance"
    if mean:
        return "the mean gain may be chance"
    return f"the gain{evidence.by_objective} may be chance"


def _both(evidence: Evidence) -> tuple[Estimate | None, Estimate | None]:
    return evidence.gain, evidence.objective_gain


def _by_listeners(evidence: Evidence, heard: ListeningResult) -> Verdict:
    """People stand above all metrics, whatever those say."""
    people = "1 listener" if heard.listeners == 1 else f"{heard.listeners} listeners"
    clips = "1 clip" if heard.clips == 1 else f"{heard.clips} clips"
    gain = heard.gain
    rated = f"{people} rated {clips}; tuned minus default is {_figures(gain)}"
    metrics = f" The gain is {_gained_by(evidence, evidence.gain or gain)}."
    if gain.low > 0:
        return Verdict("confirmed", f"Confirmed by listening: {rated}.{metrics}")
    if gain.high < 0:
        return Verdict("objected", f"Objected by listening: {rated}.{metrics} Keep the default.")
    return Verdict(
        "not confirmed",
        f"Not confirmed by listening: {rated}, which may be chance.{metrics}",
    )


def _gained_by(evidence: Evidence, gain: Estimate) -> str:
    """The gain by the metric's mean, and by the objective where it is another."""
    by_mean = f"{_figures(gain)} by {evidence.climbed_label}"
    if evidence.objective_gain is None:
        return by_mean
    maximised = f"{objective_label(evidence.objective)}, which the search maximised"
    return f"{by_mean} and {_figures(evidence.objective_gain)} by {maximised}"


def _figures(gain: Estimate) -> str:
    """ "+1.2 points (95 % interval +0.4 to +2.0)"; a loss is negative."""
    return f"{_points(gain.value)} (95 % interval {_signed(gain.low)} to {_signed(gain.high)})"


def _points(value: float) -> str:
    return f"{_signed(value)} points"


def _signed(value: float) -> str:
    """ "+1.2", "-0.4", "0.0"."""
    # Adding zero turns a rounded -0.0 into 0.0.
    rounded = round(value, 1) + 0.0
    return f"{rounded:+.1f}" if rounded else "0.0"


def _undecided(evidence: Evidence, families: Sequence[str]) -> str:
    return f"{_names(evidence, families)} {_verb(families, 'is', 'are')} undecided"


def _names(evidence: Evidence, families: Sequence[str]) -> str:
    """Families by their judges, with their figures: "ViSQOL (+7.9) and Zimtohrli (+1.2)"."""
    named = []
    for family in families:
        judges = " with ".join(metric_label(name) for name in evidence.judges.get(family, ()))
        value = _signed(evidence.families[family].value)
        named.append(f"{judges or FAMILY_WORDS[family]} ({value})")
    return _joined(named)


def _joined(named: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _teachers(evidence: Evidence, families: Sequence[str]) -> str:
    """Which of those that agree taught the model, whose agreement is no news then."""
    judges = [judge for family in families for judge in evidence.judges.get(family, ())]
    taught = [metric_label(judge) for judge in judges if judge in evidence.taught]
    if evidence.climbed != MODEL or not taught:
        return ""
    return f" The model learned from {_joined(taught)}."


def _verb(names: Sequence[str], one: str, several: str) -> str:
    return one if len(names) == 1 else several

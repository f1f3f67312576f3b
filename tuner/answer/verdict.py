"""The answer for one bitrate: paired intervals over clips, and what they allow to say.

Gains are differences on the MUSHRA scale (points, -100 to 100, positive: the tuned
settings are better), always paired: tuned minus default on the same clip, with the
intervals of `tuner.bootstrap`. Judges of one family (`tuner.metric.Family`) make the same
mistakes, so they speak with one voice: the mean of their scores, clip by clip.

================ ==================================================================
confirmed        what the search climbed gains for sure, at least two families of judges
                 do, and none loses for sure
objected         a family of judges loses for sure
preliminary      too few held-out clips, or all from one source, to say either
nothing better   no settings gained on the tuning clips, or what they gained is gone
was found        on the held-out ones
not confirmed    anything else
================ ==================================================================

A listening test on the run stands above all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tuner.metric import FAMILY_WORDS
from tuner.records import MODEL, Estimate, ListeningResult, Verdict, metric_label

#: The best of many trials on the tune clips is a little better by luck. Half of the finest
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
#: With fewer held-out clips, or fewer sources of them, an answer is preliminary: two equal clips
#: gave "95 % interval 2.6 to 2.6".
ENOUGH_CLIPS, ENOUGH_SOURCES = 10, 2


@dataclass(frozen=True)
class Evidence:
    """What a verdict is drawn from.

    Args:
        tune_gain: mean gain on the tune clips by what the search climbed, points.
        gain: the same on the held-out clips; None where they could not be scored.
        families: family -> gain on the held-out clips by the mean of its judges, what the
            search climbed left out.
        judges: family -> names of its judges.
        n_clips, n_sources: how many held-out clips, from how many recordings.
        n_trials: how many settings were tried.
        objective: how clips were put together (`tuner.study.objective`).
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
            f"Not confirmed: the settings gain {evidence.tune_gain:.1f} points on the tune clips"
            " but could not be scored on the held-out clips.",
        )
    few = _too_few(evidence)
    if few is not None:
        return Verdict("preliminary", _preliminary(evidence, evidence.gain, few))
    return _weigh(evidence, evidence.gain)


def _nothing_on_tune(evidence: Evidence) -> Verdict:
    if evidence.objective != "mean":
        return Verdict(
            "not confirmed",
            f"Not confirmed: the best settings by {evidence.objective} gain"
            f" {_points(evidence.tune_gain)} on the mean of the tune clips, and the mean is what"
            " held-out clips can confirm.",
        )
    return Verdict(
        "nothing better was found",
        f"{_nothing(evidence)}: none gains more than {MIN_TUNE_GAIN:.1f} points over the default"
        " on the tune clips.",
    )


def _nothing(evidence: Evidence) -> str:
    trials = {0: "", 1: " in 1 trial"}.get(evidence.n_trials, f" in {evidence.n_trials} trials")
    return f"Nothing better was found{trials}"


def _too_few(evidence: Evidence) -> str | None:
    """Why the clips allow no more than a preliminary answer; None where they do."""
    if evidence.n_clips < ENOUGH_CLIPS:
        return f"{evidence.clips}, fewer than the {ENOUGH_CLIPS} that an answer needs"
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
        f"Preliminary, with {few}: the settings {_gained(gain)} by"
        f" {evidence.climbed_label}{told}. Add clips and run again."
    )


def _weigh(evidence: Evidence, gain: Estimate) -> Verdict:
    """The verdict where there are clips enough."""
    families, voices = evidence.families, evidence.voices
    against = [family for family, each in families.items() if each.high < 0]
    if against:
        return Verdict(
            "objected",
            f"Objected: by {evidence.climbed_label} the settings {_gained(gain)} on"
            f" {evidence.clips}, but {_names(evidence, against)}"
            f" {_verb(against, 'hears', 'hear')} a loss; keep the default, or listen.",
        )
    agreeing = [family for family, each in voices.items() if each.low > 0]
    if gain.low > 0 and len(agreeing) >= ENOUGH_FAMILIES:
        undecided = [family for family in families if families[family].low <= 0]
        doubt = f"; {_names(evidence, undecided)} cannot tell" if undecided else ""
        teachers = _teachers(evidence, agreeing)
        return Verdict(
            "confirmed",
            f"Confirmed: on {evidence.clips} the tuned settings gain {_figures(gain)} by"
            f" {evidence.climbed_label}; {_names(evidence, agreeing)} agree{doubt}.{teachers}",
        )
    hopeful = gain.high > MOST_HOPE or bool(agreeing)
    if gain.low <= 0 <= gain.high and abs(gain.value) < MIN_HOLDOUT_GAIN and not hopeful:
        return Verdict(
            "nothing better was found",
            f"{_nothing(evidence)}: the best settings found gain"
            f" {evidence.tune_gain:.1f} points on the tune clips but {_figures(gain)} on"
            f" {evidence.clips}.",
        )
    return Verdict("not confirmed", _unproven(evidence, gain, agreeing))


def _unproven(evidence: Evidence, gain: Estimate, agreeing: Sequence[str]) -> str:
    """Why a gain on the tune clips is not proven on the held-out ones."""
    found = f"Not confirmed: the settings gain {evidence.tune_gain:.1f} points on the tune clips"
    if gain.high < 0:
        return f"{found} but {_gained(gain)} on {evidence.clips}."
    if gain.low <= 0:
        heard = f"; {_names(evidence, agreeing)} {_verb(agreeing, 'hears', 'hear')} a gain"
        return (
            f"{found}, but {_gained(gain)} on {evidence.clips}, which may be chance"
            f"{heard if agreeing else ''}."
        )
    seen = f"Not confirmed: on {evidence.clips} {evidence.climbed_label} sees a gain of"
    undecided = [family for family in evidence.voices if family not in agreeing]
    if not evidence.voices:
        return f"{seen} {_figures(gain)}, but no judge of another family was asked."
    if not undecided:
        families = ", ".join(FAMILY_WORDS[family] for family in evidence.voices)
        return (
            f"{seen} {_figures(gain)} and {_names(evidence, agreeing)} agrees, but one family of"
            f" judges ({families}) is too few; {ENOUGH_FAMILIES} must agree."
        )
    agree = f"; only {_names(evidence, agreeing)} agrees" if agreeing else ""
    doubt = f"{_names(evidence, undecided)} cannot tell{agree}"
    return f"{seen} {_figures(gain)}, but {doubt}."


def _by_listeners(evidence: Evidence, heard: ListeningResult) -> Verdict:
    """People stand above all metrics, whatever those say."""
    people = "1 listener" if heard.listeners == 1 else f"{heard.listeners} listeners"
    clips = "1 clip" if heard.clips == 1 else f"{heard.clips} clips"
    who = f"{people} on {clips}"
    gain = heard.gain
    metrics = f"; by {evidence.climbed_label} they {_gained(evidence.gain or gain)}"
    if gain.low > 0:
        return Verdict(
            "confirmed",
            f"Confirmed by listening: {who} rate the tuned settings {_figures(gain)}"
            f" above the default{metrics}.",
        )
    if gain.high < 0:
        less = Estimate(-gain.value, -gain.high, -gain.low)
        return Verdict(
            "objected",
            f"Objected by listening: {who} rate the tuned settings {_figures(less)}"
            f" below the default{metrics}. Keep the default.",
        )
    return Verdict(
        "not confirmed",
        f"Not confirmed by listening: {who} do not tell the tuned settings from the default:"
        f" {_figures(gain)}{metrics}.",
    )


def _gained(gain: Estimate) -> str:
    """ "gain 1.2 points (95 % interval 0.4 to 2.0)"; a loss as a positive number."""
    # Rounded, a loss of 0.04 is no loss.
    if round(gain.value, 1) < 0:
        return f"lose {_figures(Estimate(-gain.value, -gain.high, -gain.low))}"
    return f"gain {_figures(gain)}"


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


def _names(evidence: Evidence, families: Sequence[str]) -> str:
    """Families by their judges, with their figures: "ViSQOL (+7.9) and Zimtohrli (+1.2)"."""
    named = []
    for family in families:
        judges = " with ".join(metric_label(name) for name in evidence.judges.get(family, ()))
        value = _rounded(evidence.families[family].value)
        named.append(f"{judges or FAMILY_WORDS[family]} ({value:+.1f})")
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _teachers(evidence: Evidence, families: Sequence[str]) -> str:
    """Which of those that agree taught the model, whose agreement is no news then."""
    judges = [judge for family in families for judge in evidence.judges.get(family, ())]
    taught = [metric_label(judge) for judge in judges if judge in evidence.taught]
    if evidence.climbed != MODEL or not taught:
        return ""
    return f" The model learned from {' and '.join(taught)}."


def _verb(names: Sequence[str], one: str, several: str) -> str:
    return one if len(names) == 1 else several

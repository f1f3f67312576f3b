"""Settings on one side of the clips: matched to the bitrate, scored, compared with the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from tuner.answer.diagnosis import METERS, figures
from tuner.answer.validator import Validator
from tuner.bootstrap import paired_bootstrap
from tuner.jobs.passes import Passes, spent_kbps
from tuner.rate import RateMatch, Unreachable
from tuner.records import (
    Complete,
    Estimate,
    Side,
    SideResult,
)
from tuner.scorer import Score
from tuner.study.objective import clip_values, gain_of, is_mean_score

NOTHING = Estimate(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class FinalistScores:
    """One finalist on one side, before it is compared with the default."""

    match: RateMatch
    kbps: float
    """What the scores are of: the target, where it lies between two steps of the knob."""
    clip_kbps: dict[str, float]
    """Clip digest -> payload bitrate of the clip alone."""
    scores: dict[str, dict[str, Score]]
    """Clip digest -> name of a metric or a meter of the diagnosis -> score."""
    notes: list[str]
    """What the encoder told of choices of its own at the knob."""


def score_side(
    setup: Validator,
    target_kbps: float,
    record: Complete,
    side: Side,
    *,
    widely: bool = False,
) -> FinalistScores | Unreachable:
    """Match a trial's settings to the bitrate on one side, and score them there.

    Args:
        setup: what to score with.
        target_kbps: the target bitrate.
        record: the trial, with a knob value as the first guess.
        side: which clips.
        widely: accept the step of a coarse knob that comes nearest (`Passes.match_widely`).

    Raises:
        EncoderError, ScoreError, WorkerDied: what fails the trial alone.
    """
    settings = record.settings
    passes = Passes(setup.encoder, setup.executor, setup.clips[side], _ignore, target_kbps)
    # On the tune side the search's own match is the first guess, and its encodes are cached.
    match = (passes.match_widely if widely else passes.match)(settings, record.knob)
    if isinstance(match, Unreachable):
        return match
    # Other knob values made other choices: only what is said at this one counts.
    passes.notes.clear()
    outcomes = passes.hear(settings, match, (*setup.metrics_of(side), *METERS))
    scores = {digest: outcome.scores for digest, outcome in outcomes.items()}
    clip_kbps = {
        clip.digest: spent_kbps([clip], [outcomes[clip.digest]]) for clip in setup.clips[side]
    }
    kbps = spent_kbps(setup.clips[side], list(outcomes.values()))
    return FinalistScores(match, kbps, clip_kbps, scores, list(passes.notes))


def _ignore(_: object) -> None:
    """Passes of validation are not shown."""


def make_side_result(
    setup: Validator, scored: FinalistScores, default: FinalistScores, *, is_default: bool
) -> SideResult:
    """What is stored of settings on one side: their scores, and their gains over `default`."""
    scores = {
        metric.name: {digest: each[metric.name].mean for digest, each in scored.scores.items()}
        for metric in setup.metrics
        if all(metric.name in each for each in scored.scores.values())
    }
    families = {
        family: names for family, names in setup.families.items() if set(names) <= scores.keys()
    }
    differences = {
        name: {d: score - default.scores[d][name].mean for d, score in by_clip.items()}
        for name, by_clip in scores.items()
    }

    def estimate(names: Sequence[str]) -> Estimate:
        """The gain by the mean of some metrics."""
        if is_default:
            return NOTHING
        means = [fmean(differences[name][d] for name in names) for d in scored.scores]
        return paired_bootstrap(means, setup.seed)

    own = {digest: each[setup.scorer.name] for digest, each in scored.scores.items()}
    objective = _objective(setup, scored)
    return SideResult(
        knob=scored.match.knob,
        bitrate_kbps=scored.kbps,
        scores=scores,
        spreads={digest: score.spread for digest, score in own.items()},
        gains={name: estimate([name]) for name in scores},
        families={family: estimate(names) for family, names in families.items()},
        windows={digest: [round(x, 2) for x in score.windows] for digest, score in own.items()},
        diagnosis={digest: _rounded(figures(each)) for digest, each in scored.scores.items()},
        members={
            digest: [round(x, 2) for x in score.members]
            for digest, score in own.items()
            if score.members
        },
        clip_kbps=scored.clip_kbps,
        spends_kbps=None if scored.match.beside is None else scored.match.kbps,
        beside=list(scored.match.beside or ()),
        objective=objective,
        objective_gain=_objective_gain(setup, objective, default, is_default=is_default),
    )


def _objective(setup: Validator, scored: FinalistScores) -> dict[str, float]:
    """What the objective takes of each clip; empty where it is the mean score."""
    scores = [each[setup.scorer.name] for each in scored.scores.values()]
    if is_mean_score(scores, setup.objective):
        return {}
    return dict(zip(scored.scores, clip_values(scores, setup.objective), strict=True))


def _objective_gain(
    setup: Validator, own: Mapping[str, float], default: FinalistScores, *, is_default: bool
) -> Estimate | None:
    base = _objective(setup, default)
    if not own or not base:
        return None
    if is_default:
        return NOTHING
    before, after = (np.array([values[digest] for digest in own]) for values in (base, own))
    return gain_of(before, after, setup.objective, setup.seed)


def _rounded(diagnosis: dict[str, float]) -> dict[str, float]:
    """Four decimals: a ten-thousandth of a share, which is the finest figure."""
    return {name: round(figure, 4) for name, figure in diagnosis.items()}

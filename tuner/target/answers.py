"""Targets of quality in a run: where they are searched, and what default and winner need.

A target becomes a bitrate: the lowest at which the encoder's default reaches it on the tuning
clips. There the search looks for the best quality, as at any other bitrate; then the finalists'
quality is matched on the tuning clips, and those that need the fewest bits are matched on the
held-out clips, as the default is. What is found best at the default's bitrate is not quite what
is best at a lower one; the search costs no more than one at a fixed bitrate for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from tuner.answer.validation import TARGET
from tuner.answer.validator import Validator
from tuner.bootstrap import paired_bootstrap
from tuner.encoder import SOURCE, Encoder, Settings
from tuner.errors import RunError
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef
from tuner.jobs.passes import Passes
from tuner.quality_match import OutOfReach, QualityMatch
from tuner.records import (
    BitrateResult,
    Candidate,
    Estimate,
    Missed,
    NeededBits,
    NoAnswer,
    QualityTarget,
    Reached,
    Side,
)
from tuner.scorer import Scorer
from tuner.search.evaluate import TRIAL_ERRORS
from tuner.study.goal import Goal
from tuner.study.table import BITRATE_RANGE
from tuner.target.needed import Needed, bits_ratio, find_needed
from tuner.target.per_title import start_knob
from tuner.target.words import say
from tuner.updates import Observer, PhaseStarted

#: Savings smaller than this are within the tolerance of quality matching, as a fraction.
LEAST_SAVING = 0.01
#: How near to where it reaches the target a finalist is measured on the tuning clips, as a fraction
#: of bitrate: to tell which one needs the fewest bits, what lies between is interpolated.
NEAR = 0.03


@dataclass(frozen=True)
class Target:
    """A goal, and where it is searched.

    Args:
        goal: as asked.
        kbps: what the default needs for it on the tuning clips; where it does not reach it, the
            bitrate at which it comes nearest.
        needed: how that was found.
    """

    goal: Goal
    kbps: float
    needed: Needed


def find_targets(
    goals: Sequence[Goal],
    encoder: Encoder,
    settings: Settings,
    scorer: Scorer,
    objective: str,
    executor: Executor,
    clips: Sequence[ClipRef],
    observer: Observer,
) -> list[Target]:
    """Match the default to each goal on the tuning clips.

    Args:
        goals: what must be reached.
        encoder, settings: the default.
        scorer, objective: what the search climbs.
        executor, clips, observer: as for the search.

    Raises:
        RunError: the default cannot be encoded or scored.
    """
    found: list[Target] = []
    passes = Passes(encoder, executor, clips, observer, 0.0)
    knob = start_knob(encoder, settings)
    for goal in goals:
        observer(PhaseStarted(f"Finding the bitrate where the default reaches {goal}"))
        try:
            needed = find_needed(passes, settings, goal, scorer, objective, knob)
        except TRIAL_ERRORS as error:
            raise RunError(f"the encoder's default fails on the tuning clips: {error}") from error
        knob, low, high = needed.probe.point.knob, *BITRATE_RANGE
        kbps = min(max(round(needed.probe.point.kbps, 1), low), high)
        found.append(Target(goal, kbps, needed))
        said = f"{goal}: " + (
            needed.match.reason
            if isinstance(needed.match, OutOfReach)
            else f"the default needs {needed.probe.point.kbps:.1f} kb/s"
        )
        observer(PhaseStarted(f"{said}; searching at {kbps:g} kb/s"))
    return found


def answer_targets(
    setup: Validator, targets: Sequence[Target], bitrates: Sequence[BitrateResult]
) -> list[QualityTarget]:
    """What the default and the best settings need for each target.

    Args:
        setup: what to score with.
        targets: as found before the search.
        bitrates: the answers, of which each target has one, unless its default failed.

    Raises:
        TunerError: whatever ends a run.
    """
    found = []
    for target in targets:
        answer = next(b for b in bitrates if b.target_kbps == target.kbps)
        setup.observer(PhaseStarted(f"Matching the finalists to {target.goal}"))
        found.append(_answer(setup, target, answer))
    return found


def _answer(setup: Validator, target: Target, answer: BitrateResult) -> QualityTarget:
    if isinstance(answer, NoAnswer):
        return _unanswered(setup, target, answer.problem)
    default = answer.default
    best = _cheapest(setup, target.goal, answer.candidates)
    own = _match(setup, target.goal, default, "holdout")
    if isinstance(own, str):
        return _unanswered(setup, target, own)
    told = None if best is default else _match(setup, target.goal, best, "holdout")
    if told is None or isinstance(told, str):
        return say(
            _target(target, _record(setup, *_of(default), own)), len(own.seconds), setup.families
        )
    ratio = bits_ratio(told, own)
    spent = own.probe.encode_s
    return say(
        _target(
            target,
            _record(setup, *_of(default), own),
            best=_record(setup, *_of(best), told),
            bits=ratio,
            time_ratio=told.probe.encode_s / spent if spent > 0 else None,
            judges=_judge(setup, (default, own), (best, told)),
        ),
        len(own.seconds),
        setup.families,
    )


def _unanswered(setup: Validator, target: Target, problem: str) -> QualityTarget:
    """What is known from the tuning clips, and why there is no more."""
    settings = target.needed.settings
    default = Missed(**_common(setup, 0, settings, target.needed), reason=problem)
    told = f"For {target.goal} there is no result on held-out clips: {problem}"
    return replace(_target(target, default), sentence=told)


def _target(target: Target, default: NeededBits, **found: object) -> QualityTarget:
    goal = target.goal
    return QualityTarget(str(goal), goal.quality, goal.share, target.kbps, default, **found)  # type: ignore[arg-type]


def _cheapest(setup: Validator, goal: Goal, candidates: Sequence[Candidate]) -> Candidate:
    """Who needs the fewest bits on the tuning clips, the default unless it is certain to spend
    more.
    """
    needs: list[tuple[float, Candidate]] = []
    nearest: list[tuple[float, Candidate]] = []
    for candidate in candidates:
        needed = None if candidate.problem else _match(setup, goal, candidate, "tune", near=NEAR)
        if isinstance(needed, Needed):
            match = needed.match
            nearest.append((needed.probe.point.quality, candidate))
            if isinstance(match, QualityMatch):
                needs.append((match.crossing_kbps, candidate))
    if not needs:
        return max(nearest, key=lambda each: each[0])[1] if nearest else candidates[0]
    kbps, best = min(needs, key=lambda each: each[0])
    default = next((spent for spent, each in needs if each is candidates[0]), None)
    return candidates[0] if default is not None and kbps > default * (1 - LEAST_SAVING) else best


def _match(
    setup: Validator, goal: Goal, candidate: Candidate, side: Side, *, near: float = 0.0
) -> Needed | str:
    passes = Passes(setup.encoder, setup.executor, setup.clips[side], lambda _: None, 0.0)
    guess = candidate.sides["tune"].knob
    try:
        return find_needed(
            passes,
            candidate.settings,
            goal,
            setup.scorer,
            setup.objective,
            guess,
            near=near,
            seed=setup.seed,
        )
    except TRIAL_ERRORS as error:
        return f"{error.kind}: {error}"


def _of(candidate: Candidate) -> tuple[int, Settings]:
    return candidate.trial, candidate.settings


def _record(setup: Validator, trial: int, settings: Settings, needed: Needed) -> NeededBits:
    common, crossing = _common(setup, trial, settings, needed), needed.crossing
    if isinstance(needed.match, OutOfReach):
        return Missed(**common, reason=needed.match.reason)
    low, high = (crossing.low, crossing.high) if crossing else (None, None)
    return Reached(**common, low_kbps=low, high_kbps=high)


def _common(setup: Validator, trial: int, settings: Settings, needed: Needed) -> dict[str, Any]:
    probe = needed.probe
    source = setup.convert[-1] if setup.convert else SOURCE
    target = TARGET + setup.suffix
    command = setup.encoder.command_line(settings, probe.point.knob, source, target)
    return {
        "trial": trial,
        "rate_mode": settings.rate_mode,
        "values": settings.as_dict(),
        "knob": probe.point.knob,
        "kbps": probe.point.kbps,
        "quality": probe.point.quality,
        "encode_s": probe.encode_s,
        "convert": list(setup.convert),
        "command": list(command),
    }


def _judge(
    setup: Validator, one: tuple[Candidate, Needed], other: tuple[Candidate, Needed]
) -> dict[str, Estimate]:
    """What the judges say of the second against the first, each at the bits that it needs."""
    heard = []
    for _, needed in (one, other):
        passes = Passes(setup.encoder, setup.executor, setup.clips["holdout"], lambda _: None, 0.0)
        try:
            heard.append(passes.run(needed.settings, needed.probe.point.knob, setup.judges))
        except TRIAL_ERRORS:
            return {}
    return {
        family: paired_bootstrap(
            [
                fmean(heard[1][d].scores[n].mean - heard[0][d].scores[n].mean for n in names)
                for d in heard[0]
            ],
            setup.seed,
        )
        for family, names in setup.families.items()
    }

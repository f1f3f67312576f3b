"""Validation: the default and the best few settings, on clips that the search never heard.

Each finalist is matched to the target bitrate on the held-out clips on their own, by
bitrate alone, and scored on all clips of both sides by the quality model and the judges;
meters tell what is audibly wrong with each (`tuner.answer.diagnosis`).
The winner is chosen on the tune side only; the held-out side says what it is worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from statistics import fmean

import numpy as np

from tuner.answer.diagnosis import METERS, figures
from tuner.answer.verdict import ENOUGH_SOURCES, Evidence, decide
from tuner.bootstrap import paired_bootstrap
from tuner.encoder import SOURCE, Encoder, Settings, converting, find_rate_mode
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef
from tuner.jobs.passes import Bench, spent_kbps
from tuner.metric import Metric
from tuner.rate import COARSE_GAP, RateMatch, Unreachable
from tuner.records import (
    SIDE_WORDS,
    BitrateResult,
    Candidate,
    Estimate,
    ListeningResult,
    Side,
    SideResult,
    Timing,
    TrialRecord,
    Verdict,
)
from tuner.scorer import Score
from tuner.search.evaluate import TRIAL_ERRORS, TrialResult
from tuner.search.ranking import find_problem, rank
from tuner.study.objective import clip_values, gain_of, is_mean_score
from tuner.updates import Observer, ValidationProgress

#: How many settings are validated beside the default.
FINALISTS = 3
#: What stands for the user's files in command lines; see also `converting`.
TARGET = "output"

NOTHING = Estimate(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Validator:
    """What validation needs.

    Args:
        encoder: the adapter.
        suffix: file suffix of its output, with dot.
        executor: where jobs run; closed at once when validation is interrupted.
        clips: the clips of both sides.
        scorer: what the search climbed.
        judges: metrics that it did not.
        seed: seed of the bootstrap.
        observer: told of progress.
        objective: what the search maximised.
        holdout_sources: from how many recordings the held-out clips are.
        listening: target kb/s -> what a listening test on the run says.
        rate: Hz, to which all clips were brought; None: each kept its file's.
    """

    encoder: Encoder
    suffix: str
    executor: Executor
    clips: dict[Side, list[ClipRef]]
    scorer: Metric
    judges: tuple[Metric, ...]
    seed: int
    observer: Observer
    objective: str = "mean"
    holdout_sources: int = ENOUGH_SOURCES
    listening: Mapping[float, ListeningResult] = field(default_factory=dict)
    rate: int | None = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What the search climbed, and the judges."""
        return (self.scorer, *self.judges)

    @property
    def families(self) -> dict[str, list[str]]:
        """Family -> names of its judges."""
        found: dict[str, list[str]] = {}
        for judge in self.judges:
            found.setdefault(judge.about.family, []).append(judge.name)
        return found


@dataclass(frozen=True)
class _Hearing:
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


@dataclass(frozen=True)
class _Measured:
    """One finalist on both sides; `problem` says why one is missing."""

    sides: dict[Side, _Hearing]
    problem: str | None


def validate_bitrate(
    setup: Validator,
    target_kbps: float,
    results: Sequence[TrialResult],
    default: TrialResult | None,
    timing: Timing,
) -> BitrateResult:
    """The answer for one bitrate.

    Args:
        setup: what to validate with.
        target_kbps: the target bitrate.
        results: all finished trials.
        default: that of the encoder's default.
        timing: what the search cost.

    Raises:
        TunerError: whatever ends a run and not only a candidate.
    """
    records = [result.record for result in results]
    first = None if default is None else default.record
    problem = find_problem(records, target_kbps, first)
    finalists = [] if problem or first is None else choose_finalists(results, first)
    if not finalists:
        reason = problem or f"No trial at {target_kbps:g} kb/s has finished; rerun the command."
        return _without_answer(target_kbps, records, timing, reason)
    heard = _measure_all(setup, target_kbps, finalists)
    if heard[0].problem is not None:
        reason = f"The encoder's default settings cannot be validated: {heard[0].problem}"
        return _without_answer(target_kbps, records, timing, reason)
    candidates = [
        _candidate(setup, record, own, heard[0])
        for record, own in zip(finalists, heard, strict=True)
    ]
    # Those that were scored on both sides first; among them the order of the tune side stays.
    candidates.sort(key=lambda candidate: candidate.problem is not None)
    best = choose_winner(candidates)
    listening = setup.listening.get(target_kbps)
    if listening is not None and listening.trial != candidates[best].trial:
        listening = None  # people heard other settings
    verdict = _judge(setup, candidates, best, len(records), listening)
    winner = best if verdict.kind == "confirmed" else 0
    return BitrateResult(
        target_kbps, verdict, winner, candidates, records, timing, listening=listening
    )


def measure_default(setup: Validator, kbps: float, near: BitrateResult) -> SideResult | None:
    """The default's settings at another bitrate than a target, on the held-out clips.

    Args:
        setup: what to score with.
        kbps: the bitrate.
        near: the answer for the nearest target, whose rate parameter is the first guess.

    Returns:
        None where they cannot spend it, or fail.
    """
    record = near.default_trial
    if record is None or record.knob is None or not near.candidates:
        return None
    mode = find_rate_mode(setup.encoder, record.rate_mode)
    knob = record.knob * kbps / near.target_kbps if mode.nominal else record.knob
    try:
        hearing = _hear_side(setup, kbps, replace(record, knob=knob), "holdout")
    except TRIAL_ERRORS:
        return None
    if isinstance(hearing, Unreachable):
        return None
    return _side_result(setup, hearing, hearing, is_default=True)


def choose_finalists(results: Sequence[TrialResult], default: TrialRecord) -> list[TrialRecord]:
    """The default, which is complete, then the best `FINALISTS` other settings by objective."""
    chosen = [default]
    seen = {settings_of(default)}
    for result in rank(results):
        if len(chosen) > FINALISTS:
            break
        if settings_of(result.record) not in seen:
            seen.add(settings_of(result.record))
            chosen.append(result.record)
    return chosen


def choose_winner(candidates: Sequence[Candidate]) -> int:
    """Index of the settings that the verdict is about: the first after the default.

    They are the best by tune objective; their held-out scores are not looked at. 0 if
    only the default could be scored.
    """
    return 1 if len(candidates) > 1 and "tune" in candidates[1].sides else 0


def settings_of(record: TrialRecord) -> Settings:
    """The settings of a trial."""
    return Settings.of(record.rate_mode, record.values)


def _without_answer(
    target_kbps: float, records: list[TrialRecord], timing: Timing, reason: str
) -> BitrateResult:
    verdict = Verdict("not confirmed", f"No answer: {reason}")
    return BitrateResult(target_kbps, verdict, 0, [], records, timing, reason)


def _measure_all(
    setup: Validator, target_kbps: float, finalists: Sequence[TrialRecord]
) -> list[_Measured]:
    """Score the finalists side by side, so that one's last clips do not idle the cores."""
    total = len(finalists)
    setup.observer(ValidationProgress(target_kbps, 0, total))
    with ThreadPoolExecutor(total, thread_name_prefix="finalist") as pool:
        futures = [
            pool.submit(_hear, setup, target_kbps, record, record is finalists[0])
            for record in finalists
        ]
        try:
            return [_wait(setup, target_kbps, n, total, f) for n, f in enumerate(futures, 1)]
        except BaseException:
            setup.executor.close(cancel=True)
            raise


def _wait(
    setup: Validator, target_kbps: float, done: int, total: int, future: Future[_Measured]
) -> _Measured:
    heard = future.result()
    setup.observer(ValidationProgress(target_kbps, done, total))
    return heard


def _hear(setup: Validator, target_kbps: float, record: TrialRecord, is_default: bool) -> _Measured:
    sides: dict[Side, _Hearing] = {}
    for side in ("tune", "holdout"):
        try:
            widely = is_default and side == "holdout"
            hearing = _hear_side(setup, target_kbps, record, side, widely=widely)
        except TRIAL_ERRORS as error:
            return _Measured(sides, f"{SIDE_WORDS[side]} clips: {type(error).__name__}: {error}")
        if isinstance(hearing, Unreachable):
            return _Measured(sides, f"{SIDE_WORDS[side]} clips: {hearing.reason}")
        sides[side] = hearing
    return _Measured(sides, None)


def _hear_side(
    setup: Validator,
    target_kbps: float,
    record: TrialRecord,
    side: Side,
    *,
    widely: bool = False,
) -> _Hearing | Unreachable:
    settings = settings_of(record)
    bench = Bench(setup.encoder, setup.executor, setup.clips[side], _ignore, target_kbps)
    assert record.knob is not None
    # On the tune side the search's own match is the first guess, and its encodes are cached.
    match = (bench.match_widely if widely else bench.match)(settings, record.knob)
    if isinstance(match, Unreachable):
        return match
    # Other knob values made other choices: only what is said at this one counts.
    bench.notes.clear()
    outcomes = bench.hear(settings, match, (*setup.metrics, *METERS))
    scores = {digest: outcome.scores for digest, outcome in outcomes.items()}
    clip_kbps = {
        clip.digest: spent_kbps([clip], [outcomes[clip.digest]]) for clip in setup.clips[side]
    }
    kbps = spent_kbps(setup.clips[side], list(outcomes.values()))
    return _Hearing(match, kbps, clip_kbps, scores, list(bench.notes))


def _ignore(_: object) -> None:
    """Passes of validation are not shown."""


def _candidate(
    setup: Validator, record: TrialRecord, heard: _Measured, default: _Measured
) -> Candidate:
    settings = settings_of(record)
    assert record.knob is not None
    target = TARGET + setup.suffix
    convert = [] if setup.rate is None else converting(setup.rate)
    source = convert[-1] if convert else SOURCE
    told = [note for hearing in heard.sides.values() for note in hearing.notes]
    told += [_jump(hearing.match) for hearing in heard.sides.values() if _jump(hearing.match)]
    return Candidate(
        trial=record.number,
        rate_mode=record.rate_mode,
        values=record.values,
        command=list(setup.encoder.command_line(settings, record.knob, source, target)),
        sides={
            side: _side_result(setup, hearing, default.sides[side], is_default=heard is default)
            for side, hearing in heard.sides.items()
        },
        problem=heard.problem,
        notes=list(dict.fromkeys(told)),
        nominal=find_rate_mode(setup.encoder, record.rate_mode).nominal,
        convert=convert,
    )


def _jump(match: RateMatch) -> str:
    """What is to be said of a bitrate that jumps over the target; empty where it does not."""
    if match.beside is None:
        return ""
    steps = sorted(((match.knob, match.kbps), match.beside), key=lambda step: step[1])
    (low_knob, low), (high_knob, high) = steps
    if high / low <= COARSE_GAP:
        return ""
    return (
        f"On the held-out clips no step of the rate parameter gives the target: {low_knob:.4g}"
        f" gives {low:.1f} kb/s, {high_knob:.4g} gives {high:.1f} kb/s. Quality is interpolated"
        " between them."
    )


def _side_result(
    setup: Validator, hearing: _Hearing, default: _Hearing, *, is_default: bool
) -> SideResult:
    scores = {
        metric.name: {digest: each[metric.name].mean for digest, each in hearing.scores.items()}
        for metric in setup.metrics
    }
    differences = {
        name: {d: score - default.scores[d][name].mean for d, score in by_clip.items()}
        for name, by_clip in scores.items()
    }

    def estimate(names: Sequence[str]) -> Estimate:
        """The gain by the mean of some metrics."""
        if is_default:
            return NOTHING
        means = [fmean(differences[name][d] for name in names) for d in hearing.scores]
        return paired_bootstrap(means, setup.seed)

    own = {digest: each[setup.scorer.name] for digest, each in hearing.scores.items()}
    objective = _objective(setup, hearing)
    return SideResult(
        knob=hearing.match.knob,
        bitrate_kbps=hearing.kbps,
        scores=scores,
        spreads={digest: score.spread for digest, score in own.items()},
        gains={name: estimate([name]) for name in scores},
        families={family: estimate(names) for family, names in setup.families.items()},
        windows={digest: [round(x, 2) for x in score.windows] for digest, score in own.items()},
        diagnosis={digest: _rounded(figures(each)) for digest, each in hearing.scores.items()},
        members={
            digest: [round(x, 2) for x in score.members]
            for digest, score in own.items()
            if score.members
        },
        clip_kbps=hearing.clip_kbps,
        spends_kbps=None if hearing.match.beside is None else hearing.match.kbps,
        beside=list(hearing.match.beside or ()),
        objective=objective,
        objective_gain=_objective_gain(setup, objective, default, is_default=is_default),
    )


def _objective(setup: Validator, hearing: _Hearing) -> dict[str, float]:
    """What the objective takes of each clip; empty where it is the mean score."""
    scores = [each[setup.scorer.name] for each in hearing.scores.values()]
    if is_mean_score(scores, setup.objective):
        return {}
    return dict(zip(hearing.scores, clip_values(scores, setup.objective), strict=True))


def _objective_gain(
    setup: Validator, own: Mapping[str, float], default: _Hearing, *, is_default: bool
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


def _judge(
    setup: Validator,
    candidates: Sequence[Candidate],
    best: int,
    n_trials: int,
    listening: ListeningResult | None,
) -> Verdict:
    sides = candidates[best].sides
    holdout, tune = sides.get("holdout"), sides["tune"].lead
    return decide(
        Evidence(
            tune_gain=tune.value if tune else 0.0,
            objective_gain=holdout.objective_gain if holdout else None,
            gain=holdout.gains[setup.scorer.name] if holdout else None,
            families=holdout.families if holdout else {},
            judges=setup.families,
            n_clips=len(setup.clips["holdout"]),
            n_sources=setup.holdout_sources,
            n_trials=n_trials,
            objective=setup.objective,
            climbed=setup.scorer.name,
            climbed_family=setup.scorer.about.family,
            taught=[judge.name for judge in setup.judges if judge.about.taught_model],
            heard=listening,
        )
    )

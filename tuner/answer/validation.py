"""Validation: the default and the best few settings, on clips that the search never heard.

Each finalist is matched to the target bitrate on the held-out clips on their own, by
bitrate alone, and scored on all clips of both sides by the quality model, on the held-out ones by
the judges as well; meters tell what is audibly wrong with each (`tuner.answer.diagnosis`).
The winner is chosen on the tune side only, by what the search climbed; the held-out side says what
it is worth. What judges would say of the tune side could change no verdict, and cost as much again.
"""

from __future__ import annotations

import queue
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import msgspec

from tuner.answer.counted import Counted
from tuner.answer.side_scores import FinalistScores, make_side_result, score_side
from tuner.answer.validator import Validator
from tuner.answer.verdict import Evidence, decide
from tuner.encoder import SOURCE, find_rate_mode
from tuner.rate import COARSE_GAP, RateMatch, Unreachable
from tuner.records import (
    SIDE_WORDS,
    Answer,
    BitrateResult,
    Candidate,
    Complete,
    ListeningResult,
    NoAnswer,
    Side,
    SideResult,
    Timing,
    TrialRecord,
    Verdict,
)
from tuner.search.evaluate import TRIAL_ERRORS
from tuner.search.ranking import find_problem, rank
from tuner.updates import Observer, ValidationProgress

#: How many settings are validated beside the default.
FINALISTS = 3
#: What an encoder makes of the user's files in command lines, without its suffix.
TARGET = "output"


@dataclass(frozen=True)
class _Measured:
    """One finalist on both sides; `problem` says why one is missing."""

    sides: dict[Side, FinalistScores]
    problem: str | None


def validate_bitrate(
    setup: Validator,
    target_kbps: float,
    records: Sequence[TrialRecord],
    default: TrialRecord | None,
    timing: Timing,
) -> BitrateResult:
    """The answer for one bitrate.

    Args:
        setup: what to validate with.
        target_kbps: the target bitrate.
        records: all finished trials.
        default: that of the encoder's default.
        timing: what the search cost.

    Raises:
        TunerError: whatever ends a run and not only a candidate.
    """
    problem = find_problem(records, target_kbps, default)
    if problem or not isinstance(default, Complete):
        reason = problem or f"No trial at {target_kbps:g} kb/s has finished; rerun the command."
        return NoAnswer(target_kbps, reason, list(records), timing)
    finalists = choose_finalists(records, default)
    measured = _measure_all(setup, target_kbps, finalists)
    if measured[0].problem is not None:
        reason = f"The encoder's default settings cannot be validated: {measured[0].problem}"
        return NoAnswer(target_kbps, reason, list(records), timing)
    candidates = [
        _candidate(setup, record, own, measured[0])
        for record, own in zip(finalists, measured, strict=True)
    ]
    # Those that were scored on both sides first; among them the order of the tune side stays.
    candidates.sort(key=lambda candidate: candidate.problem is not None)
    best = choose_winner(candidates)
    listening = setup.listening.get(target_kbps)
    if listening is not None and listening.trial != candidates[best].trial:
        listening = None  # people heard other settings
    verdict = _judge(setup, candidates, best, len(records), listening)
    winner = best if verdict.kind == "confirmed" else 0
    return Answer(
        target_kbps, verdict, winner, candidates, list(records), timing, listening=listening
    )


def measure_default(setup: Validator, kbps: float, near: Answer) -> SideResult | None:
    """The default's settings at another bitrate than a target, on the held-out clips.

    Args:
        setup: what to score with.
        kbps: the bitrate.
        near: the answer for the nearest target, whose rate parameter is the first guess.

    Returns:
        None where they cannot spend it, or fail.
    """
    record = near.default_trial
    if not isinstance(record, Complete):
        return None
    mode = find_rate_mode(setup.encoder, record.rate_mode)
    knob = record.knob * kbps / near.target_kbps if mode.nominal else record.knob
    try:
        scored = score_side(setup, kbps, msgspec.structs.replace(record, knob=knob), "holdout")
    except TRIAL_ERRORS:
        return None
    if isinstance(scored, Unreachable):
        return None
    return make_side_result(setup, scored, scored, is_default=True)


def choose_finalists(records: Sequence[TrialRecord], default: Complete) -> list[Complete]:
    """The default, which is complete, then the best `FINALISTS` other settings by objective."""
    chosen = [default]
    seen = {default.settings}
    for record in rank(records):
        if len(chosen) > FINALISTS:
            break
        if record.settings not in seen:
            seen.add(record.settings)
            chosen.append(record)
    return chosen


def choose_winner(candidates: Sequence[Candidate]) -> int:
    """Index of the settings that the verdict is about: the first after the default.

    They are the best by tune objective; their held-out scores are not looked at. 0 if
    only the default could be scored.
    """
    return 1 if len(candidates) > 1 and "tune" in candidates[1].sides else 0


def _measure_all(
    setup: Validator, target_kbps: float, finalists: Sequence[Complete]
) -> list[_Measured]:
    """Score the finalists side by side, so that one's last clips do not idle the cores."""
    total = len(finalists) * sum(map(len, setup.clips.values()))
    # Threads only put here: True for a clip that is scored, False for a finalist that ended.
    inbox: queue.SimpleQueue[bool] = queue.SimpleQueue()
    counted = replace(setup, executor=Counted(setup.executor, lambda: inbox.put(True)))
    setup.observer(ValidationProgress(target_kbps, 0, total))
    with ThreadPoolExecutor(len(finalists), thread_name_prefix="finalist") as pool:
        futures = [
            pool.submit(_measure, counted, target_kbps, record, record is finalists[0])
            for record in finalists
        ]
        for future in futures:
            future.add_done_callback(lambda _: inbox.put(False))
        try:
            _watch(setup.observer, target_kbps, total, futures, inbox)
            return [future.result() for future in futures]
        except BaseException:
            setup.executor.close(cancel=True)
            raise


def _watch(
    observer: Observer,
    target_kbps: float,
    total: int,
    futures: Sequence[Future[_Measured]],
    inbox: queue.SimpleQueue[bool],
) -> None:
    """Tell of each clip until all finalists have ended, or one by an error."""
    done, running = 0, len(futures)
    while running:
        if inbox.get():
            # Between two steps of the rate parameter a clip is scored twice.
            done = min(done + 1, total)
            observer(ValidationProgress(target_kbps, done, total))
            continue
        running -= 1
        for future in futures:
            if future.done():
                future.result()
    if done < total:
        observer(ValidationProgress(target_kbps, total, total))


def _measure(setup: Validator, target_kbps: float, record: Complete, is_default: bool) -> _Measured:
    sides: dict[Side, FinalistScores] = {}
    for side in ("tune", "holdout"):
        try:
            widely = is_default and side == "holdout"
            scored = score_side(setup, target_kbps, record, side, widely=widely)
        except TRIAL_ERRORS as error:
            return _Measured(sides, f"{SIDE_WORDS[side]} clips: {error.kind}: {error}")
        if isinstance(scored, Unreachable):
            return _Measured(sides, f"{SIDE_WORDS[side]} clips: {scored.reason}")
        sides[side] = scored
    return _Measured(sides, None)


def _candidate(
    setup: Validator, record: Complete, measured: _Measured, default: _Measured
) -> Candidate:
    settings = record.settings
    target = TARGET + setup.suffix
    source = setup.convert[-1] if setup.convert else SOURCE
    told = [note for scored in measured.sides.values() for note in scored.notes]
    told += [_jump(scored.match) for scored in measured.sides.values() if _jump(scored.match)]
    return Candidate(
        trial=record.number,
        rate_mode=record.rate_mode,
        values=record.values,
        command=list(setup.encoder.command_line(settings, record.knob, source, target)),
        sides={
            side: make_side_result(
                setup, scored, default.sides[side], is_default=measured is default
            )
            for side, scored in measured.sides.items()
        },
        problem=measured.problem,
        notes=list(dict.fromkeys(told)),
        nominal=find_rate_mode(setup.encoder, record.rate_mode).nominal,
        convert=list(setup.convert),
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

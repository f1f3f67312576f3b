"""One whole run: search every bitrate, validate, check the model, write the results."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.answer.checks import CHECKED_CLIPS, check_scorer, tell_teachers
from tuner.answer.validation import measure_default, validate_bitrate
from tuner.answer.validator import Validator
from tuner.answer.worth import with_worth
from tuner.driver.default_points import default_points
from tuner.driver.evidence import explain, keep_exhibits
from tuner.driver.parts import Parts
from tuner.driver.scorable import leave_out
from tuner.driver.warm import find_winners
from tuner.encoder import Encoder, converting
from tuner.errors import RunError
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef, load_clip, load_reference
from tuner.jobs.passes import Passes
from tuner.jobs.sample_rates import tell_rates
from tuner.records import (
    Answer,
    BitrateResult,
    Complete,
    CurvePoint,
    ListeningResult,
    NoAnswer,
    Provenance,
    Results,
    Side,
)
from tuner.results import read_run, write_results
from tuner.rundir.database import close_storage, open_storage
from tuner.rundir.folder import RunFolder, now
from tuner.search.evaluate import Plan, TrialResult, evaluate
from tuner.search.loop import Budget, search, window_size
from tuner.search.race import jobs_at_once
from tuner.search.trials import Trials
from tuner.sound.surround import tell_channels
from tuner.study.objective import pareto_front
from tuner.target.answers import Target, answer_targets, find_targets
from tuner.updates import BitrateFinished, Observer, PhaseStarted

if TYPE_CHECKING:
    pass

#: Packages whose versions the results name.
NAMED_PACKAGES = (
    "codec-tuner",
    "av",
    "numpy",
    "optuna",
    "ray",
    "soxr",
    "torch",
    "visqol-python",
    "zimtohrli",
)


def run_study(
    parts: Parts, folder: RunFolder, executor: Executor, observer: Observer, command: str
) -> Results:
    """Search, validate, write `results.json`; goes on where an earlier session stopped.

    Args:
        parts: what to run.
        folder: the run directory, locked.
        executor: where jobs run.
        observer: told of everything.
        command: the command line that a user types to get this run.

    Raises:
        TunerError: whatever ends a run; what was finished is kept.
        KeyboardInterrupt: likewise.
    """
    asked, clips = parts, _store(parts, folder)
    targets = _targets(parts, executor, clips["tune"], observer)
    parts = _with_bitrates(parts, targets)
    spec = parts.spec
    parts, left_out = leave_out(parts, executor, clips, observer)
    clips = _store(parts, folder)
    with _open_trials(parts, folder) as lanes:
        search(
            lanes,
            _Evaluator(parts, executor, clips["tune"]),
            Budget(spec.trials, spec.hours),
            executor,
            trials_in_flight(parts, executor.workers),
            observer,
        )
        setup = _setup(parts, executor, clips, lanes, _listened(folder), observer)
        found = _validate(parts, setup, lanes, observer)
        bitrates = [each for each in found if isinstance(each, Answer)]
        points = _measure_default(setup, bitrates, observer)
        answers = answer_targets(setup, targets, found)
    observer(PhaseStarted("Checking the quality model on anchors"))
    results = Results(
        clips=parts.records(),
        bitrates=bitrates,
        provenance=_provenance(asked, folder, command),
        notes=[*left_out, *_notes(parts, clips["tune"], bitrates)],
        metrics=parts.metrics(),
        default_points=points,
        objective=spec.search.objective,
        quality_targets=answers,
        unanswered=[each for each in found if isinstance(each, NoAnswer)],
    )
    results = with_worth(results)
    results = keep_exhibits(parts, folder.path, results, observer)
    write_results(results, folder.results)
    return results


def _targets(
    parts: Parts, executor: Executor, clips: Sequence[ClipRef], observer: Observer
) -> list[Target]:
    """Where the targets of quality are searched; the cache makes it the same in every session."""
    spec = parts.spec
    if not spec.goals:
        return []
    settings = parts.space().defaults()[0]
    what = (parts.encoder, settings, parts.scorer, spec.search.objective)
    return find_targets(spec.goals, *what, executor, clips, observer)


def _with_bitrates(parts: Parts, targets: Sequence[Target]) -> Parts:
    """The run with the targets' bitrates among those that are searched."""
    rates = {*parts.spec.bitrates_kbps, *(target.kbps for target in targets)}
    return replace(parts, spec=replace(parts.spec, bitrates_kbps=tuple(sorted(rates))))


def trials_in_flight(parts: Parts, workers: int) -> int:
    """Trials of one bitrate that are in flight together."""
    return window_size(workers, jobs_at_once(len(parts.clips.tune)), parts.spec.searches)


def _store(parts: Parts, folder: RunFolder) -> dict[Side, list[ClipRef]]:
    from tuner.sound.clips import store_clips

    store_clips(parts.clips, folder.clips)

    def refs(side: Side) -> list[ClipRef]:
        chosen = parts.clips.tune if side == "tune" else parts.clips.holdout
        return [
            ClipRef(
                clip.digest,
                str(folder.clips / f"{clip.digest}.npy"),
                clip.channels,
                clip.duration_s,
                clip.rate,
            )
            for clip in chosen
        ]

    return {"tune": refs("tune"), "holdout": refs("holdout")}


@contextmanager
def _open_trials(parts: Parts, folder: RunFolder) -> Iterator[list[Trials]]:
    spec, space, how = parts.spec, parts.space(), parts.spec.search
    presets = list(parts.encoder.presets)
    winners = find_winners([Path(run) for run in how.warm_start], parts.encoder.name)
    storage = open_storage(spec.storage or folder.database)
    prefix = f"{folder.name}/" if spec.storage else ""
    try:
        yield [
            Trials(
                storage,
                f"{prefix}{parts.encoder.name}@{kbps:g}",
                space,
                kbps,
                how.sampler,
                spec.seed,
                starters=[*presets, *winners.near(kbps)],
                limits=how.limits,
                two_objectives=how.two_objectives,
            )
            for kbps in spec.bitrates_kbps
        ]
    finally:
        close_storage(storage)


class _Evaluator:
    """Runs one trial with passes of its own."""

    def __init__(self, parts: Parts, executor: Executor, clips: Sequence[ClipRef]) -> None:
        self.parts = parts
        self.executor = executor
        self.clips = clips

    def __call__(self, target_kbps: float, plan: Plan, observer: Observer) -> TrialResult:
        passes = Passes(self.parts.encoder, self.executor, self.clips, observer, target_kbps)
        how = self.parts.spec.search
        return evaluate(
            passes,
            plan,
            self.parts.scorer,
            how.objective,
            prune=how.prune and not how.two_objectives,
            limits=how.limits,
        )


def _listened(folder: RunFolder) -> dict[float, ListeningResult]:
    """What a listening test said of an earlier session's answers."""
    if not folder.results.exists():
        return {}
    try:
        bitrates = read_run(folder.path).bitrates
    except RunError:
        return {}  # of another version, or damaged: it is written anew
    return {b.target_kbps: b.listening for b in bitrates if b.listening is not None}


def _setup(
    parts: Parts,
    executor: Executor,
    clips: dict[Side, list[ClipRef]],
    lanes: Sequence[Trials],
    listening: Mapping[float, ListeningResult],
    observer: Observer,
) -> Validator:
    return Validator(
        encoder=parts.encoder,
        suffix=_suffix(lanes, parts.encoder, clips["tune"]),
        executor=executor,
        clips=clips,
        scorer=parts.scorer,
        judges=parts.judges,
        seed=parts.spec.seed,
        observer=observer,
        objective=parts.spec.search.objective,
        holdout_sources=len({clip.source for clip in parts.clips.holdout}),
        listening=listening,
        convert=converting(parts.spec.clip_rate, to_stereo=parts.spec.clips.downmix),
    )


def _validate(
    parts: Parts, setup: Validator, lanes: Sequence[Trials], observer: Observer
) -> list[BitrateResult]:
    results = []
    for lane in lanes:
        result = validate_bitrate(
            setup, lane.target_kbps, lane.records, lane.default(), lane.timing()
        )
        if parts.spec.search.two_objectives and isinstance(result, Answer):
            result = replace(result, pareto=pareto_front(result.trials))
        observer(BitrateFinished(result))
        results.append(explain(parts, lane, result, setup.executor, setup.clips["tune"], observer))
    return results


def _measure_default(
    setup: Validator, answered: Sequence[Answer], observer: Observer
) -> list[CurvePoint]:
    """The default around the targets; where it cannot spend a bitrate, there is no point."""
    if not answered:
        return []
    found = []
    wanted = default_points([bitrate.target_kbps for bitrate in answered])
    told = ", ".join(f"{kbps:g}" for kbps in wanted)
    observer(PhaseStarted(f"Measuring the default's curve at {told} kb/s"))
    for kbps in wanted:
        near = min(answered, key=lambda b: abs(math.log(b.target_kbps / kbps)))
        side = measure_default(setup, kbps, near)
        if side is not None:
            found.append(CurvePoint(kbps, side))
    return found


def _suffix(lanes: Sequence[Trials], encoder: Encoder, clips: Sequence[ClipRef]) -> str:
    """The suffix of the encoder's files, for command lines: one small encode tells it."""
    shortest = min(clips, key=lambda clip: clip.duration_s)
    for lane in lanes:
        default = lane.default()
        if isinstance(default, Complete):
            settings = lane.space.default(default.rate_mode)
            pcm = load_clip(shortest)
            return encoder.encode(pcm, shortest.rate, settings, default.knob).suffix
    return ""


def _notes(parts: Parts, clips: Sequence[ClipRef], bitrates: Sequence[Answer]) -> list[str]:
    checked = clips[:CHECKED_CLIPS]
    references = {clip.digest: load_reference(clip) for clip in checked}
    sides = [c.sides["tune"] for b in bitrates for c in b.candidates if "tune" in c.sides]
    coded = {
        clip.digest: [side.scores[parts.scorer.name][clip.digest] for side in sides]
        for clip in checked
    }
    checks = check_scorer(parts.scorer, references, coded)
    rates = tell_rates(parts.clips.clips, parts.spec.clip_rate)
    channels = [clip.channels for clip in parts.clips.clips]
    surround = tell_channels(channels, mixed=parts.spec.clips.downmix)
    return [*checks, *tell_teachers(parts.scorer, parts.judges), rates, *surround]


def _provenance(parts: Parts, folder: RunFolder, command: str) -> Provenance:
    version = parts.encoder.version
    return Provenance(
        command=command,
        study=parts.spec.to_toml(),
        seed=parts.spec.seed,
        versions=_package_versions(),
        encoder=parts.encoder.name,
        encoder_version=version.text,
        encoder_binary=version.binary,
        encoder_digest=version.digest,
        scorer_version=parts.scorer.version,
        judge_versions={judge.name: judge.version for judge in parts.judges},
        started=folder.started,
        finished=now(),
        machine=f"{platform.platform()}, {os.cpu_count()} cores",
        rate=parts.spec.clip_rate,
    )


def _package_versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in NAMED_PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions

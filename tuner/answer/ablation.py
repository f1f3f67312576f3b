"""Ablation: what each setting of the tuned candidate is worth, by resetting it to the default.

Each setting that differs from the default's is reset alone; the others stay, the bitrate is
matched again, and the tuning clips are scored again. Encodes and scores come from the run's
cache where they were made before, so an interrupted ablation resumes where it stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from tuner.bootstrap import paired_bootstrap
from tuner.encoder import RATE_MODE, Encoder, Settings, Value
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef
from tuner.jobs.passes import Passes
from tuner.rate import Unreachable
from tuner.records import Ablation, AblationFailed, Candidate
from tuner.scorer import Scorer
from tuner.search.evaluate import TRIAL_ERRORS
from tuner.study.space import Space

#: Most settings that are put back, the most important first: each costs about a trial.
MOST_SETTINGS = 12
#: Settings under test at once: enough for one's last clips not to idle the cores.
AT_ONCE = 4


_Record = Ablation | AblationFailed


@dataclass(frozen=True)
class AblationSetup:
    """What an ablation is run with.

    Args:
        encoder: the adapter.
        space: the search space, which puts settings in canonical form.
        executor: where jobs run; closed at once when the ablation is interrupted.
        clips: the tuning clips.
        scorer: the quality model.
        seed: seed of the bootstrap.
        progress: told (done, total), from the calling thread.
    """

    encoder: Encoder
    space: Space
    executor: Executor
    clips: Sequence[ClipRef]
    scorer: Scorer
    seed: int
    progress: Callable[[int, int], None]


@dataclass(frozen=True)
class _Step:
    """One setting put back."""

    parameter: str
    value: Value
    default: Value
    settings: Settings | None
    """None where the others cannot stay without it."""


def ablate(
    setup: AblationSetup,
    target_kbps: float,
    default: Candidate,
    tuned: Candidate,
    importance: Mapping[str, float],
) -> list[_Record]:
    """Put the settings of `tuned` back to the default's, one by one.

    Args:
        setup: what to run it with.
        target_kbps: the bitrate that each is matched to.
        default, tuned: both scored on the tuning clips.
        importance: which settings come first where there are more than `MOST_SETTINGS`.

    Returns:
        One record per setting that differs, the one worth most first; what could not be run
        last.

    Raises:
        TunerError: whatever ends a run and not only a trial.
    """
    steps = _steps(setup.space, default, tuned)
    steps.sort(key=lambda step: -importance.get(step.parameter, 0.0))
    steps = steps[:MOST_SETTINGS]
    if not steps:
        return []
    setup.progress(0, len(steps))
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ablation") as pool:
        futures = [pool.submit(_run, setup, target_kbps, step, default, tuned) for step in steps]
        try:
            records = [_wait(setup, n, f, futures) for n, f in enumerate(futures, 1)]
        except BaseException:
            for future in futures:
                future.cancel()
            setup.executor.close(cancel=True)
            raise
    return sorted(records, key=lambda r: -r.worth.value if isinstance(r, Ablation) else math.inf)


def _wait(
    setup: AblationSetup, done: int, future: Future[_Record], all_: Sequence[Future[_Record]]
) -> _Record:
    record = future.result()
    setup.progress(done, len(all_))
    return record


def _steps(space: Space, default: Candidate, tuned: Candidate) -> list[_Step]:
    """What can be put back: the rate mode, and each of the tuned candidate's own settings.

    A setting that the default does not have, as it is active only beside another one, goes
    back to its declared default.
    """
    own = tuned.settings
    declared = {parameter.name: parameter.default for parameter in space.parameters}
    steps = []
    if tuned.rate_mode != default.rate_mode:
        back = space.adopt(Settings.of(default.rate_mode, tuned.values))
        steps.append(_Step(RATE_MODE, tuned.rate_mode, default.rate_mode, back))
    for name, value in tuned.values.items():
        before = default.values.get(name, declared.get(name, value))
        if _same(value, before) or name in space.fixed:
            continue
        back = space.adopt(Settings.of(tuned.rate_mode, {**tuned.values, name: before}))
        if back != own:
            steps.append(_Step(name, value, before, back))
    return steps


def _same(one: Value, other: Value) -> bool:
    # True == 1, but they are not the same setting.
    return one == other and isinstance(one, bool) is isinstance(other, bool)


def _run(
    setup: AblationSetup, target_kbps: float, step: _Step, default: Candidate, tuned: Candidate
) -> _Record:
    reset = (step.parameter, step.value, step.default)
    if step.settings is None:
        return AblationFailed(*reset, "the other settings are invalid without it")
    passes = Passes(setup.encoder, setup.executor, setup.clips, lambda _: None, target_kbps)
    like = tuned if step.settings.rate_mode == tuned.rate_mode else default
    try:
        match = passes.match(step.settings, like.sides["tune"].knob)
        if isinstance(match, Unreachable):
            return AblationFailed(*reset, match.reason)
        outcomes = passes.hear(step.settings, match, (setup.scorer,))
    except TRIAL_ERRORS as error:
        return AblationFailed(*reset, f"{error.kind}: {error}")
    name = setup.scorer.name
    own = tuned.sides["tune"].scores[name]
    lost = [own[digest] - each.scores[name].mean for digest, each in outcomes.items()]
    worth = paired_bootstrap(lost, setup.seed)
    return Ablation(*reset, worth, match.kbps)

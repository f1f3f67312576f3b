"""A search without validation: what the parts of the bench are made of."""

from __future__ import annotations

import contextlib
import functools
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tuner.encoder import Encoder, default_settings, find_rate_mode
from tuner.jobs.executor import Executor, make_executor
from tuner.jobs.job import ClipRef, Job
from tuner.jobs.passes import Passes, add_timings
from tuner.plugins import load_encoder
from tuner.records import Side, Timing
from tuner.rundir.database import close_storage, open_storage
from tuner.scorer import Scorer
from tuner.search.evaluate import Plan, TrialResult, evaluate
from tuner.search.loop import Budget, search, window_size
from tuner.search.race import jobs_at_once
from tuner.search.ranking import rank
from tuner.search.trials import Trials
from tuner.sound.clips import load_clips, store_clips
from tuner.sound.excerpts import Excerpting
from tuner.study.space import make_space
from tuner.study.spec import Sampler
from tuner.updates import Observer

#: From this trial on encode passes are counted: the rate model has something to learn from.
COUNTED_FROM = 10


@dataclass(frozen=True)
class Setup:
    """One search.

    Args:
        encoder, target_kbps, trials: what to search.
        folder: kept, so that a killed search goes on; another setup needs another one.
        clips: the clips.
        scorer: the quality model.
        cache: folder of the cache; the folder's own when None.
        sampler, seed, prune, workers, executor: how.
        warm: whether the workers have imported what jobs need before the clock starts.
    """

    encoder: str
    target_kbps: float
    trials: int
    folder: Path
    clips: list[ClipRef]
    scorer: Scorer
    cache: Path | None = None
    sampler: Sampler = "tpe"
    seed: int = 0
    prune: bool = True
    workers: int = 2
    executor: str = "local"
    warm: bool = False


@dataclass(frozen=True)
class Searched:
    """What a search found and cost."""

    results: list[TrialResult]
    timing: Timing
    session_s: float
    """Wall-clock seconds of this session alone, starting and closing included."""
    session: Timing = field(default_factory=Timing)
    """What this session computed."""

    def best(self, until: int | None = None) -> float:
        """The best objective of the first trials."""
        return rank(result.record for result in self.results[:until])[0].objective

    def passes(self) -> float:
        """Mean encode passes per trial after the first ten."""
        return statistics.fmean(r.record.passes for r in self.results[COUNTED_FROM:])

    def states(self) -> str:
        """ "80 complete, 20 pruned"."""
        states = [result.record.state for result in self.results]
        return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))


def tune_clips(folder: Path, store: Path) -> list[ClipRef]:
    """The tune side of a folder with a manifest."""
    return side_clips(folder, store, "tune")


@functools.cache
def side_clips(folder: Path, store: Path, side: Side) -> list[ClipRef]:
    """One side of a folder with a manifest."""
    clips = load_clips(folder, Excerpting())
    store_clips(clips, store)
    return [
        ClipRef(
            clip.digest,
            str(store / f"{clip.digest}.npy"),
            clip.channels,
            clip.duration_s,
            clip.rate,
        )
        for clip in (clips.tune if side == "tune" else clips.holdout)
    ]


def run(setup: Setup) -> Searched:
    """Search, or go on, or look at what is finished."""
    started = time.monotonic()
    encoder = load_encoder(setup.encoder, None)
    setup.folder.mkdir(parents=True, exist_ok=True)
    executor = make_executor(
        setup.executor,
        workers=setup.workers,
        cache_folder=setup.cache or setup.folder / "cache",
    )
    if setup.warm:
        warm_up(setup, encoder, executor)
    with _open(setup, encoder) as lane:
        before = lane.timing()

        def try_plan(target_kbps: float, plan: Plan, observer: Observer) -> TrialResult:
            bench = Passes(encoder, executor, setup.clips, observer, target_kbps)
            return evaluate(bench, plan, setup.scorer, "mean", prune=setup.prune)

        search(
            [lane],
            try_plan,
            Budget(setup.trials, None),
            executor,
            window_size(setup.workers, jobs_at_once(len(setup.clips)), 1),
            lambda _: None,
        )
        executor.close()
        session = time.monotonic() - started
        return Searched(list(lane.results), lane.timing(), session, _less(lane.timing(), before))


def warm_up(setup: Setup, encoder: Encoder, executor: Executor) -> None:
    """One job for each worker, of a knob that no search near the target will want."""
    settings = default_settings(encoder)
    knob = find_rate_mode(encoder, settings.rate_mode).high
    jobs = [
        Job(encoder, settings, knob, clip, (setup.scorer,)) for clip in setup.clips[: setup.workers]
    ]
    for future in [executor.submit(job) for job in jobs]:
        future.result()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _less(after: Timing, before: Timing) -> Timing:
    negative = Timing(**{name: -value for name, value in vars(before).items()})
    return add_timings([after, negative])


@contextlib.contextmanager
def _open(setup: Setup, encoder: Encoder) -> Iterator[Trials]:
    storage = open_storage(setup.folder / "optuna.db")
    try:
        yield Trials(
            storage,
            f"{setup.encoder}@{setup.target_kbps:g}",
            make_space(encoder, {}),
            setup.target_kbps,
            setup.sampler,
            setup.seed,
        )
    finally:
        close_storage(storage)

"""What tests of jobs, executors and the search share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.audio import SAMPLE_RATE, resample, sample_digest
from tuner.cache import Cache
from tuner.encoder import Encoder, default_settings
from tuner.errors import TunerError
from tuner.search.bench import Bench
from tuner.search.evaluate import Plan, TrialResult, evaluate
from tuner.search.job import ClipRef, Job, Outcome, run_job
from tuner.search.limits import Limits
from tuner.search.loop import Budget, search
from tuner.search.space import make_space
from tuner.search.spec import Sampler
from tuner.search.storage import close_storage, open_storage
from tuner.search.trials import Trials
from tuner.search.updates import Observer, Update
from tuner.testing import FakeEncoder, FakeScorer


@pytest.fixture
def clip(tmp_path: Path) -> ClipRef:
    """Half a second of stereo noise up to 11 kHz, as a clip file."""
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 12_000)).astype(np.float32)
    pcm = resample(noise, 24_000)
    path = tmp_path / "clip.npy"
    np.save(path, pcm)
    return ClipRef(sample_digest(pcm), str(path), 2, 0.5)


@pytest.fixture
def job(clip: ClipRef) -> Job:
    """The fake encoder's default settings at 64 kb/s, with one scorer."""
    encoder = FakeEncoder()
    return Job(encoder, default_settings(encoder), 64.0, clip, (FakeScorer(),))


@dataclass
class AtOnce:
    """An executor that runs every job in the calling thread.

    Args:
        cache: of encodes and scores.
        before: is called with each job first; a `TunerError` that it raises is the job's.
        jobs: those that were handed in.
    """

    cache: Cache
    before: Callable[[Job], None] = lambda _: None
    jobs: list[Job] = field(default_factory=list)
    workers: int = 1

    def submit(self, job: Job) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        try:
            self.before(job)
            future.set_result(run_job(job, self.cache))
        except TunerError as error:
            future.set_exception(error)
        finally:
            self.jobs.append(job)
        return future

    def close(self, *, cancel: bool = False) -> None:
        pass


@dataclass
class Rig:
    """A search on fakes in a folder, over clips of a tenth of a second of noise."""

    folder: Path
    encoder: Encoder = field(default_factory=FakeEncoder)
    targets: tuple[float, ...] = (64.0,)
    sampler: Sampler = "random"
    window: int = 2
    count: int = 2
    prune: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    updates: list[Update] = field(default_factory=list)
    #: Laid around the storage: a hook in it.
    wrap: Callable[[Any], Any] = lambda storage: storage

    def __post_init__(self) -> None:
        rng = np.random.default_rng(1)
        noise = [0.1 * rng.standard_normal((1, 4800)) for _ in range(self.count)]
        self.clips = [_write_clip(self.folder, pcm.astype(np.float32)) for pcm in noise]
        self.executor = AtOnce(Cache(self.folder / "cache"))

    def evaluate(self, target_kbps: float, plan: Plan, observer: Observer) -> TrialResult:
        bench = Bench(self.encoder, self.executor, self.clips, observer, target_kbps)
        limits = self.options.get("limits", Limits())
        return evaluate(bench, plan, FakeScorer(), "mean", prune=self.prune, limits=limits)

    @contextmanager
    def open(self) -> Iterator[list[Trials]]:
        storage = self.wrap(open_storage(self.folder / "optuna.db"))
        space = make_space(self.encoder, {})
        try:
            yield [
                Trials(storage, f"t@{t}", space, t, self.sampler, 7, **self.options)
                for t in self.targets
            ]
        finally:
            close_storage(storage)

    def run(self, budget: Budget) -> list[list[TrialResult]]:
        with self.open() as lanes:
            search(lanes, self.evaluate, budget, self.executor, self.window, self.updates.append)
            return [lane.results for lane in lanes]


def _write_clip(folder: Path, pcm: np.ndarray[Any, np.dtype[np.float32]]) -> ClipRef:
    digest = sample_digest(pcm)
    np.save(folder / f"{digest}.npy", pcm)
    return ClipRef(digest, str(folder / f"{digest}.npy"), len(pcm), pcm.shape[1] / SAMPLE_RATE)


@pytest.fixture
def make_rig(tmp_path: Path) -> Callable[..., Rig]:
    """Makes searches, each in a folder of its name; further arguments are `Rig`'s."""

    def make(name: str = "run", **options: Any) -> Rig:
        (tmp_path / name).mkdir(exist_ok=True)
        return Rig(tmp_path / name, **options)

    return make


@pytest.fixture
def make_bench(tmp_path: Path) -> Callable[..., Bench]:
    """Makes benches at 64 kb/s over the same 20 short clips of noise, unlike in colour."""
    rng = np.random.default_rng(5)
    clips = []
    for index in range(20):
        pcm = (0.1 * rng.standard_normal((1, 2400))).astype(np.float32)
        pcm[:, 1:] += index / 20 * pcm[:, :-1]
        clips.append(_write_clip(tmp_path, pcm))

    def make(encoder: Encoder | None = None, count: int = 20) -> Bench:
        executor = AtOnce(Cache(tmp_path / "cache"))
        return Bench(encoder or FakeEncoder(), executor, clips[:count], lambda _: None, 64.0)

    return make

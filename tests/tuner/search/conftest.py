"""What tests of jobs and executors share."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from tuner.audio import resample, sample_digest
from tuner.cache import Cache
from tuner.encoder import Encoder, default_settings
from tuner.errors import TunerError
from tuner.search.bench import Bench
from tuner.search.job import ClipRef, Job, Outcome, run_job
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


class AtOnce:
    """An executor that runs every job in the calling thread."""

    workers = 1

    def __init__(self, folder: Path) -> None:
        self.cache = Cache(folder)

    def submit(self, job: Job) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        try:
            future.set_result(run_job(job, self.cache))
        except TunerError as error:
            future.set_exception(error)
        return future

    def close(self, *, cancel: bool = False) -> None:
        pass


@pytest.fixture
def make_bench(tmp_path: Path) -> Callable[..., Bench]:
    """Makes benches at 64 kb/s over the same 20 short clips of noise, unlike in colour."""
    rng = np.random.default_rng(5)
    clips = []
    for index in range(20):
        pcm = (0.1 * rng.standard_normal((1, 2400))).astype(np.float32)
        pcm[:, 1:] += index / 20 * pcm[:, :-1]
        path = tmp_path / f"{sample_digest(pcm)}.npy"
        np.save(path, pcm)
        clips.append(ClipRef(sample_digest(pcm), str(path), 1, 0.05))

    def make(encoder: Encoder | None = None, count: int = 20) -> Bench:
        executor = AtOnce(tmp_path / "cache")
        return Bench(encoder or FakeEncoder(), executor, clips[:count], lambda _: None, 64.0)

    return make

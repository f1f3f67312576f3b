"""Nodes that do not see the run directory get clips and cache from the driver's node."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ray import cloudpickle

from tuner.errors import ClipError
from tuner.jobs.cache import Cache
from tuner.jobs.executor import make_executor
from tuner.jobs.job import Job, Outcome, run_job
from tuner.scorer import Score
from tuner.sound.audio import Pcm
from tuner.testing import FakeEncoder, FakeScorer

# Ray's processes cannot import a test.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

PATIENCE_S = 120
#: Every encode takes a while, so that no node does all of them.
SLOW = FakeEncoder(hang_on=(("joint", True),), hang_s=0.2)
#: Python runs this at its start where PYTHONPATH names its folder. It hides a folder.
BLINDFOLD = """
import os, sys

def hide(event, arguments):
    if event in ("open", "os.scandir", "os.mkdir"):
        if str(arguments[0]).startswith(os.environ["HIDDEN"]):
            raise FileNotFoundError(arguments[0])

sys.addaudithook(hide)
"""


class BatchScorer(FakeScorer):
    """Its scores' spread tells the process."""

    def on_gpu(self) -> BatchScorer:
        return self

    def score_batch(self, pairs: Sequence[tuple[Pcm, Pcm]]) -> list[Score]:
        scores = [self.score(*pair) for pair in pairs]
        return [Score(score.mean, float(os.getpid())) for score in scores]


@pytest.fixture
def hidden(tmp_path: Path) -> Path:
    """The run directory, which the driver's node sees alone."""
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


@pytest.fixture
def add_blind_node(
    add_node: Callable[..., Any], hidden: Path, tmp_path: Path
) -> Callable[[str], Path]:
    """Adds a node that does not see the run directory; gives the folder for its clips."""
    (tmp_path / "sitecustomize.py").write_text(BLINDFOLD, encoding="utf-8")

    def add(name: str) -> Path:
        own = tmp_path / name
        own.mkdir()
        add_node(1, 1, PYTHONPATH=str(tmp_path), HIDDEN=str(hidden), TMPDIR=str(own))
        return own / f"codec-tuner-{os.getuid()}"

    return add


def test_blind_nodes_get_a_clip_once_and_share_the_cache(
    add_node: Callable[..., Any],
    add_blind_node: Callable[[str], Path],
    job: Job,
    hidden: Path,
    tmp_path: Path,
) -> None:
    """Two nodes work and score on GPUs, neither sees the run; the driver's has no core for jobs."""
    cluster = add_node(0)
    folders = [add_blind_node(name) for name in ("one", "other")]
    clip = hidden / "clip.npy"
    Path(job.clip.path).rename(clip)
    here = replace(job.clip, path=str(clip))
    executor = make_executor(
        "ray", workers=0, cache_folder=hidden / "cache", address=cluster.address
    )

    def run(**changes: Any) -> list[Outcome]:
        jobs = [replace(job, clip=here, knob=float(k), **changes) for k in range(32, 44)]
        return [future.result(PATIENCE_S) for future in map(executor.submit, jobs)]

    try:
        first = run(encoder=SLOW, scorers=())
        deadline = time.monotonic() + PATIENCE_S
        while not all(_clips(folder) for folder in folders) and time.monotonic() < deadline:
            first = run(encoder=SLOW, scorers=())
        assert [_clips(folder) for folder in folders] == [[f"{here.digest}.npy"]] * 2
        expected = run_job(replace(job, clip=here), Cache(tmp_path / "expected"))
        # What is fetched once needs no second time.
        clip.unlink()
        second = run(encoder=SLOW)
        assert [outcome.cached_encodes for outcome in second] == [1] * len(first)
        third = executor.submit(replace(job, clip=here)).result(PATIENCE_S)
        assert (third.payload_bits, third.scores) == (expected.payload_bits, expected.scores)
        scored = run(scorers=(BatchScorer("batch"),))
        assert len({outcome.scores["batch"].spread for outcome in scored}) == 1
        lost = replace(here, digest="0" * 64)
        with pytest.raises(ClipError, match=r"clip\.npy: cannot be read"):
            executor.submit(replace(job, clip=lost)).result(PATIENCE_S)
    finally:
        executor.close(cancel=True)
    # All that the nodes made is in the run's own cache.
    again = run_job(replace(job, encoder=SLOW, clip=here, knob=32.0), Cache(hidden / "cache"))
    assert (again.cached_encodes, again.cached_scores) == (1, 1)


def _clips(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.npy"))

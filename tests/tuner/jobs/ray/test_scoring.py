"""On a GPU, an actor scores batches of many tasks, and its death costs time only.

There is no GPU here: Ray is told of one, and what runs on it is the processor.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import ray
from ray import cloudpickle

from tuner.errors import ScoreError
from tuner.jobs.cache import Cache
from tuner.jobs.executor import Executor, make_executor
from tuner.jobs.job import ClipRef, Job, Outcome, run_job
from tuner.jobs.ray.scoring import _count_shares
from tuner.model.scorer import InseNetScorer
from tuner.scorer import Score
from tuner.sound.audio import Pcm, sample_digest
from tuner.sound.synth import synthesize
from tuner.testing import FakeScorer

# Ray's processes cannot import a test.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

PATIENCE_S = 120
two_actors = pytest.mark.parametrize("executor", [0.5], indirect=True, ids=["two actors"])
#: What the scorer below refuses: the sixteen samples that a clip begins with, about (a high-pass
#: of a few hertz goes before every scorer).
REFUSED = np.float32(0.9) * (-1) ** np.arange(16)


@dataclass(frozen=True)
class BatchScorer:
    """A fake that scores batches, and keeps a diary of them.

    Args:
        diary: a file that gets a line for each batch: process, number of pairs, references.
        pause_s: how long a batch takes.
        broken: there is something wrong with the GPU.
    """

    diary: str
    pause_s: float = 0.1
    broken: bool = False
    name: str = "fake"
    version: str = "1"

    def on_gpu(self) -> BatchScorer:
        if self.broken:
            raise RuntimeError("no kernel image is available")
        return self

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        return self.score_batch([(reference, coded)])[0]

    def score_batch(self, pairs: Sequence[tuple[Pcm, Pcm]]) -> list[Score]:
        with Path(self.diary).open("a", encoding="utf-8") as diary:
            names = {sample_digest(reference)[:8] for reference, _ in pairs}
            diary.write(f"{os.getpid()} {len(pairs)} {','.join(sorted(names))}\n")
        time.sleep(self.pause_s)
        if any(np.allclose(reference[0, :16], REFUSED, atol=0.05) for reference, _ in pairs):
            raise ScoreError("refused")
        return [FakeScorer().score(*pair) for pair in pairs]


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A Ray that takes a processor for a GPU."""
    ray.init(
        address="local",
        num_cpus=3,
        num_gpus=1,
        include_dashboard=False,
        log_to_driver=False,
        _system_config={"worker_niceness": 0},  # as without, others on the cores would starve it
    )
    yield
    ray.shutdown()


@pytest.fixture
def executor(request: pytest.FixtureRequest, cluster: None, tmp_path: Path) -> Iterator[Executor]:
    """Three workers, and an actor on the one GPU, or more where a test gives the share of each."""
    share = getattr(request, "param", 1.0)
    while ray.available_resources().get("GPU") != 1.0:  # the last test's actors are leaving
        time.sleep(0.1)
    executor = make_executor("ray", workers=3, cache_folder=tmp_path / "cache", scorer_gpu=share)
    yield executor
    executor.close(cancel=True)


@pytest.fixture
def scorer(tmp_path: Path) -> BatchScorer:
    return BatchScorer(str(tmp_path / "diary"))


@pytest.fixture
def jobs(job: Job, scorer: BatchScorer) -> list[Job]:
    return [replace(job, knob=float(knob), scorers=(scorer,)) for knob in range(32, 48)]


def _diary(scorer: BatchScorer) -> list[tuple[int, int, str]]:
    """Process, number of pairs and references of each batch."""
    lines = [line.split() for line in Path(scorer.diary).read_text(encoding="utf-8").splitlines()]
    return [(int(pid), int(count), names) for pid, count, names in lines]


def _expected(job: Job, tmp_path: Path) -> Outcome:
    plain = tuple(FakeScorer() if isinstance(s, BatchScorer) else s for s in job.scorers)
    return run_job(replace(job, scorers=plain), Cache(tmp_path / "expected"))


def test_the_model_scores_as_on_the_processor(executor: Executor, job: Job, tmp_path: Path) -> None:
    """The shipped model, in batches with clips of other lengths, to 1e-4; cached by the task."""
    scorer = InseNetScorer()
    jobs = []
    for index, kind in enumerate(("castanets", "applause", "castanets")):
        pcm = synthesize(kind, seed=index, duration_s=2.0 + 2.0 * index)
        path = tmp_path / f"{index}.npy"
        np.save(path, pcm)
        clip = ClipRef(sample_digest(pcm), str(path), len(pcm), pcm.shape[1] / 48_000)
        jobs += [replace(job, clip=clip, knob=knob, scorers=(scorer,)) for knob in (48.0, 96.0)]
    outcomes = [future.result(PATIENCE_S) for future in map(executor.submit, jobs)]
    for each, outcome in zip(jobs, outcomes, strict=True):
        expected = run_job(each, Cache(tmp_path / "expected")).scores[scorer.name]
        got = outcome.scores[scorer.name]
        assert got.mean == pytest.approx(expected.mean, abs=1e-4)
        assert got.spread == pytest.approx(expected.spread, abs=1e-4)
        assert got.windows == pytest.approx(expected.windows, abs=1e-4)
    again = executor.submit(jobs[0]).result(PATIENCE_S)
    assert (again.scored, again.cached_encodes, again.cached_scores) == (0, 1, 1)


@two_actors
def test_batches_hold_what_many_tasks_wait_for(
    executor: Executor, jobs: list[Job], scorer: BatchScorer, tmp_path: Path
) -> None:
    """Every score is that of its own job, other scorers run in the tasks, and one actor has the
    clip."""
    judge = FakeScorer("judge", slope=-1.0)
    # So long at each batch that others wait meanwhile, on a busy machine, too.
    scorer = replace(scorer, pause_s=1.5)
    jobs = [replace(job, scorers=(scorer, judge)) for job in jobs]
    futures = [executor.submit(job) for job in jobs]
    for job, future in zip(jobs, futures, strict=True):
        outcome, expected = future.result(PATIENCE_S), _expected(job, tmp_path)
        assert outcome.scores == expected.scores
        assert (outcome.encodes, outcome.scored) == (1, 2)
    diary = _diary(scorer)
    assert sum(count for _, count, _ in diary) == len(jobs)
    assert max(count for _, count, _ in diary) > 1
    assert len({pid for pid, _, _ in diary}) == 1


@two_actors
def test_a_killed_actor_loses_nothing(
    executor: Executor, jobs: list[Job], scorer: BatchScorer, tmp_path: Path
) -> None:
    """SIGKILL in the middle of a batch: another process scores what it had, each once."""
    futures = [executor.submit(job) for job in jobs]
    wait(futures[:1], PATIENCE_S)
    first = _diary(scorer)[0][0]
    os.kill(first, signal.SIGKILL)
    for job, future in zip(jobs, futures, strict=True):
        outcome, expected = future.result(PATIENCE_S), _expected(job, tmp_path)
        assert (outcome.scores, outcome.scored) == (expected.scores, 1)
    (second,) = {pid for pid, _, _ in _diary(scorer)} - {first}
    scores = list((tmp_path / "cache" / "scores").rglob("*"))
    assert len([path for path in scores if path.is_file()]) == len(jobs)
    assert second != first


def test_one_that_cannot_be_scored_fails_alone(
    executor: Executor, jobs: list[Job], scorer: BatchScorer, tmp_path: Path
) -> None:
    """The error is that of its job; the others of its batch have their scores."""
    pcm = np.load(jobs[0].clip.path)
    pcm[0, :16] = REFUSED
    path = tmp_path / "refused.npy"
    np.save(path, pcm)
    clip = ClipRef(sample_digest(pcm), str(path), 2, 0.5)
    refused = executor.submit(replace(jobs[0], clip=clip))
    futures = [executor.submit(job) for job in jobs]
    with pytest.raises(ScoreError, match="refused"):
        refused.result(PATIENCE_S)
    for job, future in zip(jobs, futures, strict=True):
        assert future.result(PATIENCE_S).scores == _expected(job, tmp_path).scores


def test_an_actor_that_is_lost_for_good_costs_no_score(
    executor: Executor, jobs: list[Job], scorer: BatchScorer, tmp_path: Path
) -> None:
    """The tasks score by themselves."""
    broken = replace(scorer, broken=True)
    jobs = [replace(job, scorers=(broken,)) for job in jobs[:6]]
    for job, future in zip(jobs, [executor.submit(job) for job in jobs], strict=True):
        assert future.result(PATIENCE_S).scores == _expected(job, tmp_path).scores
    assert [count for _, count, _ in _diary(scorer)] == [1] * 6


def test_without_a_share_scores_are_made_where_the_decode_ran(
    cluster: None, jobs: list[Job], scorer: BatchScorer, tmp_path: Path
) -> None:
    """`scorer_gpu = 0` leaves a GPU to others."""
    plain = make_executor("ray", workers=3, cache_folder=tmp_path / "cache", scorer_gpu=0.0)
    futures = [plain.submit(job) for job in jobs[:6]]
    assert [future.result(PATIENCE_S).scored for future in futures] == [1] * 6
    plain.close()
    assert [count for _, count, _ in _diary(scorer)] == [1] * 6


@pytest.mark.parametrize(
    ("gpus", "share", "count"),
    [(0.0, 1.0, 0), (2.0, 1.0, 2), (1.0, 0.1, 10), (2.0, 0.4, 4), (1.5, 0.5, 3)],
)
def test_shares_are_of_one_gpu_each(gpus: float, share: float, count: int) -> None:
    """No actor lies across two GPUs, and what others use is theirs."""
    assert _count_shares(gpus, share) == count

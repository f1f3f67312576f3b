"""Ray gives the outcomes and errors of the pure job."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import ray

from tuner.cache import Cache
from tuner.errors import EncoderFailed, StudyError, WorkerDied
from tuner.search.executors import Executor, make_executor
from tuner.search.job import Job, run_job
from tuner.testing import FakeEncoder

PATIENCE_S = 60
#: Triggers the fake encoder's troubles by its default settings.
ALWAYS = (("joint", True),)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Executor]:
    """One Ray for all tests of this file: it takes seconds to start."""
    folder = tmp_path_factory.mktemp("ray") / "cache"
    executor = make_executor("ray", workers=2, cache_folder=folder)
    yield executor
    executor.close()


def test_outcomes_are_those_of_the_pure_job(started: Executor, job: Job, tmp_path: Path) -> None:
    """More jobs than may be in flight, from several threads, each with its own outcome."""
    jobs = [replace(job, knob=float(knob)) for knob in range(32, 44)]
    with ThreadPoolExecutor(4) as threads:
        futures = list(threads.map(started.submit, jobs))
    for job, future in zip(jobs, futures, strict=True):
        expected = run_job(job, Cache(tmp_path / "other"))
        outcome = future.result(PATIENCE_S)
        assert (outcome.payload_bits, outcome.scores) == (expected.payload_bits, expected.scores)
        assert outcome.encodes == 1


def test_an_error_comes_through_as_itself(started: Executor, job: Job) -> None:
    """Not wrapped by Ray: exactly its class, with its fields."""
    failing = replace(job, encoder=FakeEncoder(crash_on=ALWAYS))
    with pytest.raises(EncoderFailed, match="crash on demand") as raised:
        started.submit(failing).result(PATIENCE_S)
    assert type(raised.value) is EncoderFailed
    assert raised.value.exit_code == 3


def test_a_job_that_kills_its_worker_fails_alone(started: Executor, job: Job) -> None:
    """Ray tries it again a few times; the job beside it does not notice."""
    deadly = started.submit(replace(job, encoder=FakeEncoder(die_on=ALWAYS)))
    beside = started.submit(replace(job, knob=50.0))
    with pytest.raises(WorkerDied, match="retries"):
        deadly.result(PATIENCE_S)
    assert beside.result(PATIENCE_S).payload_bits > 0


def test_a_silent_cluster_is_told_in_the_log(
    started: Executor, job: Job, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A run that waits for nodes says so; the job is done when it is done."""
    monkeypatch.setattr("tuner.search.executors.ray.executor.SILENCE_S", 0.1)
    slow = replace(job, encoder=FakeEncoder(hang_on=ALWAYS, hang_s=1.0), knob=52.0)
    assert started.submit(slow).result(PATIENCE_S).encodes == 1
    assert "Ray gave no outcome" in caplog.text


@pytest.mark.usefixtures("started")
def test_jobs_run_at_the_priority_of_the_driver() -> None:
    """As in local workers: Ray's own default leaves them what all others do not want."""
    priority = ray.remote(lambda: os.getpriority(os.PRIO_PROCESS, 0))
    assert ray.get(priority.remote()) == os.getpriority(os.PRIO_PROCESS, 0)


def test_a_second_executor_leaves_the_running_ray_alone(
    started: Executor, job: Job, tmp_path: Path
) -> None:
    """Closing it cancels its own jobs, those that run and those that wait, and no others."""
    second = make_executor("ray", workers=1, cache_folder=tmp_path / "cache")
    hanging = replace(job, encoder=FakeEncoder(hang_on=ALWAYS, hang_s=600))
    futures = [second.submit(replace(hanging, knob=float(knob))) for knob in range(32, 37)]
    second.close(cancel=True)
    for future in futures:
        with pytest.raises(CancelledError):
            future.result(0)
    with pytest.raises(RuntimeError, match="closed"):
        second.submit(job)
    assert started.submit(replace(job, knob=51.0)).result(PATIENCE_S).encodes == 1


def test_a_driver_outside_the_cluster_is_refused(tmp_path: Path) -> None:
    """Nodes fetch clips from the driver's node, so it must be one."""
    with pytest.raises(StudyError, match="ray job submit"):
        make_executor("ray", workers=1, cache_folder=tmp_path, address="ray://host:10001")


def test_an_address_beside_a_running_ray_is_refused(started: Executor, tmp_path: Path) -> None:
    """This process is in a Ray already; jobs would silently run there instead."""
    with pytest.raises(StudyError, match=r"10\.0\.0\.1:6379"):
        make_executor("ray", workers=1, cache_folder=tmp_path, address="10.0.0.1:6379")

"""Ray gives the outcomes and errors of the pure job."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path

import pytest
import ray

from tuner.errors import StudyError
from tuner.jobs.executor import Executor, make_executor
from tuner.jobs.job import Job
from tuner.testing import ExecutorContract, FakeEncoder

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


@pytest.fixture
def executor(started: Executor) -> Executor:
    """The same, as the contract calls it."""
    return started


class TestContract(ExecutorContract):
    def make(self, cache_folder: Path) -> Executor:
        return make_executor("ray", workers=1, cache_folder=cache_folder)


def test_a_silent_cluster_is_told_in_the_log(
    started: Executor, job: Job, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A run that waits for nodes says so; the job is done when it is done."""
    monkeypatch.setattr("tuner.jobs.ray.executor.SILENCE_S", 0.1)
    slow = replace(job, encoder=FakeEncoder(hang_on=ALWAYS, hang_s=1.0), knob=52.0)
    assert started.submit(slow).result(PATIENCE_S).encodes == 1
    assert "Ray returned no result" in caplog.text


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

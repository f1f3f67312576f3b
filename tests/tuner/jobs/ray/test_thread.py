"""The thread that calls Ray, without a Ray: when it dies, nobody waits for it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tuner.errors import RunError
from tuner.jobs.job import Job
from tuner.jobs.ray import executor as module
from tuner.jobs.ray.executor import RayExecutor

#: How long to wait for what must happen at once, on a busy machine, seconds.
PATIENCE_S = 60


class Task:
    """One that never ends."""

    def future(self) -> Future[object]:
        return Future()


class Sender:
    """Sends nothing."""

    def __init__(self, *_: Any) -> None:
        pass

    def send(self, job: Job) -> Task:
        return Task()

    def close(self) -> None:
        pass


def test_a_thread_that_dies_ends_the_run_with_its_reason(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The jobs in flight, those that wait, and those that come later have it."""

    def die(_: RayExecutor) -> None:
        raise RuntimeError("gone")

    monkeypatch.setattr(module, "_connect", lambda *_: False)
    monkeypatch.setattr(module, "Sender", Sender)
    monkeypatch.setattr(RayExecutor, "_next_event", die)
    executor = RayExecutor(1, tmp_path)
    futures = [executor.submit(replace(job, knob=float(knob))) for knob in range(32, 36)]
    for future in [*futures, executor.submit(job)]:
        with pytest.raises(RunError, match=r"Ray failed \(RuntimeError: gone\); run again"):
            future.result(PATIENCE_S)
    executor.close(cancel=True)

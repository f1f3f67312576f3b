"""An executor without processes: for tests and benches of what is built on executors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from tuner.errors import TunerError
from tuner.jobs import executor
from tuner.jobs.cache import Cache
from tuner.jobs.job import Job, Outcome, run_job


@dataclass
class AtOnce:
    """Runs every job in the calling thread, where it is submitted.

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
        """Run it now; see `tuner.jobs.executor.Executor.submit`."""
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
        """Nothing to close."""


@contextmanager
def jobs_in_place() -> Iterator[None]:
    """Commands that would start worker processes run their jobs in the calling thread meanwhile.

    A process costs a second or two of imports, many times what jobs on fakes cost.
    """
    make = executor.make_executor

    def make_at_once(name: str, *, cache_folder: Path, **given: Any) -> AtOnce:
        inspect.signature(make).bind(name, cache_folder=cache_folder, **given)
        return AtOnce(Cache(cache_folder.absolute()))

    with mock.patch.object(executor, "make_executor", make_at_once):
        yield

"""An executor without processes: for tests and benches of what is built on executors."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from tuner.errors import TunerError
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

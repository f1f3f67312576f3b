"""An executor that tells of every clip that it has scored."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from tuner.jobs.executor import Executor
from tuner.jobs.job import Job, Outcome


class Counted:
    """Passes jobs on; `tell` is called, from any thread, when one with scorers has succeeded."""

    def __init__(self, inner: Executor, tell: Callable[[], None]) -> None:
        self.inner, self.workers, self._tell = inner, inner.workers, tell

    def submit(self, job: Job) -> Future[Outcome]:
        """As the inner executor."""
        future = self.inner.submit(job)
        if job.scorers:
            future.add_done_callback(self._note)
        return future

    def close(self, *, cancel: bool = False) -> None:
        """As the inner executor."""
        self.inner.close(cancel=cancel)

    def _note(self, future: Future[Outcome]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._tell()

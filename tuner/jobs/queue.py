"""The queue that every executor has before its workers: jobs with the futures of their outcomes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from tuner.errors import RunError

if TYPE_CHECKING:
    from tuner.jobs.job import Job, Outcome


class JobQueue:
    """Jobs in the order in which they came; any thread may call any method."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Job, Future[Outcome]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        #: Whether it was closed so that nothing more shall run.
        self.cancelled = False
        self._failure: Exception | None = None

    def submit(self, job: Job) -> Future[Outcome]:
        """Queue a job. Raises RuntimeError after `close`."""
        future: Future[Outcome] = Future()
        with self._changed:
            if self._failure is not None:
                future.set_exception(self._failure)
                return future
            if self._closed:
                raise RuntimeError("this executor is closed")
            self._waiting.append((job, future))
            self._changed.notify()
        return future

    def take(self, *, wait: bool = True) -> tuple[Job, Future[Outcome]] | None:
        """The next job that nobody took back, its future running.

        None when it is closed and all jobs are taken; without `wait`, also when there is
        none now.
        """
        with self._changed:
            while True:
                while self._waiting:
                    job, future = self._waiting.popleft()
                    if future.set_running_or_notify_cancel():
                        return job, future
                if self._closed or not wait:
                    return None
                self._changed.wait()

    def fail(self, error: Exception) -> None:
        """Nobody serves it any more: what waits, and all that still comes, has this error."""
        with self._changed:
            self._failure = error
            dropped = list(self._waiting)
            self._waiting.clear()
        for _, future in dropped:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)

    def close(self, *, cancel: bool = False) -> None:
        """Take no more jobs; with `cancel`, those that wait are cancelled."""
        with self._changed:
            self._closed = True
            self.cancelled = self.cancelled or cancel
            dropped = list(self._waiting) if cancel else []
            if cancel:
                self._waiting.clear()
            self._changed.notify_all()
        for _, future in dropped:
            future.cancel()


def settle(future: Future[Outcome], work: Callable[[], Outcome]) -> None:
    """Give a future what `work` returns or raises."""
    try:
        outcome = work()
    except Exception as error:  # nothing is swallowed: the future carries it
        future.set_exception(error)
    except BaseException as error:
        # What ends this thread; who waits for the future must not end like it.
        future.set_exception(
            RunError(f"a job's thread ended ({error!r})", remedy="run again to resume")
        )
        raise
    else:
        future.set_result(outcome)

"""Progress of a command that scores clips through an executor."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from tuner.cli.display.interrupts import EXIT_INTERRUPTED, as_interrupts, stop_twice
from tuner.cli.display.progress import progress_bar

if TYPE_CHECKING:
    from tuner.jobs.executor import Executor
    from tuner.jobs.job import Job, Outcome


class CountingExecutor:
    """An executor that shows how many of the clips are scored.

    Args:
        inner: does the work.
        total: how many are expected to be scored. Where more are submitted, as matching takes more
            passes than usual, it grows with them.
        update: told (done, total, note).
    """

    def __init__(
        self, inner: Executor, total: int, update: Callable[[int, int, str], None]
    ) -> None:
        self.workers, self._inner, self._total, self._update = inner.workers, inner, total, update
        self._submitted, self._done, self._lock = 0, 0, threading.Lock()
        update(0, total, "matching bitrates")

    def submit(self, job: Job) -> Future[Outcome]:
        """Submit, and count what is scored."""
        if job.scorers:
            with self._lock:
                self._submitted += 1
                self._total = max(self._total, self._submitted)
        future = self._inner.submit(job)
        if job.scorers:
            future.add_done_callback(self._count)
        return future

    def close(self, *, cancel: bool = False) -> None:
        """Close the executor."""
        self._inner.close(cancel=cancel)

    def _count(self, future: Future[Outcome]) -> None:
        if future.cancelled():
            return
        with self._lock:
            self._done += 1
            self._update(self._done, self._total, "")


@contextmanager
def counted(executor: Executor, total: int) -> Iterator[Executor]:
    """An executor that shows its progress, and is closed at the end.

    Args:
        executor: does the work.
        total: how many clips are expected to be scored.

    Raises:
        typer.Exit: interrupted.
    """
    try:
        with as_interrupts(), stop_twice(lambda: ""), progress_bar("scoring") as update:
            yield CountingExecutor(executor, total, update)
        executor.close()
    except KeyboardInterrupt:
        executor.close(cancel=True)
        print("\nStopped; with --cache, the same command resumes.", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except BaseException:
        executor.close(cancel=True)
        raise

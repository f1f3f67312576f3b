"""Progress of commands that score clips."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

from tuner.cli.display.counting import CountingExecutor


class Immediate:
    """An executor that is done at once."""

    workers = 1

    def submit(self, job: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(None)
        return future

    def close(self, *, cancel: bool = False) -> None:
        return None


def test_no_more_is_done_than_there_is() -> None:
    """More passes than usual raise the total; encodes without scores do not count."""
    told: list[tuple[int, int]] = []
    inner: Any = Immediate()
    executor = CountingExecutor(inner, 24, lambda done, total, _: told.append((done, total)))
    for scorers in [("insenet",)] * 27 + [()] * 5:
        job: Any = SimpleNamespace(scorers=scorers)
        executor.submit(job)
    assert told[0] == (0, 24) and told[24] == (24, 24)
    assert told[-1] == (27, 27)
    assert all(done <= total for done, total in told)

"""A job that hangs where nothing else has a limit."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import CancelledError
from typing import Any

import pytest

from tuner.errors import RunError
from tuner.jobs.queue import JobQueue
from tuner.jobs.watchdog import killed_after


def test_who_hangs_is_killed() -> None:
    """After its time, whatever it does."""
    code = (
        "import time\nfrom tuner.jobs.watchdog import killed_after\n"
        "with killed_after(0.2): time.sleep(600)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert b"did not finish within 0.2 s" in done.stderr


def test_who_ends_in_time_is_not() -> None:
    """Nor later."""
    with killed_after(600.0):
        pass


def test_nobody_waits_for_a_server_that_is_gone() -> None:
    """What was queued and what comes later have the reason; what was taken back has not."""
    job: Any = object()
    queue = JobQueue()
    waiting, taken_back = queue.submit(job), queue.submit(job)
    taken_back.cancel()
    queue.fail(RunError("Ray failed"))
    for future in (waiting, queue.submit(job)):
        with pytest.raises(RunError, match="Ray failed"):
            future.result(0)
    with pytest.raises(CancelledError):
        taken_back.result(0)

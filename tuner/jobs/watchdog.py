"""Ends a worker whose job hangs where nothing else has a limit: in a decoder, in a scorer.

Encoders' programs have limits of their own, which are far below this one. A worker that is ended
is missed like any that died: its job is run once more elsewhere, then it fails.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tuner.time_limit import TimeLimit

#: The longest time that a job may take, s. The slowest that was seen, with the first use of every
#: metric on a machine with ten times its work, took two minutes.
JOB_LIMIT_S = 1800.0
#: How often the clock is looked at, s.
LOOK_EVERY_S = 1.0

_log = logging.getLogger(__name__)


@contextmanager
def killed_after(seconds: float) -> Iterator[None]:
    """Within it this process may be for so long; then it is killed.

    Args:
        seconds: in which it was not stopped, nor the machine asleep.
    """
    done = threading.Event()

    def watch() -> None:
        limit = TimeLimit(seconds)
        while not done.wait(min(LOOK_EVERY_S, max(limit.left(), 0.0))):
            if limit.left() <= 0:
                _log.error("a job did not finish within %g s; killing its process", seconds)
                os.kill(os.getpid(), signal.SIGKILL)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()

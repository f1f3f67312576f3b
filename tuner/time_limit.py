"""A limit of time that runs only while this process does.

A machine that was suspended, or a process that was stopped, must not look like work that
hangs: what passes between two looks counts up to `LONGEST_TICK_S` only.
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: Who has a limit looks at it once a second and more often. What is far longer between two
#: looks was no waiting: the machine slept, or the process was stopped.
LONGEST_TICK_S = 3.0


class TimeLimit:
    """Counts down; to be asked at least once a second.

    Args:
        seconds: how long.
        clock: seconds, from any start on.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._left = seconds
        self._clock = clock
        self._last = clock()

    def left(self) -> float:
        """Seconds that are left; 0 or less when it is over."""
        now = self._clock()
        self._left -= min(now - self._last, LONGEST_TICK_S)
        self._last = now
        return self._left

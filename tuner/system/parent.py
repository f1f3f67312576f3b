"""A worker process that does not outlive the process which started it."""

from __future__ import annotations

import os
import signal
import sys

#: prctl(2): the signal that this process gets when its parent dies (linux/prctl.h).
PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the process `parent` dies, however it dies.

    On Linux; elsewhere a worker ends when it finds its pipe closed.
    """
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the call above
        os._exit(1)

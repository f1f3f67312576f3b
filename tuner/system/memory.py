"""Memory that this process frees, kept for its next use."""

from __future__ import annotations

import sys
from collections.abc import Callable

#: mallopt(3): what is larger is mapped by itself, and given back at once; what is free at the end
#: of the heap beyond this is given back.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
#: More than is freed at once, bytes; and the largest `_M_MMAP_THRESHOLD` of glibc before 2.35.
_NEVER, _OLD_MOST = 1 << 30, 32 << 20


def keep_freed_memory() -> None:
    """Have the C library keep what is freed (glibc; elsewhere nothing changes).

    A score takes and frees a hundred megabytes, array by array. Given back, each page of them is
    zeroed and mapped again by the kernel: half of a worker's page faults, a tenth of its CPU time
    for scoring where memory is virtual. The process stays as large as it was at its largest.
    """
    if sys.platform != "linux":
        return
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        set_thresholds(mallopt)


def set_thresholds(mallopt: Callable[[int, int], int]) -> None:
    """Set both thresholds, or neither.

    Once either is set, glibc no longer adapts the other: a refused one would stay at 128 KiB.

    Args:
        mallopt: the C library's; 0 where it refuses.
    """
    if mallopt(_M_MMAP_THRESHOLD, _NEVER) or mallopt(_M_MMAP_THRESHOLD, _OLD_MOST):
        mallopt(_M_TRIM_THRESHOLD, _NEVER)

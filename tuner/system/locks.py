"""One process at a time in a folder, also on file systems that have no locks.

A lock of the operating system (``flock``) ends with its process, whatever ends it. Some network
and FUSE file systems have none and say so when asked. There a *lock file* stands in: it exists
while the folder is in use, and says by which process on which machine. It outlives a process that
was killed: on the same machine the next one sees that and takes it over; on another machine a
person must remove it.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from tuner.errors import RunError

#: What a file system without locks says: NFS without its lock service, some FUSE and 9p mounts.
NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})
#: Name of the lock file that stands in, beside the lock.
STAND_IN_SUFFIX = ".held"

#: As `wait_s`: for as long as it takes.
UNTIL_FREE = -1.0

log = logging.getLogger(__name__)


class LockHeld(RunError):
    """Another process holds the lock.

    Its remedy is for where that process is gone; empty where its lock went with it.
    """


def stand_in(lock: Path) -> Path:
    """The lock file that stands in for a lock."""
    return lock.with_name(lock.name + STAND_IN_SUFFIX)


@contextmanager
def hold_lock(lock: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock, or the lock file that stands in for it.

    Args:
        lock: the file to be locked; made, and left there.
        wait_s: how long to wait for whoever holds it, s.

    Raises:
        LockHeld: it is still held.
        OSError: the file cannot be made.
    """
    taken = _take(lock, wait_s)
    try:
        yield
    finally:
        taken.release()


def _take(lock: Path, wait_s: float) -> filelock.BaseFileLock:
    native = filelock.FileLock(lock)
    try:
        native.acquire(timeout=wait_s)
    except filelock.Timeout:
        raise LockHeld("another process holds this lock", where=lock) from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return _take_stand_in(lock, wait_s, error)
    return native


def _take_stand_in(lock: Path, wait_s: float, reason: OSError) -> filelock.BaseFileLock:
    file = stand_in(lock)
    substitute = filelock.SoftFileLock(file)
    try:
        substitute.acquire(timeout=wait_s)
    except filelock.Timeout:
        raise LockHeld(
            "another process holds this lock file",
            where=file,
            remedy=f"this file system has no locks ({reason.strerror}): if no process is running"
            f" there, as after a power failure, remove {file}",
        ) from None
    log.warning(
        "%s: this file system has no locks (%s); using the file %s instead. If this machine goes"
        " down, remove that file before another machine resumes",
        lock.parent,
        reason.strerror,
        file.name,
    )
    return substitute

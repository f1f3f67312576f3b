"""The disk of a run: the cache keeps to its budget, and a full disk stops the run early.

A disk that fills up while the database or the results are written is damage; so the run
stops while there is still room to write down what is finished.
"""

from __future__ import annotations

import collections
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuner.errors import MachineError, RunError, compose
from tuner.jobs.cache import Cache
from tuner.rundir.folder import RunFolder
from tuner.system.machine import FAULTS, FULL, describe
from tuner.updates import SearchStarted, TrialFinished, Update

GB = 1e9
#: Free space at which a run stops, bytes. Database, log, results and report of 5,000 trials
#: take a tenth of it; the rest is for the jobs that still run.
RESERVE = 256_000_000
#: Free space of the temporary folder at which it stops, bytes. A job keeps a clip, its encode
#: and its decode there (20 s of stereo take 8 MB at most each); without room for them every
#: encode would fail, and every trial with it.
TEMPORARY_RESERVE = 64_000_000
#: Seconds between two looks at the cache,
TRIM_EVERY_S = 60.0
#: and at least so many times the time that a look took.
TRIM_PAUSES = 50.0
#: What a trim leaves of the limit, so that the next one is not due at once.
TRIM_TO = 0.9
#: Files that can still be made when a run stops, in its folder and in the temporary one: a disk
#: of many small files runs out of inodes before it is full.
INODE_RESERVE = 1000


@contextmanager
def told_as_run_error(path: Path) -> Iterator[None]:
    """Within it, a fault of the machine or of the database is an error with a remedy.

    Args:
        path: the run directory.

    Raises:
        RunError: in the place of what the system or the database raised.
    """
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        what = "the database of its trials failed"
        remedy = "free space there, or restart its server"
        raise _cannot_write(path, what, error, remedy) from error
    except OSError as error:
        if error.errno in FULL or error.errno == errno.EFBIG:
            what = "it cannot be written"
            raise _cannot_write(path, what, error, "free space there") from error
        if error.errno in FAULTS:
            fault = describe(error)
            remedy = compose(fault.remedy, remedy=_resume("fix this"))
            raise MachineError.of(fault, remedy=remedy) from error
        raise


def _resume(remedy: str) -> str:
    return f"Finished work is kept: {remedy} and run the same command again."


def _runs_low(path: Path, free: int, remedy: str) -> RunError:
    what = f"stopped with only {free / GB:.2f} GB of disk free"
    return RunError(what, where=path, remedy=_resume(f"{remedy},"))


def _cannot_write(path: Path, what: str, error: Exception, remedy: str) -> RunError:
    cause: BaseException = error
    while cause.__cause__ is not None:  # Optuna's error of SQLAlchemy's error of the driver's
        cause = cause.__cause__
    return RunError(f"{what} ({cause})", where=path, remedy=_resume(f"{remedy},"))


class DiskKeeper:
    """An observer of a run that keeps its disk in order.

    Args:
        folder: the run directory.
        cache_gb: the cache's budget, or None.
        in_flight: trials of one bitrate that may be in flight; what they use stays.
        reserve: bytes that stay free.
        temporary_reserve: likewise, in the temporary folder.
        inode_reserve: files that can still be made, in either.
    """

    def __init__(
        self,
        folder: RunFolder,
        cache_gb: float | None,
        in_flight: int,
        reserve: int = RESERVE,
        temporary_reserve: int = TEMPORARY_RESERVE,
        inode_reserve: int = INODE_RESERVE,
    ) -> None:
        self._folder = folder
        self._limit = None if cache_gb is None else round(cache_gb * GB)
        self._cache = Cache(folder.cache)
        self._in_flight = in_flight
        self._reserve = reserve
        self._temporary_reserve = temporary_reserve
        self._inode_reserve = inode_reserve
        self._told: dict[float, collections.deque[float]] = {}
        self._due = time.monotonic()

    def __call__(self, update: Update) -> None:
        """Look at the disk.

        Raises:
            RunError: less than a reserve is free, and the cache may not be trimmed; or the
                temporary folder is gone.
            CacheError: the cache cannot be trimmed.
        """
        match update:
            case SearchStarted():
                # What earlier sessions used is not in use; this session's trials will be.
                self._told[update.target_kbps] = collections.deque(
                    [time.time()], maxlen=self._in_flight + 1
                )
            case TrialFinished():
                self._told[update.target_kbps].append(time.time())
        if self._limit is not None and time.monotonic() >= self._due:
            self._trim(self._limit)
        if self._free() < self._reserve and self._limit is not None:
            # The budget was too large for this disk: half of what there is must do.
            self._trim(min(self._limit, self._cache.size() // 2))
        if (free := self._free()) < self._reserve:
            remedy = "free some space, or limit the cache with --cache-gb"
            raise _runs_low(self._folder.path, free, remedy)
        temporary = Path(tempfile.gettempdir())
        if not temporary.is_dir():
            raise MachineError(
                "the temporary folder is gone",
                where=temporary,
                remedy=_resume("recreate the folder or set TMPDIR,"),
            )
        if (free := shutil.disk_usage(temporary).free) < self._temporary_reserve:
            raise _runs_low(temporary, free, "free some space, or set TMPDIR")
        for place in (self._folder.path, temporary):
            left = free_inodes(place)
            if left is not None and left < self._inode_reserve:
                or_else = ", or set TMPDIR" if place == temporary else ""
                raise RunError(
                    f"stopped, as its disk has only {left} inodes left for new files",
                    where=place,
                    remedy=_resume(f"remove files there{or_else},"),
                )

    def _trim(self, limit: int) -> None:
        started = time.monotonic()
        if self._cache.size() > limit:
            self._cache.trim(round(limit * TRIM_TO), self._in_use_since())
        took = time.monotonic() - started
        self._due = time.monotonic() + max(TRIM_EVERY_S, TRIM_PAUSES * took)

    def _in_use_since(self) -> float:
        """When the oldest trial in flight was asked, at the earliest."""
        return min((times[0] for times in self._told.values()), default=time.time())

    def _free(self) -> int:
        return shutil.disk_usage(self._folder.path).free


def free_inodes(path: Path) -> int | None:
    """How many more files the disk takes; None where it sets no limit."""
    disk = os.statvfs(path)
    # Btrfs and others that make inodes as they need them tell of none at all.
    return disk.f_favail if disk.f_files else None

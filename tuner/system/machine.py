"""Faults of the machine, told apart from faults of settings.

A temporary folder without inodes, or gone, a file system that became read-only, no more file
descriptors: every encode fails then, whatever its settings, and none of them may be blamed. What
is certainly such a fault ends a run with words (`MachineError`); what may be one fails a trial,
which is tried again once when the run goes on (`may_be_the_machines`).
"""

from __future__ import annotations

import errno
import os
import tempfile

from tuner.errors import EncoderTimedOut, MachineError, TunerError, WorkerDied

#: What the system says when it, and not what was asked for, is at fault.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
FAULTS = FULL | {
    *(errno.EROFS, errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENOTCONN),
    *(errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM),
}
#: Of these a program tells in its own words when it meets them.
TOLD = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE),
    *(errno.EMFILE, errno.ENFILE),
)
#: What helps.
REMEDIES = {
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "close other programs",
    errno.EAGAIN: "close other programs, or raise the limit on processes (ulimit -u)",
    errno.ENOMEM: "use fewer workers, or close other programs",
    errno.EROFS: "make it writable again",
}
#: What a job needs at least in the temporary folder, bytes.
PROBE_BYTES = 64 * 1024


def find_fault(error: BaseException) -> MachineError | None:
    """What is wrong with this machine, with its remedy, if `error` comes from that.

    Looks at what the error came from, and then whether a file can be written where jobs write:
    a program of somebody else fails as it likes on a full disk.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in FAULTS:
            return describe(cause)
        cause = cause.__cause__ or cause.__context__
    return _probe()


def describe(error: OSError) -> MachineError:
    """What and where, and what helps."""
    remedy = REMEDIES.get(error.errno or 0, "free some space there, or set TMPDIR")
    return MachineError(error.strerror or str(error), where=error.filename or "", remedy=remedy)


def may_be_the_machines(error: TunerError) -> bool:
    """Whether settings that failed like this may be innocent.

    A machine that hardly moves makes any encoder time out, one without memory kills any worker,
    and a program's own words may tell of a disk that was full for a minute.
    """
    if isinstance(error, EncoderTimedOut | WorkerDied):
        return True
    words = error.stderr or error.what  # the latter holds what a plug-in's exception says
    return any(os.strerror(code) in words for code in TOLD)


def _probe() -> MachineError | None:
    try:
        folder = tempfile.gettempdir()
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
    except FileNotFoundError as error:
        where = error.filename or "the temporary folder"
        return MachineError("is gone", where=where, remedy="recreate it, or set TMPDIR")
    except OSError as error:
        return describe(error)
    return None

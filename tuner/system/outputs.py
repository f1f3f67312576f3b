"""Files that an encoder or a decoder wrote, looked at before they are read.

A program may leave anything under the name that it was given: nothing, a folder, a pipe on
which a reader waits for ever, a link to a device that never ends. What is read is a regular
file of a bounded size.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tuner.errors import EncoderError

__all__ = ["OUTPUT_LIMIT", "BadOutput", "check_output", "read_output"]

#: The largest output that is read into memory, bytes: ten minutes of stereo in 24 bits at
#: 48 kHz, uncompressed, are 173 MB.
OUTPUT_LIMIT = 256 * 1024**2
#: What else a name may stand for.
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class BadOutput(EncoderError):
    """There is no output, or it is not to be read."""


def read_output(path: Path, limit: int = OUTPUT_LIMIT) -> bytes:
    """The content of an output.

    Args:
        path: where a program that has ended was to write it.
        limit: most bytes.

    Raises:
        BadOutput: see `check_output`.
    """
    with _opened(path, limit) as file:
        return file.read(limit)


def check_output(path: Path, limit: int | None = None) -> int:
    """See that an output may be read by others.

    Args:
        path: where a program that has ended was to write it.
        limit: most bytes; None for any size.

    Returns:
        Its size, bytes.

    Raises:
        BadOutput: it is not there, empty, too large, or no regular file.
    """
    with _opened(path, limit) as file:
        return os.fstat(file.fileno()).st_size


@contextmanager
def _opened(path: Path, limit: int | None) -> Iterator[BinaryIO]:
    # Neither follows a link nor waits for the other end of a pipe.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        kind = stat.S_IFMT(path.lstat().st_mode)
        if kind != stat.S_IFREG:
            raise BadOutput(f"the output is {KINDS.get(kind, 'not a regular file')}")
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise BadOutput("no output") from None
    except OSError as error:
        raise BadOutput(f"the output cannot be read ({error.strerror})") from error
    with open(descriptor, "rb") as file:  # noqa: PTH123 (a descriptor)
        # Once more: what was looked at was a name, this is the file.
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise BadOutput("the output is not a regular file")
        if not found.st_size:
            raise BadOutput("no output")
        if limit is not None and found.st_size > limit:
            raise BadOutput(f"the output has {found.st_size} bytes, more than {limit}")
        yield file

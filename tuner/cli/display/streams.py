"""A terminal that breaks while a run goes on: it must not end the night.

Its window is closed, the program behind the pipe has ended, the disk under the file is full. What
goes to stderr is for eyes, and the run's log has it, too: it is lost without an error. What goes
to stdout is the answer: a reader that went away wanted no more of it, anything else is an error.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import IO, Any, TextIO, cast

#: What a terminal, a pipe or a file under stdout says when it takes no more.
CANNOT_WRITE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EPIPE, errno.EBADF})


class Forgiving:
    """A text stream whose writes never fail; else the stream that it wraps."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what can be written."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError):  # ValueError: it was closed
            return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            # What is left in its buffer would fail again when Python ends.
            _drop(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def prepare() -> None:
    """Have every stream, where this process was started without some, and a stderr that forgives.

    Without a stream the next file that is opened would take its number, and its texts.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    sys.stderr = cast(TextIO, Forgiving(sys.stderr))


def flush_answer() -> str | None:
    """Write out what was printed; why it cannot be written, or None.

    A reader that went away (``| head``) is no error.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop(sys.stdout)
    except OSError as error:
        _drop(sys.stdout)
        return f"cannot write the output ({error.strerror})"
    return None


def _drop(stream: IO[str]) -> None:
    """Send what is in a stream's buffer, and all that follows, to nowhere."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # no file, as in tests
        pass

"""Ctrl-C: the first stops with care, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

#: Exit status of a command that the user stopped: 128 + SIGINT, as shells have it.
EXIT_INTERRUPTED = 130
#: Lets a terminal show its cursor again, which a live display had hidden (ECMA-48, DECTCEM).
SHOW_CURSOR = "\x1b[?25h"
#: Columns that a live display leaves free at the right: a terminal writes its ^C behind the last
#: line, and if that runs into the next one, the display is drawn one line too low ever after.
ROOM = 3


#: Whether a SIGINT came since `watch` began.
_came = False


def watch() -> None:
    """From now on SIGINT raises KeyboardInterrupt, and `came` knows of it."""

    def note(number: int, frame: FrameType | None) -> None:
        global _came
        _came = True
        signal.default_int_handler(number, frame)

    # A process that was started with SIGINT ignored (in the background of a script) stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, note)


#: What ends the live displays that are on, so that a message does not break into them.
_displays: list[Callable[[], None]] = []


@contextmanager
def ending(end: Callable[[], None]) -> Iterator[None]:
    """Within it, a live display is on, which `end` ends; it may be called twice."""
    _displays.append(end)
    try:
        yield
    finally:
        _displays.remove(end)


@contextmanager
def as_interrupts() -> Iterator[None]:
    """What a Ctrl-C turned into is KeyboardInterrupt again.

    One that meets Python while it compiles a module leaves as a SystemError ("AST constructor
    recursion depth mismatch", a fault of Python 3.11).
    """
    try:
        yield
    except SystemError as error:
        if _came:
            raise KeyboardInterrupt from error
        raise


@contextmanager
def stop_twice(last_words: Callable[[], str]) -> Iterator[Callable[[object], None]]:
    """Within it, the first SIGINT raises KeyboardInterrupt; the second ends the process.

    Whatever the process was doing must survive that, as it must survive SIGKILL.

    Args:
        last_words: called at the second; what it returns goes to stderr.

    Yields:
        What raises KeyboardInterrupt again, if there was one, whatever it is called with: an
        exception that meets Python in a callback of the garbage collector, say, is dropped.
    """
    came = False

    def first(number: int, frame: FrameType | None) -> None:
        global _came
        nonlocal came
        _came = came = True
        signal.signal(signal.SIGINT, second)
        for end in reversed(_displays):
            end()
        _say("\nStopping. Press Ctrl-C again to quit at once.\n")
        raise KeyboardInterrupt

    def second(number: int, frame: FrameType | None) -> None:
        _say(last_words() + (SHOW_CURSOR if sys.stderr.isatty() else ""))
        os._exit(EXIT_INTERRUPTED)

    def check(_: object) -> None:
        if came:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, first)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def _say(text: str) -> None:
    # Past Python's buffers: the signal may have come in the middle of a print.
    with suppress(OSError):  # a terminal that is gone
        os.write(2, text.encode(errors="replace"))

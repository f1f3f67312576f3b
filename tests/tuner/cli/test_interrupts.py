"""Ctrl-C, once; what the second does is in `tests/reliability/test_deaths.py`."""

from __future__ import annotations

import contextlib
import signal

import pytest

from tuner.cli.interrupts import stop_twice


def test_a_dropped_interrupt_comes_again() -> None:
    """Where the exception is lost, the next update of the run raises it again."""
    with pytest.raises(KeyboardInterrupt), stop_twice(lambda: "Ended.") as check:
        check(None)
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        check(None)


def test_the_first_raises_and_tells_of_the_second(capfd: pytest.CaptureFixture[str]) -> None:
    """Afterwards Ctrl-C is what it was."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stop_twice(lambda: "Ended."):
        signal.raise_signal(signal.SIGINT)
    assert capfd.readouterr().err == "\nStopping. Ctrl-C again ends at once.\n"
    assert signal.getsignal(signal.SIGINT) is before

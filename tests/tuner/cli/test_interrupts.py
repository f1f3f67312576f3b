"""Ctrl-C, once; what the second does is in `tests/reliability/test_deaths.py`."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys

import pytest

from tuner.cli.display.interrupts import as_interrupts, stop_twice


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
    assert capfd.readouterr().err == "\nStopping. Press Ctrl-C again to quit at once.\n"
    assert signal.getsignal(signal.SIGINT) is before


def test_what_python_makes_of_an_interrupt_is_one() -> None:
    """In the middle of an import it turns into a SystemError."""
    with pytest.raises(KeyboardInterrupt), stop_twice(lambda: "Ended."), as_interrupts():
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise SystemError("AST constructor recursion depth mismatch (before=63, after=65)")


#: A command whose module meets a Ctrl-C while Python compiles it.
IMPORTING = """
import importlib, signal, sys, types
main = importlib.import_module("tuner.cli.main")

def import_module(name):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        {then}

main.importlib = types.SimpleNamespace(import_module=import_module)
sys.argv = ["tuner", "doctor"]
main.main()
"""


@pytest.mark.parametrize("then", ["raise", "raise SystemError('recursion depth mismatch')"])
def test_ctrl_c_while_a_command_is_imported(then: str) -> None:
    """It says so, with exit status 130 and no traceback."""
    code = IMPORTING.format(then=then)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (130, "Stopped.")

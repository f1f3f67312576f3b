"""A terminal that breaks does not end the night: the log goes on, the exit status is right."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tuner.records import Answer


@contextmanager
def closed_pipe() -> Iterator[int]:
    """A pipe that nobody reads any more: the window is closed, `head` has had enough."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


@contextmanager
def full_disk() -> Iterator[int]:
    """A file on a disk that takes no more."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    number = os.open("/dev/full", os.O_WRONLY)
    try:
        yield number
    finally:
        os.close(number)


@pytest.mark.parametrize("broken", [closed_pipe, full_disk])
def test_progress_that_cannot_be_shown(
    rig: Any, undisturbed: Answer, broken: Callable[[], Any]
) -> None:
    """The run ends well, its answers on stdout, every line in the log."""
    with broken() as nowhere:
        session = rig.start(stderr=nowhere).end()
    assert session.code == 0 and "64" in session.answer
    assert rig.result().trials == undisturbed.trials
    log = (rig.run / "log.txt").read_text()
    assert all(f"trial {number}/5" in log for number in range(1, 6))


def test_ctrl_c_without_a_terminal(rig: Any) -> None:
    """It stops with care, and with its own exit status."""
    rig.wish("score", "5 pause")
    with closed_pipe() as nowhere:
        session = rig.start(stderr=nowhere, stdout=nowhere)
        rig.wait("score")
        session.process.send_signal(signal.SIGINT)
        assert session.end().code == 130
    assert "stopped by the user" in (rig.run / "log.txt").read_text()


def test_answers_that_nobody_reads(rig: Any) -> None:
    """Whoever closed the pipe wanted no more of them: the run has ended well."""
    with closed_pipe() as nowhere:
        session = rig.start("--json", stdout=nowhere).end()
    assert (session.code, "Traceback" in session.told) == (0, False)
    assert rig.result().trials


def test_answers_that_cannot_be_written(rig: Any) -> None:
    """Who wanted them in a file must know that they are not there; the run is kept."""
    with full_disk() as nowhere:
        session = rig.start("--json", stdout=nowhere).end()
    assert session.code == 1
    assert "tuner: cannot write the output (No space left on device)" in session.told
    assert "Traceback" not in session.told and "Exception ignored" not in session.told
    assert rig.result().trials

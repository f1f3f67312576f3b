"""Faults of the machine are told apart from faults of settings."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from tuner.errors import EncoderError, EncoderFailed, EncoderTimedOut, WorkerDied
from tuner.system.machine import FAULTS, find_fault, may_be_the_machines


def raised(cause: Exception) -> EncoderError:
    """What a plug-in's error becomes."""
    try:
        try:
            raise cause
        except Exception as error:
            raise EncoderError("encoding failed") from error
    except EncoderError as error:
        return error


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_the_systems_word_is_a_fault_of_the_machine(code: int) -> None:
    """However deep under the error it lies."""
    fault = find_fault(raised(OSError(code, os.strerror(code))))
    assert fault is not None and fault.what == os.strerror(code)


def test_other_errors_are_not() -> None:
    """A plug-in that looks for a file of its own, or counts wrong."""
    assert find_fault(raised(FileNotFoundError(errno.ENOENT, "no such file", "x"))) is None
    assert find_fault(raised(ValueError("no such mode"))) is None


def test_a_temporary_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a program says that could not write there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    fault = find_fault(EncoderFailed("exit code 1", ["lame"], 1, "can't init outfile"))
    assert fault is not None and "gone" in fault.what and "TMPDIR" in fault.remedy


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc")
def test_a_temporary_folder_that_takes_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a full or read-only disk: here a folder in which nothing can be made."""
    monkeypatch.setattr(tempfile, "tempdir", "/proc/self")
    assert find_fault(EncoderFailed("exit code 1", ["lame"], 1, "")) is not None


def test_what_may_be_the_machines() -> None:
    """Time-outs, dead workers, and what programs tell of disks; no plain failure."""
    assert may_be_the_machines(EncoderTimedOut("timed out after 120 s", ["lame"], None, ""))
    assert may_be_the_machines(WorkerDied("the worker process died 2 times"))
    full = EncoderFailed("exit code 1", ["lame"], 1, "write: No space left on device")
    assert may_be_the_machines(full)
    assert not may_be_the_machines(EncoderFailed("exit code 1", ["lame"], 1, "no such mode"))

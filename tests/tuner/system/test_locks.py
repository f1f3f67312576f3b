"""One process at a time in a folder, also where the file system has no locks."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from encoders.process import private_folder
from tuner.apply.encode import encode_library, make_encoding
from tuner.encoder import default_settings
from tuner.errors import RunError
from tuner.rundir.folder import open_run
from tuner.rundir.status import LOCK_FILE, RunStatus, read_status, write_status
from tuner.system.locks import LockHeld, hold_lock, stand_in
from tuner.testing import FakeEncoder

STATUS = RunStatus(
    "running",
    "tuner run",
    socket.gethostname(),
    os.getpid(),
    "then",
    "now",
    "",
    2.5,
    60.0,
    None,
    (),
)


@pytest.fixture(params=["ENOLCK", "EOPNOTSUPP", "ENOSYS"])
def without_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that has no locks; what stands for it is the system call."""
    number = getattr(errno, request.param)

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.usefixtures("without_locks")
@pytest.mark.filterwarnings("ignore:flock not supported")
def test_a_file_stands_in_for_a_lock(tmp_path: Path) -> None:
    """The second holder is refused; when the first is done, the way is free."""
    lock = tmp_path / ".lock"
    with hold_lock(lock), pytest.raises(LockHeld), hold_lock(lock):
        pass
    with hold_lock(lock):
        pass


@pytest.mark.usefixtures("without_locks")
@pytest.mark.filterwarnings("ignore:flock not supported")
def test_a_run_works_without_locks(tmp_path: Path) -> None:
    """It starts, keeps a second driver out, and its status says that it runs."""
    with open_run(tmp_path / "run", {}, "") as folder:
        write_status(STATUS, folder.path)
        assert read_status(folder.path).state == "running"
        with (
            pytest.raises(RunError, match="another `tuner run` is working here"),
            open_run(tmp_path / "run", {}, ""),
        ):
            pass
    with open_run(tmp_path / "run", {}, ""):
        pass


def test_words_say_what_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning names the cause; a refusal says which file to remove where nobody works."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with open_run(tmp_path / "run", {}, ""):
        assert "has no locks (No locks available)" in caplog.text
        with pytest.raises(RunError) as caught, open_run(tmp_path / "run", {}, ""):
            pass
    assert f"remove {stand_in(tmp_path / 'run' / '.lock')}" in str(caught.value)


def test_a_killed_holder_is_succeeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock file of a process of this machine that is gone keeps nobody out."""
    holding = (
        "import errno, fcntl, os, sys; from pathlib import Path\n"
        "def refuse(*_): raise OSError(errno.ENOLCK, 'none')\n"
        "fcntl.flock = refuse\n"
        "from tuner.system.locks import hold_lock\n"
        "held = hold_lock(Path(sys.argv[1]))\n"
        "held.__enter__()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    lock = tmp_path / ".lock"
    subprocess.run([sys.executable, "-c", holding, str(lock)], check=False, capture_output=True)
    assert stand_in(lock).exists()

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "none")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with hold_lock(lock, wait_s=60.0):
        pass


@pytest.mark.usefixtures("without_locks")
@pytest.mark.filterwarnings("ignore:flock not supported")
def test_encoding_works_without_locks(tmp_path: Path) -> None:
    """A library, and the private folder that each encode writes in."""
    encoder = FakeEncoder()
    encoding = make_encoding(encoder, default_settings(encoder), 64.0)
    assert list(encode_library(encoding, [], tmp_path / "out", 1)) == []
    with private_folder() as folder:
        (folder / "x").touch()


@pytest.mark.parametrize(
    ("host", "pid", "state"),
    [
        (socket.gethostname(), os.getpid(), "running"),
        # Beyond what Linux gives.
        (socket.gethostname(), 2**22 + 1, "killed"),
        ("another.example", 2**22 + 1, "running"),
    ],
    # Not by the process id, which differs between the processes that run tests.
    ids=["alive", "gone", "elsewhere"],
)
def test_status_without_locks_asks_for_the_process(
    tmp_path: Path, host: str, pid: int, state: str
) -> None:
    """A stand-in tells nothing by itself: its driver may have been killed."""
    stand_in(tmp_path / LOCK_FILE).touch()
    write_status(replace(STATUS, host=host, pid=pid), tmp_path)
    assert read_status(tmp_path).state == state

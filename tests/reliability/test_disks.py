"""A disk that fills up: the run ends with a remedy, and goes on when there is room again."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tuner.records import Answer
from tuner.rundir import disk
from tuner.rundir.status import read_status

#: Enough for the run of the rig, which takes 25 MB.
DISK = "size=40m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", DISK, "none", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def filler(small_disk: Path, rig: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Takes all room that is left, when it is asked to."""
    rig.run = small_disk / "run"
    # The reserve would stop the run before; here something else takes that, too.
    rig.options = {"reserve": 0}
    monkeypatch.setattr(disk, "DiskKeeper", functools.partial(disk.DiskKeeper, reserve=0))
    return small_disk / "filler"


def fill(filler: Path) -> None:
    """Leave not a byte."""
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue


def test_full_while_encoding(rig: Any, filler: Path) -> None:
    """The encode that cannot be stored ends the run, not the trial."""
    rig.wish("tell", "2 pause")
    session = rig.start()
    rig.wait("tell")
    rig.wish("encode", "2 pause")
    rig.release("tell")
    rig.wait("encode")
    before = rig.kept()
    fill(filler)
    rig.release("encode")
    assert session.end().code == 1
    # The next trial may have to be stored before the encode.
    assert "the cache cannot be written" in session.told or "trials failed" in session.told
    assert "free space there" in session.told
    assert "Traceback" not in session.told and "Logging error" not in session.told
    full = rig.start().end()
    assert full.code == 1 and "Traceback" not in full.told
    assert "disk" in full.told or "No space left" in full.told
    filler.unlink()
    assert before.trials and before.is_in(rig.kept())
    assert not [trial for trial in rig.go_on().trials if trial.state == "failed"]


def test_full_while_writing_the_database(rig: Any, filler: Path, undisturbed: Answer) -> None:
    """The trial that cannot be stored is computed from the cache, and nothing else is."""
    rig.wish("tell", "3 pause")
    session = rig.start()
    rig.wait("tell")
    before = rig.kept()
    fill(filler)
    rig.release("tell")
    assert session.end().code == 1
    assert "the database of its trials failed (database or disk is full)" in session.told
    assert "run the same command again" in session.told
    assert "Traceback" not in session.told and "Logging error" not in session.told
    filler.unlink()
    assert len(before.trials) == 2 and before.is_in(rig.kept())
    assert rig.go_on().trials == undisturbed.trials


def test_files_that_may_not_grow(rig: Any, undisturbed: Answer) -> None:
    """A quota: as on a full disk, also where none can be mounted."""
    rig.wish("tell", "3 full")
    session = rig.start().end()
    assert session.code == 1
    assert "the database of its trials failed (disk I/O error)" in session.told
    problem = read_status(rig.run).problem
    assert problem is not None and "database of its trials failed" in problem
    assert "Traceback" not in session.told and "Logging error" not in session.told
    assert len(rig.kept().trials) == 2
    assert rig.go_on().trials == undisturbed.trials


def test_the_disk_is_watched(rig: Any, small_disk: Path) -> None:
    """A run does not begin to fill a disk that has less than the reserve."""
    rig.run = small_disk / "run"
    session = rig.start().end()
    assert session.code == 1
    assert "stopped with only" in session.told and "GB of disk free" in session.told

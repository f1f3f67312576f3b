"""The disk of a run: the budget of the cache, and the stop before a disk is full."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tuner.errors import MachineError, RunError
from tuner.rundir.disk import DiskKeeper, free_inodes, told_as_run_error
from tuner.rundir.folder import RunFolder
from tuner.updates import PhaseStarted, SearchStarted

STEP = PhaseStarted("something")
MB = 1_000_000


def fill(folder: Path, count: int) -> list[Path]:
    """Encodes of 1 MB, last used in 1970, the first one the longest ago."""
    (folder / "encodes").mkdir(parents=True, exist_ok=True)
    files = [folder / "encodes" / f"{index:02}" for index in range(count)]
    for index, file in enumerate(files):
        file.write_bytes(os.urandom(MB))
        os.utime(file, (index, index))
    return files


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """An empty run directory."""
    return RunFolder(tmp_path, "now")


def test_the_cache_keeps_to_its_budget(run: RunFolder) -> None:
    """Those used the longest ago go, down to a tenth under the budget."""
    files = fill(run.cache, 20)
    keeper = DiskKeeper(run, 0.010, 1)
    keeper(SearchStarted(64.0, 0, None, None, None))
    left = [file for file in files if file.exists()]
    assert left == files[-len(left) :]
    assert 7 <= len(left) <= 9


def test_without_a_budget_nothing_goes(run: RunFolder) -> None:
    """The cache is as large as the disk lets it be."""
    files = fill(run.cache, 3)
    DiskKeeper(run, None, 1)(STEP)
    assert all(file.exists() for file in files)


def test_what_trials_in_flight_use_stays(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the budget: an encode that was used since they were asked is not removed."""
    monkeypatch.setattr("tuner.rundir.disk.TRIM_EVERY_S", 0.0)
    monkeypatch.setattr("tuner.rundir.disk.TRIM_PAUSES", 0.0)
    keeper = DiskKeeper(run, 0.010, 1)
    keeper(SearchStarted(64.0, 0, None, None, None))
    files = fill(run.cache, 20)
    for file in files[:15]:
        os.utime(file)
    keeper(STEP)
    assert all(file.exists() for file in files[:15])
    assert not any(file.exists() for file in files[15:])


def test_the_run_stops_before_the_disk_is_full(run: RunFolder) -> None:
    """The message says what to do; nothing is removed without leave."""
    files = fill(run.cache, 2)
    keeper = DiskKeeper(run, None, 1, reserve=2 * shutil.disk_usage(run.path).free)
    with pytest.raises(RunError) as told:
        keeper(STEP)
    assert told.value.where == str(run.path)
    assert "--cache-gb" in told.value.remedy
    assert all(file.exists() for file in files)


def test_the_run_stops_before_encoders_have_no_room(run: RunFolder) -> None:
    """A full temporary folder would fail every encode, and every trial of the night with it."""
    keeper = DiskKeeper(run, None, 1, 0, 2 * shutil.disk_usage(tempfile.gettempdir()).free)
    with pytest.raises(RunError) as told:
        keeper(STEP)
    assert told.value.where == tempfile.gettempdir()
    assert "set TMPDIR" in told.value.remedy


def test_the_run_stops_before_there_are_no_inodes(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk of many small files takes no more of them long before it is full."""
    monkeypatch.setattr("tuner.rundir.disk.free_inodes", lambda _: 12)
    with pytest.raises(RunError, match=r"only 12 inodes left.*run the same command again"):
        DiskKeeper(run, None, 1)(STEP)


def test_disks_that_count_no_inodes_are_not_out_of_them(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They make them as they need them, and tell of none."""
    monkeypatch.setattr("tuner.rundir.disk.free_inodes", lambda _: None)
    DiskKeeper(run, None, 1)(STEP)
    assert free_inodes(Path("/")) is None or isinstance(free_inodes(Path("/")), int)


def test_the_run_stops_when_the_temporary_folder_is_gone(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before every encode fails."""
    monkeypatch.setattr(tempfile, "tempdir", str(run.path / "gone"))
    with pytest.raises(MachineError, match=r"gone.*set TMPDIR, and run the same command again"):
        DiskKeeper(run, None, 1)(STEP)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EROFS, errno.EIO])
def test_faults_of_the_machine_are_told_with_their_remedy(tmp_path: Path, code: int) -> None:
    """No traceback for them."""
    with pytest.raises(MachineError) as told, told_as_run_error(tmp_path):
        raise OSError(code, os.strerror(code))
    assert told.value.what == os.strerror(code)
    assert "run the same command again" in told.value.remedy


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_its_remedy(tmp_path: Path, code: int) -> None:
    """Wherever the system says so; other errors stay what they are."""
    with pytest.raises(RunError) as told, told_as_run_error(tmp_path):
        raise OSError(code, os.strerror(code))
    assert told.value.where == str(tmp_path)
    assert "free space there" in told.value.remedy
    with pytest.raises(ConnectionError), told_as_run_error(tmp_path):
        raise ConnectionError("no cluster")

"""The status of a run, as anyone may read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.errors import RunError
from tuner.rundir.folder import open_run
from tuner.rundir.status import BitrateStatus, RunStatus, State, read_status, write_status


def make_status(state: State = "running") -> RunStatus:
    bitrate = BitrateStatus(64.0, "searching", 3, 12, 50.0, 53.5, 64.1, 1, 0, 2)
    return RunStatus(state, "tuner run", "host", 7, "then", "now", "", 2.5, 60.0, None, (bitrate,))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """While the driver holds the lock, a running run is running."""
    with open_run(tmp_path / "run", {}, "") as folder:
        write_status(make_status(), folder.path)
        assert read_status(tmp_path / "run") == make_status()


def test_a_driver_without_its_lock_was_killed(tmp_path: Path) -> None:
    """Whatever its last word was, a run that nobody works on does not run; an end stays one."""
    write_status(make_status(), tmp_path)
    assert read_status(tmp_path).state == "killed"
    write_status(make_status("finished"), tmp_path)
    assert read_status(tmp_path).state == "finished"


def test_looking_does_not_keep_a_driver_out(tmp_path: Path) -> None:
    """Reading takes no lasting lock."""
    with open_run(tmp_path / "run", {}, "") as folder:
        write_status(make_status(), folder.path)
    read_status(tmp_path / "run")
    with open_run(tmp_path / "run", {}, ""):
        pass


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    """The remedy is in the message."""
    with pytest.raises(RunError, match="not a run"):
        read_status(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": 1}', '{"format": 0}', 10_000 * "[", "\xff"]
)
def test_a_damaged_status_is_told(tmp_path: Path, content: str) -> None:
    """Damaged, or of another version: never a traceback."""
    file = tmp_path / "status.json"
    file.write_text(content, encoding="latin-1")
    with pytest.raises(RunError) as told:
        read_status(tmp_path)
    assert told.value.where == str(file)


def test_what_is_of_another_type_is_named(tmp_path: Path) -> None:
    """The place in the file, and what is there instead."""
    write_status(make_status("finished"), tmp_path)
    file = tmp_path / "status.json"
    file.write_text(file.read_text().replace('"done": 3', '"done": "three"'))
    with pytest.raises(RunError, match=r"Expected `int`, got `str` - at `\$.bitrates\[0\].done`"):
        read_status(tmp_path)

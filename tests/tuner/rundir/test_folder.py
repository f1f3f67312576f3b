"""The run directory: identity, lock, resuming."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.errors import RunError
from tuner.rundir.folder import check_run, open_run

IDENTITY = {"encoder": "aac", "encoder build": "1234", "seed": "0"}


def test_resumes_with_the_same_identity(tmp_path: Path) -> None:
    """The second session finds the first one's start, and keeps the study as last run."""
    with open_run(tmp_path / "run", IDENTITY, "trials = 1\n") as first:
        assert first.path.is_dir()
    with open_run(tmp_path / "run", IDENTITY, "trials = 2\n") as second:
        assert second.started == first.started
    assert (tmp_path / "run" / "study.toml").read_text() == "trials = 2\n"


def test_what_is_no_place_for_a_run_is_refused_before_anything(tmp_path: Path) -> None:
    """A file, and a folder with another program's results; nothing is made or changed."""
    (tmp_path / "file").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "results.json").touch()
    for name, told in (("file", "is a file"), ("other", "contains results.json")):
        with pytest.raises(RunError, match=told) as caught:
            check_run(tmp_path / name, IDENTITY, clips=False)
        assert "--out" in caught.value.remedy
    check_run(tmp_path / "new", IDENTITY, clips=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "other"]


def test_no_two_runs_have_one_name(tmp_path: Path) -> None:
    """Not even of one study in folders of one name; a run keeps its own."""
    names = []
    for parent in ("a", "b", "a"):
        with open_run(tmp_path / parent / "night", IDENTITY, "") as run:
            names.append(run.name)
    assert names[0] == names[2] != names[1]
    assert all(name.startswith("night-") for name in names)


def test_refuses_another_search(tmp_path: Path) -> None:
    """Whatever defines the search and changed is named, old and new."""
    with open_run(tmp_path / "run", IDENTITY, ""):
        pass
    changed = {**IDENTITY, "encoder build": "5678", "clips": "abc"}
    with pytest.raises(RunError) as caught, open_run(tmp_path / "run", changed, ""):
        pass
    message = str(caught.value)
    assert "encoder build: 1234 -> 5678" in message
    assert "clips: none -> abc" in message
    assert "seed" not in message and "--out" in message
    assert "--binary" in message and "--warm-start" in message


def test_refuses_a_second_driver(tmp_path: Path) -> None:
    """A run in use is locked."""
    with (
        open_run(tmp_path / "run", IDENTITY, ""),
        pytest.raises(RunError, match="another `tuner run`"),
        open_run(tmp_path / "run", IDENTITY, ""),
    ):
        pass


def test_refuses_to_overwrite_other_things(tmp_path: Path) -> None:
    """A folder that is no run, with a file that a run would overwrite, is left alone."""
    (tmp_path / "study.toml").write_text("mine")
    with (
        pytest.raises(RunError, match=r"contains study\.toml"),
        open_run(tmp_path, IDENTITY, "other"),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["study.toml"]
    assert (tmp_path / "study.toml").read_text() == "mine"


@pytest.mark.parametrize("content", ["", "{}", '{"format": 0, "started": "", "identity": {}}'])
def test_refuses_damaged_or_older_runs(tmp_path: Path, content: str) -> None:
    """A damaged identity or another format is told, never overwritten."""
    file = tmp_path / "identity.json"
    file.write_text(content)
    with pytest.raises(RunError) as refused, open_run(tmp_path, IDENTITY, ""):
        pass
    assert refused.value.where == str(file)
    assert file.read_text() == content


def test_a_file_is_no_run(tmp_path: Path) -> None:
    """A path that cannot be a folder is an error, not a traceback."""
    (tmp_path / "file").touch()
    with (
        pytest.raises(RunError, match="choose another --out"),
        open_run(tmp_path / "file", IDENTITY, ""),
    ):
        pass

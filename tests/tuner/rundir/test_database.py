"""The database of a run, seen from beside the driver."""

from __future__ import annotations

import sys
from pathlib import Path

import optuna
import pytest
import sqlalchemy

from tuner.errors import RunError, StudyError
from tuner.rundir.database import close_storage, open_storage


def test_others_read_while_the_driver_writes(tmp_path: Path) -> None:
    """As Optuna Dashboard does: in the middle of a write, a reader sees all that is finished."""
    path = tmp_path / "optuna.db"
    driver = open_storage(path)
    study = optuna.create_study(storage=driver, study_name="aac@64", direction="maximize")
    study.tell(study.ask(), 61.5)
    with driver.engine.begin() as writing:
        writing.execute(sqlalchemy.text("UPDATE trials SET state = 'FAIL'"))
        reader = optuna.storages.RDBStorage(f"sqlite:///{path}")
        seen = optuna.load_study(storage=reader, study_name="aac@64")
        assert seen.best_value == 61.5
        writing.rollback()
    close_storage(reader)
    close_storage(driver)


def test_any_folder_will_do(tmp_path: Path) -> None:
    """What means something in a URL means nothing in a path."""
    folder = tmp_path / "what? #1 {2} 100%41 é"
    folder.mkdir()
    storage = open_storage(folder / "optuna.db")
    optuna.create_study(storage=storage, study_name="aac@64")
    close_storage(storage)
    assert (folder / "optuna.db").exists()


def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    """In one line that names it."""
    with pytest.raises(RunError, match=r"^sqlite:///.*none/x\.db: .*unable to open[^\n]*$"):
        open_storage(f"sqlite:///{tmp_path}/none/x.db")


@pytest.mark.parametrize("damage", ["cut", "junk"])
def test_a_damaged_file_is_told_with_what_to_do(tmp_path: Path, damage: str) -> None:
    """What was computed is in the cache."""
    path = tmp_path / "optuna.db"
    close_storage(open_storage(path))
    content = path.read_bytes()
    path.write_bytes(content[:20_000] if damage == "cut" else b"junk " * 4000)
    with pytest.raises(RunError, match=r"optuna\.db: the database cannot be used.*move it away"):
        open_storage(path)


def test_a_missing_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install, and without the password."""
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(StudyError, match=r"ann:\*\*\*@host.*pip install psycopg2-binary") as raised:
        open_storage("postgresql://ann:secret@host/tuner")
    assert "secret" not in str(raised.value)


def test_a_hidden_password_is_asked_for() -> None:
    """As in the study file that a run directory has."""
    with pytest.raises(StudyError, match="give --storage"):
        open_storage("postgresql://ann:***@host/tuner")

"""The database of a run, seen from beside the driver."""

from __future__ import annotations

from pathlib import Path

import optuna
import sqlalchemy

from tuner.search.storage import close_storage, open_storage


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

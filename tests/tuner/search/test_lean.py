"""What is kept in memory of a study in a database."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.trial import TrialState

from tuner.rundir.database import close_storage, open_storage
from tuner.search.lean import LeanStorage


def test_attributes_stay_in_the_database(tmp_path: Path) -> None:
    """A finished trial is in memory without its attributes; the database has them."""
    database = open_storage(tmp_path / "optuna.db")
    study = optuna.create_study(storage=LeanStorage(database), study_name="aac@64")
    for value in (1.0, 2.0):
        trial = study.ask()
        trial.suggest_float("x", 0.0, 1.0)
        trial.set_user_attr("ruler", "much")
        study.tell(trial, value)
    kept = study.get_trials(deepcopy=False)
    stored = optuna.load_study(storage=database, study_name="aac@64").trials
    assert [trial.user_attrs for trial in kept] == [{}, {}]
    assert [trial.user_attrs for trial in stored] == [{"ruler": "much"}] * 2
    assert [trial.params for trial in kept] == [trial.params for trial in stored]
    assert kept[0].distributions is kept[1].distributions
    close_storage(database)


def test_spaces_that_differ_are_kept_apart(tmp_path: Path) -> None:
    """Only equal distributions are shared, also where the names are the same."""
    database = open_storage(tmp_path / "optuna.db")
    study = optuna.create_study(storage=LeanStorage(database), study_name="aac@64")
    for high in (1.0, 2.0):
        trial = study.ask()
        trial.suggest_float("x", 0.0, high)
        study.tell(trial, 1.0)
    highs = [trial.distributions["x"].high for trial in study.get_trials(deepcopy=False)]
    assert highs == [1.0, 2.0]
    close_storage(database)


def test_queued_trials_come_in_their_order(tmp_path: Path) -> None:
    """What waits is found without a look at what is finished; attributes included."""
    database = open_storage(tmp_path / "optuna.db")
    study = optuna.create_study(storage=LeanStorage(database), study_name="aac@64")
    study.tell(study.ask(), 1.0)
    for number in (1, 2):
        study.enqueue_trial({"x": number / 4}, user_attrs={"number": number})
    waiting = study.get_trials(states=(TrialState.WAITING,))
    assert [trial.user_attrs["number"] for trial in waiting] == [1, 2]
    asked = study.ask()
    assert asked.suggest_float("x", 0.0, 1.0) == 0.25
    assert len(study.get_trials(states=(TrialState.WAITING,))) == 1
    close_storage(database)

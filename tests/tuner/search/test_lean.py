"""What is kept in memory of a study in a database."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from tuner.rundir.database import close_storage, open_storage
from tuner.search import lean, samplers
from tuner.search.lean import LeanStorage, read_pages


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


def test_what_is_written_is_noted(tmp_path: Path) -> None:
    """A trial that runs is in memory as it is in the database, without being read back."""
    database = open_storage(tmp_path / "optuna.db")
    study = optuna.create_study(storage=LeanStorage(database), study_name="aac@64")
    study.enqueue_trial({"x": 0.5}, user_attrs={"ordinal": 0})
    before = study.get_trials(deepcopy=False)
    trial = study.ask()
    trial.suggest_float("x", 0.0, 1.0)
    trial.suggest_categorical("y", ["off", 2, True])
    trial.set_user_attr("start", [1.0, None])
    study._storage.set_trial_system_attr(trial._trial_id, "told", "later")
    trial.report(3.0, 1)
    (noted,) = study.get_trials()
    (stored,) = optuna.load_study(storage=database, study_name="aac@64").trials
    noted.datetime_start = stored.datetime_start
    assert noted == stored
    assert before[0].state == TrialState.WAITING and before[0].params == {}
    close_storage(database)


def test_what_is_set_twice_before_it_is_written(tmp_path: Path) -> None:
    """The last value counts."""
    database = open_storage(tmp_path / "optuna.db")
    storage = LeanStorage(database)
    trial = optuna.create_study(storage=storage).ask()
    with storage.together():
        for value in (1, 2):
            trial.set_user_attr("told", value)
    assert trial.user_attrs == database.get_trial(trial._trial_id).user_attrs == {"told": 2}
    close_storage(database)


def test_only_what_tpe_sees_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many trials the best and the latest, in a study that goes on as in a new one."""
    monkeypatch.setattr(samplers, "BEST", 2)
    monkeypatch.setattr(samplers, "LATEST", 5)
    monkeypatch.setattr(lean, "PAGE", 3)
    database = open_storage(tmp_path / "optuna.db")
    storage = LeanStorage(database, all_trials=False)
    study = optuna.create_study(storage=storage, study_name="aac@64", direction="maximize")
    waits = study.ask()
    for number in range(1, 30):
        trial = study.ask()
        state = TrialState.FAIL if number == 20 else TrialState.COMPLETE
        study.tell(trial, None if number == 20 else 90.0 - number, state=state)
    again = LeanStorage(database, all_trials=False)
    for each in (storage, again):
        trials = each.get_all_trials(study._study_id, deepcopy=False)
        assert len(trials) <= 1 + 2 + 5 + 3
        assert {0, 1, 2, *range(25, 30)} <= {trial.number for trial in trials}
    study.tell(waits, 1.0)
    assert [t.number for page in read_pages(database, study._study_id) for t in page] == [
        *range(30)
    ]
    whole = optuna.load_study(storage=LeanStorage(database), study_name="aac@64")
    assert [trial.number for trial in whole.trials] == [*range(30)]
    close_storage(database)

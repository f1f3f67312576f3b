"""Optuna's private parts that `tuner.search.lean` builds on, and the way without them.

They may change with any release. Those of the tested releases are known; of another one they are
tried before a run begins. Where they do not do what they did, Optuna's own storage is used: a
long run then needs more memory, and what was interrupted is tried after what is queued; the
trials and their results are the same.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import optuna
import sqlalchemy
from optuna.trial import FrozenTrial

#: Releases whose parts are known, as the tests were run with them: major and minor number.
TESTED = ("5.0",)
#: What goes wrong where a class has other insides.
OTHER_INSIDES = (
    *(ImportError, AttributeError, TypeError, KeyError, ValueError, NotImplementedError),
    sqlalchemy.exc.SQLAlchemyError,
)

_log = logging.getLogger(__name__)


def make_storage(
    database: optuna.storages.RDBStorage, *, all_trials: bool = True
) -> optuna.storages.BaseStorage:
    """The storage that a study is opened with: lean where this Optuna lets it be.

    Args:
        database: see `tuner.rundir.database`.
        all_trials: see `tuner.search.lean.LeanStorage`.
    """
    if not has_known_parts():
        return database
    from tuner.search.lean import LeanStorage

    return LeanStorage(database, all_trials=all_trials)


def write_together(storage: optuna.storages.BaseStorage) -> AbstractContextManager[None]:
    """See `LeanStorage.together`; another storage writes one by one.

    Args:
        storage: of `make_storage`.
    """
    together: Callable[[], AbstractContextManager[None]]
    together = getattr(storage, "together", contextlib.nullcontext)
    return together()


def read_trials(database: optuna.storages.RDBStorage, study_name: str) -> Iterator[FrozenTrial]:
    """All trials of a study by number, with their attributes.

    Args:
        database: see `tuner.rundir.database`.
        study_name: the study.
    """
    study_id = database.get_study_id_from_name(study_name)
    if not has_known_parts():
        yield from database.get_all_trials(study_id, deepcopy=False)
        return
    from tuner.search.lean import read_pages

    for trials in read_pages(database, study_id):
        yield from trials


@functools.cache
def has_known_parts(version: str = optuna.__version__) -> bool:
    """Whether the private parts are those that we know; a word in the log where they are not."""
    if ".".join(version.split(".")[:2]) in TESTED:
        return True
    try:
        works = _try_lean()
    except OTHER_INSIDES as error:
        _log.debug("Optuna's parts: %r", error)
        works = False
    if not works:
        _log.warning(
            "Optuna %s differs internally from %s, with which this program was tested; the run"
            " needs more memory, but is otherwise the same",
            version,
            TESTED[-1],
        )
    return works


def _try_lean() -> bool:
    """Whether queued trials come by their numbers, and finished ones without attributes.

    And whether what is written together is in the database.
    """
    from tuner.search.attempts import ORDINAL
    from tuner.search.lean import LeanStorage

    database = optuna.storages.RDBStorage("sqlite://")
    storage = LeanStorage(database)
    study = optuna.create_study(storage=storage)
    for ordinal in (1, 0):
        study.enqueue_trial({"x": ordinal / 2}, {ORDINAL: ordinal})
    with storage.together():
        first = study.ask()
        ordinal, value = first.user_attrs[ORDINAL], first.suggest_float("x", 0.0, 1.0)
        first.set_user_attr("told", "later")
    study.tell(first, 1.0)
    told = database.get_trial(first._trial_id).user_attrs["told"]
    kept = [trial for trial in study.get_trials(deepcopy=False) if trial.value is not None]
    waiting = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,))
    database.remove_session()
    database.engine.dispose()
    found = (ordinal, value, told, len(kept), len(waiting))
    return (
        found == (0, 0.0, "later", 1, 1)
        and kept[0].user_attrs == {}
        and kept[0].params == {"x": 0.0}
    )

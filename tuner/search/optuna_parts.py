"""Optuna's private parts that `tuner.search.lean` builds on, and the way without them.

They may change with any release. Those of the tested releases are known; of another one they are
tried before a run begins. Where they do not do what they did, Optuna's own storage is used: a
long run then needs more memory, and what was interrupted is tried after what is queued; the
trials and their results are the same.
"""

from __future__ import annotations

import functools
import logging

import optuna

#: Releases whose parts are known, as the tests were run with them: major and minor number.
TESTED = ("5.0",)
#: What goes wrong where a class has other insides.
OTHER_INSIDES = (ImportError, AttributeError, TypeError, KeyError, ValueError, NotImplementedError)

_log = logging.getLogger(__name__)


def make_storage(database: optuna.storages.RDBStorage) -> optuna.storages.BaseStorage:
    """The storage that a study is opened with: lean where this Optuna lets it be.

    Args:
        database: see `tuner.rundir.database`.
    """
    if not has_known_parts():
        return database
    from tuner.search.lean import LeanStorage

    return LeanStorage(database)


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
    """Whether queued trials come by their numbers, and finished ones without attributes."""
    from tuner.search.attempts import ORDINAL
    from tuner.search.lean import LeanStorage

    database = optuna.storages.RDBStorage("sqlite://")
    study = optuna.create_study(storage=LeanStorage(database))
    for ordinal in (1, 0):
        study.enqueue_trial({"x": ordinal / 2}, {ORDINAL: ordinal})
    first = study.ask()
    ordinal, value = first.user_attrs[ORDINAL], first.suggest_float("x", 0.0, 1.0)
    study.tell(first, 1.0)
    kept = [trial for trial in study.get_trials(deepcopy=False) if trial.value is not None]
    waiting = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,))
    database.remove_session()
    database.engine.dispose()
    found = (ordinal, value, len(kept), len(waiting))
    return found == (0, 0.0, 1, 1) and kept[0].user_attrs == {} and kept[0].params == {"x": 0.0}

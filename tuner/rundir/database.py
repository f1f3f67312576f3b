"""The Optuna database of a run: SQLite in its directory, or one that many runs share.

Each run has its own Optuna studies there, of which its driver is the only writer.
"""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy

from tuner.errors import RunError, StudyError
from tuner.study.database_url import HIDDEN, parse_url, show_url

#: Seconds to wait for SQLite's lock (a slow disk, or other runs in the same file).
LOCK_TIMEOUT_S = 60.0
#: Pages of SQLite in memory, KiB; its default is 2000.
CACHE_KIB = 500
#: What SQLite says of a damaged file, and of another kind of file.
DAMAGES = ("malformed", "not a database")
#: Module of a database's driver -> its name in pip, where that is another one.
PIP_NAMES = {
    "psycopg2": "psycopg2-binary",
    "psycopg": "'psycopg[binary]'",
    "mysqldb": "mysqlclient",
}


def open_storage(place: Path | str) -> optuna.storages.RDBStorage:
    """The storage at `place`, its tables made if they are not there.

    Args:
        place: a SQLite file, or a database's URL.

    Raises:
        StudyError: no URL, one without its password, or the package of its database's driver
            is not installed.
        RunError: the database does not answer, or refuses.
    """
    if isinstance(place, Path):
        # By a function, as a URL has no safe way to write "?" and "%" in a path.
        connect = partial(sqlite3.connect, place, timeout=LOCK_TIMEOUT_S, check_same_thread=False)
        return _open_sqlite("sqlite:///file", {"creator": connect}, str(place))
    url, shown = parse_url(place), show_url(place)
    if url.password == HIDDEN:
        raise StudyError(
            "the password is missing, as it is never stored",
            where=shown,
            remedy=(
                "give --storage with the password, or configure the database driver (for"
                " PostgreSQL, ~/.pgpass)"
            ),
        )
    full = url.render_as_string(hide_password=False)
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(full, {"connect_args": {"timeout": LOCK_TIMEOUT_S}}, shown)
    try:
        url.get_dialect().import_dbapi()
    except ImportError as error:
        module = url.get_driver_name()
        raise StudyError(
            f"{error}", where=shown, remedy=f"pip install {PIP_NAMES.get(module, module)}"
        ) from error
    # A server closes connections on which nothing was said for hours.
    return _open(full, {"pool_pre_ping": True}, shown)


def _open_sqlite(url: str, options: dict[str, Any], shown: str) -> optuna.storages.RDBStorage:
    storage = _open(url, options, shown)
    sqlalchemy.event.listen(storage.engine, "connect", _set_up)
    storage.engine.dispose()
    return storage


def _open(url: str, options: dict[str, Any], shown: str) -> optuna.storages.RDBStorage:
    try:
        return optuna.storages.RDBStorage(url, engine_kwargs=options)
    except sqlalchemy.exc.SQLAlchemyError as error:
        why = str(error).strip().partition("\n")[0]
        remedy = "check that it is there and that you may write to it"
        if any(damage in why for damage in DAMAGES):
            remedy = "move it away and run again: what the run's cache holds is not computed again"
        raise RunError(
            f"the database cannot be used ({why})", where=shown, remedy=remedy
        ) from error


def close_storage(storage: optuna.storages.RDBStorage) -> None:
    """Release the database's connections."""
    storage.remove_session()
    storage.engine.dispose()


def _set_up(connection: sqlite3.Connection, _: object) -> None:
    """Have a trial's commits not wait for the disk one by one (0.14 s a trial saved).

    A killed driver loses nothing, a power cut at most the last trial.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    # The system caches the file as well; a driver's memory stays as it is while it grows.
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")

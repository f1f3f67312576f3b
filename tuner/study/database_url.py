"""URLs of databases, whose passwords nobody shall see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tuner.errors import StudyError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

#: What Optuna knows. A plain name means this driver, whatever sqlalchemy takes by itself.
DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg2",
    "mysql": "mysql+pymysql",
}
WANTED = (
    "a database URL: postgresql://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE or"
    " sqlite:////FOLDER/FILE"
)
#: What sqlalchemy shows in place of a password.
HIDDEN = "***"
_SQLITE = "sqlite:///"


def parse_url(text: str) -> URL:
    """The URL, with the driver that is meant.

    Raises:
        StudyError: it is none, or of another kind of database.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # What was given may hold a password, so it is not shown.
        raise StudyError(f"not {WANTED}", where="storage") from None
    if url.host and "@" in url.host:
        raise StudyError("write an @ in the password as %40", where="storage")
    if url.drivername.partition("+")[0] not in DRIVERS:
        raise StudyError(f"{show_url(text)} is not {WANTED}", where="storage")
    return url.set(drivername=DRIVERS.get(url.drivername, url.drivername))


def show_url(text: str) -> str:
    """A URL as it may be shown, its passwords hidden."""
    from sqlalchemy.engine import make_url

    url = make_url(text)
    secrets = {name: HIDDEN for name in url.query if "pass" in name.lower()}
    return url.update_query_dict(secrets).render_as_string(hide_password=True)


def locate_url(text: str, folder: Path) -> str:
    """The URL; that of a SQLite file as seen from `folder`, absolute."""
    file = text.removeprefix(_SQLITE)
    if file == text or not file or file.startswith((":", "/")):
        return text
    return f"{_SQLITE}{(folder / file).absolute()}"

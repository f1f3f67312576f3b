"""URLs of databases are checked, and shown without their passwords."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.errors import StudyError
from tuner.study.database_url import locate_url, parse_url, show_url


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgresql://ann@host/tuner", "postgresql+psycopg2"),
        ("postgresql+psycopg://ann@host/tuner", "postgresql+psycopg"),
        ("mysql://ann:secret@host:3306/tuner", "mysql+pymysql"),
        ("sqlite:////data/tuner.db", "sqlite"),
    ],
)
def test_a_plain_name_means_one_driver(url: str, driver: str) -> None:
    """Whatever sqlalchemy's own choice is; one that is named is kept."""
    assert parse_url(url).drivername == driver


@pytest.mark.parametrize(
    "url",
    [
        "secret",
        "oracle://ann:secret@host/x",
        "mysql://ann:secret@host:port/x",
        "mysql://a:se@cret@h/x",
    ],
)
def test_what_is_no_url_is_refused_unseen(url: str) -> None:
    """It may be one with a password, misspelt."""
    with pytest.raises(StudyError, match="storage: ") as raised:
        parse_url(url)
    assert "cret" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["postgresql://ann:secret@host/tuner", "mysql://ann@host/tuner?ssl_password=secret"]
)
def test_passwords_are_hidden(url: str) -> None:
    """Wherever in the URL they are, and nothing else is."""
    shown = show_url(url)
    assert "secret" not in shown
    assert shown.startswith(url.partition(":")[0] + "://ann")
    assert "@host/tuner" in shown


@pytest.mark.parametrize(
    ("url", "located"),
    [
        ("sqlite:///shared.db", "sqlite:////study/shared.db"),
        ("sqlite:////data/shared.db", "sqlite:////data/shared.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://host/tuner", "postgresql://host/tuner"),
    ],
)
def test_a_file_is_seen_from_a_folder(url: str, located: str) -> None:
    """As all paths of a study file are."""
    assert locate_url(url, Path("/study")) == located

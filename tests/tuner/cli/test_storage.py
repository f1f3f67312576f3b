"""Runs that share a database: SQLite, and PostgreSQL where a server is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import optuna
import pytest

from tuner.cli.arguments.study import resolve_study
from tuner.cli.commands.run import conduct, run
from tuner.driver.parts import Parts
from tuner.errors import RunError, StudyError
from tuner.results import read_results
from tuner.rundir.database import close_storage, open_storage

PASSWORD = "no-one-may-see-this"
#: Where Debian's package puts what is not for every user.
SERVER_FOLDERS = "/usr/lib/postgresql"


def _find_server() -> Path | None:
    """The folder of initdb and pg_ctl."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path(SERVER_FOLDERS).glob("*/bin"))
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@pytest.fixture(scope="module")
def postgres(lacking: Callable[[str], NoReturn]) -> Iterator[str]:
    """The URL of a server on this machine, of a user with a password."""
    server = _find_server()
    if server is None:
        lacking("PostgreSQL's server")
    if find_spec("psycopg2") is None:
        lacking("psycopg2")
    # It refuses to run as root.
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    folder = Path(tempfile.mkdtemp())
    shutil.chown(folder, user)
    secret = folder / "password"
    secret.write_text(PASSWORD)
    shutil.chown(secret, user)
    data, port = folder / "data", 15_000 + os.getpid() % 10_000

    def call(*command: str) -> None:
        subprocess.run(command, user=user, check=True, stdout=subprocess.DEVNULL, cwd=folder)

    call(f"{server}/initdb", "-D", str(data), "-U", "ann", "-A", "md5", f"--pwfile={secret}")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    call(
        f"{server}/pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(folder / "log"), "start"
    )
    yield f"postgresql://ann:{PASSWORD}@127.0.0.1:{port}/postgres"
    call(f"{server}/pg_ctl", "-D", str(data), "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that runs share."""
    if request.param == "postgresql":
        shared: str = request.getfixturevalue("postgres")
        return shared
    return f"sqlite:///{tmp_path}/shared.db"


@pytest.fixture
def parts(make_parts: Callable[..., Parts], url: str) -> Parts:
    """Three trials at 64 kb/s on noise."""
    made = make_parts()
    return replace(made, spec=replace(made.spec, storage=url))


def _trials(folder: Path) -> int:
    return len(read_results(folder / "results.json").bitrates[0].trials)


def test_runs_of_one_database_do_not_mix(
    parts: Parts, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two of the same name and study have trials of their own; each resumes; no password shows."""
    night, other = tmp_path / "a" / "night", tmp_path / "b" / "night"
    conduct(parts, night, "x")
    conduct(replace(parts, spec=replace(parts.spec, trials=2)), other, "x")
    assert (_trials(night), _trials(other)) == (3, 2)

    conduct(replace(parts, spec=replace(parts.spec, trials=5)), night, "x")
    assert _trials(night) == 5
    storage = open_storage(url)
    studies = {each.study_name: each.n_trials for each in optuna.get_all_study_summaries(storage)}
    close_storage(storage)
    mine = {name: count for name, count in studies.items() if name.endswith("/fake@64")}
    assert len([name for name in mine if name.startswith("night-")]) == 2
    assert not (night / "optuna.db").exists()

    printed = capsys.readouterr()
    seen = printed.out + printed.err
    for path in night.rglob("*"):
        if path.is_file() and path.parent.name != "clips":
            seen += path.read_bytes().decode(errors="ignore")
    assert PASSWORD not in seen


def test_a_run_stays_with_its_database(parts: Parts, tmp_path: Path) -> None:
    """Elsewhere it would begin anew without a word."""
    conduct(parts, tmp_path / "run", "x")
    with pytest.raises(RunError, match=r"storage: .* -> none(.|\n)*--storage"):
        conduct(replace(parts, spec=replace(parts.spec, storage=None)), tmp_path / "run", "x")


def test_a_wrong_password_is_told(parts: Parts, postgres: str, tmp_path: Path) -> None:
    """The message names database and user; the run is not yet bound to what is wrong."""
    wrong = postgres.replace(PASSWORD, "guessed")
    with pytest.raises(RunError, match=r"postgresql://ann:\*\*\*@127") as raised:
        conduct(replace(parts, spec=replace(parts.spec, storage=wrong)), tmp_path / "run", "x")
    assert "guessed" not in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_the_flag(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that the report tells is what was typed, without the password."""
    from tuner.cli.commands import run as module

    told = []
    monkeypatch.setattr(module, "assemble", lambda spec, *_: replace(parts, spec=spec))
    monkeypatch.setattr(module, "conduct", lambda *given, **_: told.append(given))
    url = f"postgresql://ann:{PASSWORD}@host/tuner"
    monkeypatch.setattr(sys, "argv", ["tuner", "run", f"--storage={url}"])
    run(encoder="fake", clips=tmp_path, bitrates="64", storage=url, scorer_gpu=0.5)
    ((given, _, command),) = told
    assert (given.spec.storage, given.spec.scorer_gpu) == (url, 0.5)
    assert command == "tuner run '--storage=postgresql://ann:***@host/tuner'"
    assert PASSWORD not in given.spec.to_toml() + repr(given.spec)


def test_a_wrong_url_is_told_unseen() -> None:
    """With the other problems of the study."""
    raw = {"encoder": "fake", "bitrates_kbps": [64], "clips": {"folder": "x"}}
    with pytest.raises(StudyError, match="storage: ") as raised:
        resolve_study(None, {**raw, "storage": PASSWORD, "scorer_gpu": 2.0})
    assert "scorer_gpu" in str(raised.value) and PASSWORD not in str(raised.value)

"""The run directory: one run on disk, locked while it runs, resumable by running it again.

::

    study.toml      the study as last run
    identity.json   what must not change between sessions
    optuna.db       one Optuna study per bitrate; the driver is its only writer
    clips/          the clips' samples, named by their digest
    cache/          encodes and scores by content
    log.txt         what happened
    results.json    the answer, and report.html for people
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import filelock

from tuner.errors import RunError

#: Grows when a run directory of an older version can no longer be resumed.
FORMAT = 1

IDENTITY_FILE = "identity.json"
LOCK_FILE = ".lock"
#: What a run writes beside these; never taken over from others.
OWN_NAMES = {
    "study.toml",
    "optuna.db",
    "clips",
    "cache",
    "log.txt",
    "results.json",
    "report.html",
}


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run, and when its first session started (ISO 8601, UTC)."""

    path: Path
    started: str

    @property
    def database(self) -> Path:
        """The Optuna database."""
        return self.path / "optuna.db"

    @property
    def clips(self) -> Path:
        """Folder of the clips' samples."""
        return self.path / "clips"

    @property
    def cache(self) -> Path:
        """Folder of the cache."""
        return self.path / "cache"

    @property
    def log(self) -> Path:
        """The log file."""
        return self.path / "log.txt"

    @property
    def results(self) -> Path:
        """The results."""
        return self.path / "results.json"


@contextmanager
def open_run(path: Path, identity: Mapping[str, str], study_toml: str) -> Iterator[RunFolder]:
    """Make or resume a run directory, and hold its lock.

    Args:
        path: the directory; made if it is not there.
        identity: what defines the search, item by item, in words or digests.
        study_toml: the study, to be kept as run.

    Raises:
        RunError: it is in use, is no run directory, or was made by another search.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        present = {entry.name for entry in path.iterdir()}
    except OSError as error:
        raise RunError(f"{path}: cannot be used as a run directory ({error})") from error
    if IDENTITY_FILE not in present and (foreign := sorted(present & OWN_NAMES)):
        raise RunError(
            f"{path}: is no run, but holds {', '.join(foreign)}, which a run would overwrite;"
            " name another folder with --out"
        )
    lock = filelock.FileLock(path / LOCK_FILE, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise RunError(
            f"{path}: another `tuner run` is working here; wait for it or name another --out"
        ) from None
    try:
        started = _check_identity(path / IDENTITY_FILE, identity)
        (path / "study.toml").write_text(study_toml, encoding="utf-8")
        yield RunFolder(path.resolve(), started)
    finally:
        lock.release()


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _check_identity(file: Path, identity: Mapping[str, str]) -> str:
    """Compare with the stored identity, or store it; returns when the run began."""
    if not file.exists():
        started = now()
        partial = file.with_suffix(".partial")
        content = {"format": FORMAT, "started": started, "identity": dict(identity)}
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
        partial.replace(file)
        return started
    stored, started = _read_identity(file)
    names = dict.fromkeys([*stored, *identity])
    changes = [
        f"{name}: {stored.get(name, 'none')} -> {identity.get(name, 'none')}"
        for name in names
        if stored.get(name) != identity.get(name)
    ]
    if changes:
        listed = "\n  ".join(changes)
        raise RunError(
            f"{file.parent}: this run was started with something else, and results must not"
            f" be mixed:\n  {listed}\nGo back to what it was, or start a new run with --out."
        )
    return started


def _read_identity(file: Path) -> tuple[dict[str, str], str]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        version = content["format"]
        stored, started = dict(content["identity"]), str(content["started"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file}: damaged ({error!r}); start a new run with --out") from error
    if version != FORMAT:
        raise RunError(
            f"{file}: a run of format {version}, this program resumes format {FORMAT};"
            " start a new run with --out"
        )
    return stored, started

"""The run directory: one run on disk, locked while it runs, resumable by running it again.

::

    study.toml      the study as last run
    identity.json   what must not change between sessions
    optuna.db       one Optuna study per bitrate; the driver is its only writer
    clips/          the clips' samples, named by their digest
    cache/          encodes and scores by content
    log.txt         what happened
    status.json     how far it is, for `tuner status`
    results.json    the answer, and report.html for people
    exhibits/       what the report lets people hear
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tuner.atomic import atomic_write
from tuner.errors import RunError, compose
from tuner.rundir.status import LOCK_FILE, STATUS_FILE, read_status
from tuner.system.locks import LockHeld, hold_lock

#: First word of the items of an identity that are the clips.
CLIP = "clip"
#: Grows when a run directory of an older version can no longer be resumed.
FORMAT = 3

IDENTITY_FILE = "identity.json"
#: Seconds to wait for the lock: `tuner status` holds it for less than a millisecond.
LOCK_WAIT_S = 0.5
#: Differences that a refusal lists.
LISTED_CHANGES = 12
#: First word of what changed -> how to go back to it.
REMEDIES = {
    "encoder": "give the old build with --binary",
    "parameter": "use the old version of the encoder or of this program",
    "fixed": "give the old --fixed",
    "rate": "give the old --rate",
    "clip": "restore the old files, at the old --rate",
    "quality": "give the old --weights, or install the old version of this program",
    "bitrates_kbps": "give the old --bitrates",
    "target_quality": "give the old --target-quality and --target-share",
    "seed": "give the old --seed",
    "sampler": "give the old sampler in [search]",
    "objective": "give the old objective and limits in [search]",
    "storage": "give the old --storage, which has the trials, or none",
}
#: What a run writes beside these; never taken over from others.
OWN_NAMES = {
    "study.toml",
    "optuna.db",
    "clips",
    "cache",
    "log.txt",
    STATUS_FILE,
    "results.json",
    "report.html",
    "exhibits",
}


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run, and when its first session started (ISO 8601, UTC)."""

    path: Path
    started: str

    @property
    def name(self) -> str:
        """A name that no other run has, for databases that runs share."""
        identity = (self.path / IDENTITY_FILE).read_bytes()
        return f"{self.path.name}-{hashlib.sha256(identity).hexdigest()[:8]}"

    @property
    def database(self) -> Path:
        """The Optuna database, unless the study names another one."""
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
    _refuse_foreign(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot be used as a run directory ({error})", where=path) from error
    with ExitStack() as held:
        try:
            held.enter_context(hold_lock(path / LOCK_FILE, LOCK_WAIT_S))
        except LockHeld as error:
            wait = (
                f"wait for it (`tuner status {path}` shows its progress), or choose another --out"
            )
            raise RunError(
                f"another `tuner run` is working here{_who(path)}",
                where=path,
                remedy=compose(wait, remedy=error.remedy),
            ) from None
        except OSError as error:
            raise RunError(
                f"cannot be locked ({error})", where=path, remedy="choose another --out"
            ) from error
        started = _check_identity(path / IDENTITY_FILE, identity)
        (path / "study.toml").write_text(study_toml, encoding="utf-8")
        yield RunFolder(path.resolve(), started)


def check_run(path: Path, identity: Mapping[str, str], *, clips: bool = True) -> None:
    """Raise `RunError` if the path is no place for the run, or holds another; touches nothing.

    Args:
        path: the run directory.
        identity: of the search.
        clips: whether the clips are known yet, and compared.
    """
    _refuse_foreign(path)
    if (path / IDENTITY_FILE).exists():
        _compare(path / IDENTITY_FILE, identity, clips=clips)


def _refuse_foreign(path: Path) -> None:
    """Raise `RunError` if there is a file, or a folder with files that a run would overwrite."""
    if path.is_file():
        raise RunError("is a file, not a run directory", where=path, remedy="choose another --out")
    try:
        present = {entry.name for entry in path.iterdir()} if path.exists() else set()
    except OSError as error:
        raise RunError(f"cannot be used as a run directory ({error})", where=path) from error
    if IDENTITY_FILE not in present and (foreign := sorted(present & OWN_NAMES)):
        raise RunError(
            f"not a run, but contains {', '.join(foreign)}, which a run would overwrite",
            where=path,
            remedy="choose another folder with --out",
        )


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _who(path: Path) -> str:
    try:
        status = read_status(path)
    except RunError:
        return ""
    return f" (process {status.pid} on {status.host})"


def _check_identity(file: Path, identity: Mapping[str, str]) -> str:
    """Compare with the stored identity, or store it; returns when the run began."""
    if not file.exists():
        started = now()
        # What tells apart two runs of the same study that were started in the same second.
        run = uuid.uuid4().hex
        content = {"format": FORMAT, "run": run, "started": started, "identity": dict(identity)}
        atomic_write(file, json.dumps(content, indent=1))
        return started
    return _compare(file, identity)


def _compare(file: Path, identity: Mapping[str, str], *, clips: bool = True) -> str:
    stored, started = _read_identity(file)
    if not clips:
        stored = {name: text for name, text in stored.items() if name.split()[0] != CLIP}
    names = dict.fromkeys([*stored, *identity])
    changed = [name for name in names if stored.get(name) != identity.get(name)]
    if changed:
        raise _refusal(file.parent, stored, identity, changed)
    return started


def _refusal(
    path: Path, stored: Mapping[str, str], identity: Mapping[str, str], changed: list[str]
) -> RunError:
    lines = [
        f"{name}: {stored.get(name, 'none')} -> {identity.get(name, 'none')}"
        for name in changed[:LISTED_CHANGES]
    ]
    if len(changed) > LISTED_CHANGES:
        lines.append(f"and {len(changed) - LISTED_CHANGES} more")
    kinds = dict.fromkeys(name.split()[0] for name in changed)
    ways = "; ".join(REMEDIES[kind] for kind in kinds if kind in REMEDIES)
    listed = "\n  ".join(lines)
    return RunError(
        f"belongs to a different study, and results must not be mixed (then -> now):\n  {listed}",
        where=path,
        remedy=(f"To resume this run: {ways}.\n" if ways else "")
        + f"To start anew: choose another --out; --warm-start {path} tries its winners first.",
    )


def _read_identity(file: Path) -> tuple[dict[str, str], str]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        version = content["format"]
        stored, started = dict(content["identity"]), str(content["started"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"damaged ({error!r})", where=file, remedy="start a new run with --out"
        ) from error
    if version != FORMAT:
        raise RunError(
            f"run format {version}, but this program resumes format {FORMAT}",
            where=file,
            remedy="start a new run with --out",
        )
    return stored, started

"""How far a run is, as a small file that its driver keeps and anyone may read.

Reading it holds the run's lock for an instant at most, opens no database and loads nothing of
the search: any terminal, also on another machine of a shared folder, may look at any time.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from tuner.atomic import atomic_write
from tuner.errors import RunError
from tuner.system.locks import NO_LOCKS, stand_in

FORMAT = 1
STATUS_FILE = "status.json"
LOCK_FILE = ".lock"

#: "killed" is concluded by the reader: the driver wrote "running" and holds no lock.
State = Literal["running", "finished", "stopped", "failed", "killed"]


@dataclass(frozen=True)
class BitrateStatus:
    """One bitrate.

    Args:
        target_kbps: the target, kb/s.
        state: waiting, searching, matching, scoring, searched, stopped, validating, or the verdict.
        done: finished trials, the `infeasible`, `failed` and `pruned` ones among them.
        trials: the budget in trials, or None.
        default, best: what the search maximises on the tuning clips, 0 to 100, as far as known.
        best_kbps: what the best one spent, kb/s.
        clips_done, clips_total: of the validation, while it goes on; else 0.
    """

    target_kbps: float
    state: str
    done: int
    trials: int | None
    default: float | None
    best: float | None
    best_kbps: float | None
    infeasible: int
    failed: int
    pruned: int = 0
    clips_done: int = 0
    clips_total: int = 0

    @property
    def phase(self) -> str:
        """The state, and how far it is: "validating clip 3 of 8"."""
        if not self.clips_total:
            return self.state
        return f"{self.state} clip {self.clips_done} of {self.clips_total}"


@dataclass(frozen=True)
class RunStatus:
    """A run.

    Args:
        state: see `State`.
        command: what was typed.
        host, pid: where the driver runs or ran.
        started, updated: of this session, and when this was written (ISO 8601, UTC).
        stage: what goes on beside the search of bitrates, in words; may be empty.
        encodes_per_s: lately.
        eta_s: seconds until the search's budget is used; None when that cannot be told.
        problem: why it stopped or failed, or None.
        bitrates: in the order of the study.
    """

    state: State
    command: str
    host: str
    pid: int
    started: str
    updated: str
    stage: str
    encodes_per_s: float
    eta_s: float | None
    problem: str | None
    bitrates: tuple[BitrateStatus, ...]


class _Head(msgspec.Struct):
    """What tells whether the rest can be read."""

    format: object


def write_status(status: RunStatus, folder: Path) -> None:
    """Replace the status in a run directory. Raises OSError."""
    content = {"format": FORMAT, **asdict(status)}
    atomic_write(folder / STATUS_FILE, json.dumps(content, indent=1, allow_nan=False))


def read_status(folder: Path) -> RunStatus:
    """The status of the run in `folder`.

    Raises:
        RunError: there is no run, or its status is damaged or of another version.
    """
    file = folder / STATUS_FILE
    try:
        raw = file.read_bytes()
        version = msgspec.json.decode(raw, type=_Head).format
        status = msgspec.json.decode(raw, type=RunStatus) if version == FORMAT else None
    except FileNotFoundError as error:
        raise RunError(
            "not a run", where=folder, remedy="give the folder that was given to `tuner run --out`"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(
            f"damaged ({error}); the run itself is intact",
            where=file,
            remedy="`tuner run` rewrites this file",
        ) from error
    if status is None:
        raise RunError(f"format {version}; this program reads format {FORMAT}", where=file)
    if status.state != "running":
        return status
    locked = is_locked(folder)
    alive = _is_alive(status) if locked is None else locked
    return status if alive else replace(status, state="killed")


def is_locked(folder: Path) -> bool | None:
    """Whether a driver works in this run directory; None where the file system has no locks."""
    if stand_in(folder / LOCK_FILE).exists():
        return None
    try:
        with (folder / LOCK_FILE).open("rb") as lock:
            # Held for no time; `open_run` waits longer than that for its own.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        return None if error.errno in NO_LOCKS else False
    return False


def _is_alive(status: RunStatus) -> bool:
    """Whether the driver's process is there; that of another machine is taken to be."""
    if status.host != socket.gethostname():
        return True
    try:
        os.kill(status.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

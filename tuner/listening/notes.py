"""What is kept of a subject beside the answers: ``results/NAME.KIND.json``, one small file each.

Consent, the questionnaire and the setting of the volume are kept so. A note carries its version,
the subject and the time (UTC).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuner.atomic import atomic_write
from tuner.errors import RunError
from tuner.listening.answers import RESULTS_FOLDER, check_subject

NOTE_VERSION = 1


def read_note(folder: Path, subject: str, kind: str) -> dict[str, Any] | None:
    """A subject's note; None if there is none.

    Raises:
        RunError: naming the file, if it cannot be read.
    """
    path = _path(folder, subject, kind)
    try:
        note = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"cannot be read ({error})", where=path, remedy="move it away") from error
    if not isinstance(note, dict) or note.get("version") != NOTE_VERSION:
        raise RunError(f"not a note of version {NOTE_VERSION}", where=path, remedy="move it away")
    return note


def store_note(folder: Path, subject: str, kind: str, content: dict[str, Any]) -> None:
    """Keep a note, in place of an earlier one. Raises `RunError` if it cannot be written."""
    path = _path(folder, subject, kind)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    note = {"version": NOTE_VERSION, "subject": subject, "time": now, **content}
    try:
        path.parent.mkdir(exist_ok=True)
        atomic_write(path, json.dumps(note) + "\n")
    except OSError as error:
        raise RunError(
            f"cannot be written ({error})", where=path, remedy="free space there"
        ) from error


def _path(folder: Path, subject: str, kind: str) -> Path:
    return folder / RESULTS_FOLDER / f"{check_subject(subject)}.{kind}.json"

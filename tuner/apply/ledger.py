"""What made the files of a folder, so that they need not be made again."""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path

FORMAT = 1


class Ledger:
    """What made the files of a folder: one line for each, the last one counts.

    Lines are appended, so that a process that is killed loses no more than its last one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._made: dict[str, list[object]] = {}
        with contextlib.suppress(FileNotFoundError):
            for line in path.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    if entry["format"] == FORMAT:
                        self._made[entry["target"]] = entry["made"]

    def knows(self, target: Path) -> bool:
        """Whether a file is ours."""
        return target.as_posix() in self._made

    def has(self, target: Path, made: list[object]) -> bool:
        """Whether a file was made in this way."""
        return self._made.get(target.as_posix()) == made

    def add(self, target: Path, made: list[object]) -> None:
        """Note how a file was made."""
        entry = {"format": FORMAT, "target": target.as_posix(), "made": made}
        with self._lock:
            self._made[target.as_posix()] = made
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

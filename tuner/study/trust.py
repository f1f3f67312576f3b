"""What a run names is run only when this machine, or its user, knows it.

A run directory may come from somebody else, and its study may name a program, or an adapter's
file that names one. Such a file is used only where one of these holds:

- the program is the one that PATH finds under its name;
- the user ran it with `tuner run` before: the digest of its content is remembered;
- the user says so now, by its digest.

What lies in the run's own folder is never used. `docs/trust.md` is for users.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.encoder import Encoder
from tuner.errors import RunError, StudyError
from tuner.plugins import is_encoder_file

_log = logging.getLogger(__name__)

#: Hex digits of a digest that are shown and that must be given.
SHOWN_DIGITS = 16
#: Where what the user ran is remembered, in the folder for state (XDG base directories).
STATE_FILE = Path("codec-tuner", "trusted")

Loader = Callable[[str, str | None], Encoder]


@dataclass(frozen=True)
class Trust:
    """What the user said beside naming the run.

    Args:
        binary: a program to use in the place of the run's, or None.
        digests: sha256 (hex, from its beginning) of files that may be run.

    Raises:
        StudyError: a digest is too short, or none.
    """

    binary: str | None = None
    digests: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for digest in self.digests:
            if not re.fullmatch(rf"[0-9a-f]{{{SHOWN_DIGITS},64}}", digest.lower()):
                raise StudyError(
                    f"give at least {SHOWN_DIGITS} hex digits of the file's sha256",
                    where=f"--trust {digest}",
                )

    def covers(self, path: str) -> bool:
        """Whether a file may be run by its content."""
        digest = file_sha256(path)
        said = any(digest.startswith(each.lower()) for each in self.digests)
        return said or digest in _remembered()


def load_named(
    name: str, binary: str | None, run: Path | None, trust: Trust, load: Loader
) -> Encoder:
    """The adapter that a run names, seen to be known here.

    Args:
        name: the adapter's name, or the path of a file that declares it.
        binary: path or name of the program that the run names, or None.
        run: the run's folder; None where something else than a run names them.
        trust: what the user said.
        load: loads an adapter; neither it nor what it gives has run a program yet.

    Raises:
        RunError: naming each file that is not known, and its digest.
        EncoderError: the adapter cannot be loaded.
    """
    named = [name] if is_encoder_file(name) else []
    if binary is not None and trust.binary is None:
        named.append(binary)
    # Before it is read: a file of the run's own is not even looked into.
    _refuse_own([*named, *([trust.binary] if trust.binary else [])], run)
    encoder = load(name, trust.binary or binary)
    programs = encoder.programs()
    _refuse_own(programs, run)
    named += programs if is_encoder_file(name) else []
    check_files([path for path in named if path != trust.binary], run, trust, Path(name))
    return encoder


def check_files(named: Sequence[str], run: Path | None, trust: Trust, origin: Path) -> None:
    """Raise `RunError` for files that are not known here, with their digests.

    Args:
        named: programs, or files that name programs.
        run: the run's folder, none of whose files are used; None where no run names them.
        trust: what the user said.
        origin: who names them, where that is no run.
    """
    _refuse_own(named, run)
    unknown = [
        path for path in dict.fromkeys(named) if not _is_installed(path) and not trust.covers(path)
    ]
    if unknown:
        raise _refusal(run or origin, unknown)


def remember(name: str, binary: str | None, encoder: Encoder) -> None:
    """Keep in mind what the user runs by his own command, so that his runs need no word of it."""
    named = [name, *encoder.programs()] if is_encoder_file(name) else []
    named += [binary] if binary is not None else []
    known = _remembered()
    new = {
        file_sha256(path): path
        for path in dict.fromkeys(named)
        if Path(path).is_file() and not _is_installed(path)
    }
    lines = [f"{digest} {path}" for digest, path in new.items() if digest not in known]
    if not lines:
        return
    state = _state_file()
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        with state.open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write("".join(f"{' '.join(line.splitlines())}\n" for line in lines))
    except OSError as error:
        _log.warning("%s: cannot be written (%s); runs will ask for --trust", state, error)


def file_sha256(path: str) -> str:
    """sha256 (hex) of a file; of its name where there is no such file."""
    if Path(path).is_file():
        with contextlib.suppress(OSError), Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(os.fsencode(path)).hexdigest()


def _refusal(origin: Path, unknown: Sequence[str]) -> RunError:
    digests = [file_sha256(path)[:SHOWN_DIGITS] for path in unknown]
    files = ", ".join(f"{p} (sha256 {d})" for p, d in zip(unknown, digests, strict=True))
    flags = " ".join(f"--trust {digest}" for digest in digests)
    return RunError(
        f"names {files}, which this machine does not know, and a run from someone else may name"
        " anything",
        where=origin,
        remedy=f"If you trust it, add {flags}; or give your own program with --binary"
        " (docs/trust.md)",
    )


def _refuse_own(paths: Iterable[str], run: Path | None) -> None:
    """Raise `RunError` for what lies in the run's folder, or leads there or from there."""
    if run is None:
        return
    folders = {Path(os.path.abspath(run)), run.resolve()}  # noqa: PTH100 (keeps links)
    for path in paths:
        # A bare name is looked up in PATH, not here.
        if not _has_folder(path):
            continue
        places = {Path(os.path.abspath(path)), Path(path).resolve()}  # noqa: PTH100
        if any(place.is_relative_to(folder) for place in places for folder in folders):
            raise RunError(
                f"names {path}, which is in the run's own folder: nothing there is ever executed",
                where=run,
                remedy=(
                    "Inspect it, copy it elsewhere, and give the copy with --binary (for an"
                    " adapter's file: search anew with --encoder)"
                ),
            )


def _has_folder(path: str) -> bool:
    return "/" in path or is_encoder_file(path)


def _is_installed(path: str) -> bool:
    """Whether PATH finds just this under its name."""
    found = shutil.which(Path(path).name)
    same = found is not None and Path(found).resolve() == Path(path).resolve()
    return same or (found is not None and not _has_folder(path))


def _state_file() -> Path:
    named = os.environ.get("XDG_STATE_HOME")
    return (Path(named) if named else Path.home() / ".local" / "state") / STATE_FILE


def _remembered() -> set[str]:
    try:
        text = _state_file().read_text(encoding="utf-8", errors="replace")
    except (OSError, RuntimeError):  # none yet, or no home
        return set()
    return {line.split()[0] for line in text.splitlines() if line.strip()}

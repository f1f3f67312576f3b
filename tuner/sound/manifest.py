"""Which files a clip set is made of: a folder's lossless ones, or those that a manifest names.

What is wrong with a row is told with its line, together with all other problems of the set.
"""

from __future__ import annotations

import csv
import logging
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from tuner.errors import ClipError
from tuner.records import Side
from tuner.sound.decoding import read_format
from tuner.sound.folders import LOSSLESS_SUFFIXES, read_folder

log = logging.getLogger(__name__)

MUST_BE_LOSSLESS = "references must be lossless; add --allow-lossy to accept them"
MANIFEST = "manifest.csv"
SIDES: tuple[Side, ...] = get_args(Side)
#: Rows of these sides are left out: `train` teaches the model, and nothing is named by nothing.
OTHER_SIDES = ("train", "")


@dataclass(frozen=True)
class Wanted:
    """A file of the set, its name within the set's folder, and what the manifest says of it."""

    path: Path
    name: str
    side: Side | None = None
    start_s: float | None = None
    duration_s: float | None = None
    category: str = ""
    group: str = ""


def list_folder(folder: Path, *, allow_lossy: bool) -> list[Wanted]:
    """The lossless files of a folder. Raises `ClipError` where there are only coded ones."""
    contents = read_folder(folder)
    wanted, lossy = [], Counter[str]()
    for path in contents.sounds:
        if allow_lossy or path.suffix.lower() in LOSSLESS_SUFFIXES or _is_lossless(path):
            wanted.append(Wanted(path, path.relative_to(folder).as_posix()))
        else:
            lossy[path.suffix.upper().removeprefix(".")] += 1
    found = ", ".join(f"{n} {kind} file{'s'[: n > 1]}" for kind, n in lossy.most_common())
    if found and not wanted:
        raise ClipError(f"{found} found: {MUST_BE_LOSSLESS}", where=folder)
    if found:
        log.warning("%s: skipped %s: %s", folder, found, MUST_BE_LOSSLESS)
    if contents.others:
        log.warning("%s: skipped %s", folder, contents.told())
    return wanted


def read_manifest(manifest: Path, problems: list[ClipError]) -> list[Wanted]:
    """The files that a manifest's rows name.

    Args:
        manifest: the CSV, see `tuner.sound.clips.load_clips`.
        problems: takes what is wrong with single rows.

    Raises:
        ClipError: if it cannot be read, or lacks columns.
    """
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ClipError(f"cannot be read as CSV ({error})", where=manifest) from error
    columns = rows[0].keys() if rows else ()
    has_sides = "side" in columns
    if "file" not in columns or not (has_sides or "category" in columns):
        raise ClipError(
            "needs rows with the columns `file` and `side`, or `file` and `category`",
            where=manifest,
        )
    wanted: list[Wanted] = []
    sides_of: dict[str, set[str]] = {}
    for line, row in enumerate(rows, start=2):
        where = f"{manifest}, line {line}"
        side = (row["side"] or "").strip() if has_sides else None
        if side in OTHER_SIDES:
            continue
        if side is not None and side not in SIDES:
            remedy = "use tune, holdout or train"
            problems.append(ClipError(f"side {side!r}", where=where, remedy=remedy))
            continue
        try:
            start, duration = (_seconds(row.get(name)) for name in ("start_s", "duration_s"))
        except ValueError as error:
            problems.append(ClipError(str(error), where=where))
            continue
        path = manifest.parent / (row["file"] or "")
        category = (row.get("category") or "").strip().lower()
        group = row.get("group") or ""
        wanted.append(Wanted(path, row["file"] or "", side, start, duration, category, group))
        if side is None:
            continue
        # Resolved: "a.wav" and "./a.wav" are one recording, and belong on one side.
        for kind, key in (("file", str(path.resolve())), ("group", group)):
            if key:
                sides_of.setdefault(f"{kind} {key}", set()).add(side)
    for key, sides in sides_of.items():
        if len(sides) > 1:
            what = f"{key} is in both the tuning and the held-out set"
            problems.append(ClipError(what, where=manifest, remedy="put it in one"))
    return wanted


def check_kind(path: Path, *, allow_lossy: bool) -> None:
    """Raise `ClipError` for coded sound, whatever the file is called."""
    if allow_lossy or not is_text(str(path)) or not path.is_file() or not path.stat().st_size:
        return  # the latter are told where they are read
    found = read_format(path)
    if not found.lossless:
        raise ClipError(f"contains {found.codec}: {MUST_BE_LOSSLESS}", where=path)


def is_text(name: str) -> bool:
    """Whether a file's name can be written as text: it may hold bytes that are no UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_lossless(path: Path) -> bool:
    try:
        return read_format(path).lossless
    except ClipError:
        return False


def _seconds(text: str | None) -> float | None:
    if text is None or not text.strip():
        return None
    value = float(text)
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{text!r} is not a time in seconds")
    return value

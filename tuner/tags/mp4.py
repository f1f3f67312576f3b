"""The items of MPEG-4 files, as iTunes began them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mutagen.mp4 import MP4Cover, MP4Tags

from tuner.tags.model import FIELDS, NUMBERED, Chapter, Tags, further_pictures, make_tags

#: An item, in lower case -> name.
NAMES = {field.mp4.lower(): field.name for field in FIELDS.values()}
OWN = "----:com.apple.iTunes:"
COVER = "covr"
#: The kinds of pictures that an item can be.
COVER_KINDS = {"image/jpeg": MP4Cover.FORMAT_JPEG, "image/png": MP4Cover.FORMAT_PNG}
#: Items that are no texts: pairs, whole numbers, and what is so or not.
PAIRS, WHOLE = (
    ("trkn", "disk"),
    ("tmpo", "\xa9mvi", "\xa9mvc", "shwm", "stik", "tvsn", "tves", "rtng"),
)
PAIRED = ("tracktotal", "disctotal")
FLAGS = ("cpil", "pcst", "pgap")
#: Items of the file itself.
TECHNICAL_ITEMS = frozenset(("\xa9too", "\xa9enc", COVER))
#: Chapters that an atom can hold, bytes of a title, and its clock's ticks a second.
MOST_CHAPTERS, MOST_BYTES, TICKS = 255, 255, 10_000_000


def read_mp4(tags: MP4Tags) -> Tags:
    """What an MPEG-4 file's items say of the music."""
    covers = tags.get(COVER, [])
    pairs: list[tuple[str, str]] = []
    left = [further_pictures(len(covers) - 1)] if len(covers) > 1 else []
    for item, values in tags.items():
        found = list(_pairs(item, values))
        pairs += found
        if not found and item not in TECHNICAL_ITEMS:
            left.append(f"the item {item}")
    return make_tags(pairs, bytes(covers[0]) if covers else None, left)


def _pairs(item: str, values: Any) -> Iterator[tuple[str, str]]:
    name = NAMES.get(item.lower())
    if name is None and item.startswith("----:"):
        name = item.split(":")[-1]
    if item in PAIRS and name:
        for number, total in values:
            yield name, f"{number or ''}/{total or ''}"
    elif name is not None:
        if isinstance(values, bool):
            yield name, "1" if values else ""
        else:
            yield from ((name, _text(value)) for value in values)


def _text(value: Any) -> str:
    return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def write_mp4(tags: MP4Tags, new: Tags) -> list[str]:
    """Add to an MPEG-4 file's items, which are not saved yet; what it cannot hold."""
    for name, values in new.texts.items():
        item = FIELDS[name].mp4 if name in FIELDS else OWN + name.upper()
        if name not in PAIRED:
            _add(tags, item, name, values, new)
        elif not any(n in new.texts for n, total in NUMBERED.items() if total == name):
            tags[OWN + name.upper()] = [value.encode() for value in values]
    if new.cover and new.cover.mime in COVER_KINDS:
        tags[COVER] = [MP4Cover(new.cover.data, COVER_KINDS[new.cover.mime])]
    elif new.cover:
        return [f"cover: {new.cover.mime} is not supported in MPEG-4 files"]
    return []


def _add(tags: MP4Tags, item: str, name: str, values: tuple[str, ...], new: Tags) -> None:
    typed: Any = list(values)
    try:
        if item in PAIRS:
            number, _, total = (new.numbered(name) or "").partition("/")
            typed = [(int(number), int(total or 0))]
        elif item in WHOLE:
            typed = [round(float(values[0]))]
        elif item in FLAGS:
            typed = bool(int(values[0]))
    except (ValueError, OverflowError):
        # "A1" is no number: kept in words.
        item = OWN + name.upper()
    tags[item] = [value.encode() for value in values] if item.startswith("----:") else typed


def write_chapters(path: Path, chapters: Sequence[Chapter]) -> list[str]:
    """Write chapters into an MPEG-4 file that has tags, as Nero's atom; what it cannot hold.

    The atom is put at the end of ``moov.udta``. So only files whose index comes last take it:
    in others everything would move.
    """
    data = path.read_bytes()
    at = _find_atom(data, 0, len(data), b"moov")
    user = _find_atom(data, at[0] + 8, at[1], b"udta") if at else None
    after = data[at[1] :] if at else b""
    if at is None or user is None or b"mdat" in after or len(chapters) > MOST_CHAPTERS:
        return ["chapters: this MPEG-4 file has no room for them"]
    body = bytes((1, 0, 0, 0, 0, 0, 0, 0, len(chapters)))
    for chapter in chapters:
        title = chapter.title.encode()[:MOST_BYTES].decode(errors="ignore").encode()
        body += round(chapter.start_s * TICKS).to_bytes(8) + bytes((len(title),)) + title
    atom = (len(body) + 8).to_bytes(4) + b"chpl" + body
    grown = bytearray(data)
    for begin, end in (at, user):
        grown[begin : begin + 4] = (end - begin + len(atom)).to_bytes(4)
    grown[user[1] : user[1]] = atom
    path.write_bytes(grown)
    return []


def _find_atom(data: bytes, start: int, end: int, name: bytes) -> tuple[int, int] | None:
    """Where an atom begins and ends among those between two places."""
    while start + 8 <= end:
        size = int.from_bytes(data[start : start + 4])
        if size == 1:
            size = int.from_bytes(data[start + 8 : start + 16])
        if size < 8:
            return None
        if data[start + 4 : start + 8] == name:
            return start, start + size
        start += size
    return None

"""The items of MPEG-4 files, as iTunes began them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mutagen.mp4 import MP4Cover, MP4Tags

from tuner.tags.model import FIELDS, NUMBERED, Tags, make_tags

#: An item, in lower case -> name.
NAMES = {field.mp4.lower(): field.name for field in FIELDS.values()}
OWN = "----:com.apple.iTunes:"
COVER = "covr"
#: The kinds of pictures that an item can be.
COVER_KINDS = {"image/jpeg": MP4Cover.FORMAT_JPEG, "image/png": MP4Cover.FORMAT_PNG}


def read_mp4(tags: MP4Tags) -> Tags:
    """What an MPEG-4 file's items say of the music."""
    covers = tags.get(COVER, [])
    return make_tags(_pairs(tags), bytes(covers[0]) if covers else None)


def _pairs(tags: MP4Tags) -> Iterator[tuple[str, str]]:
    for item, values in tags.items():
        name = NAMES.get(item.lower())
        if name is None and item.startswith("----:"):
            name = item.split(":")[-1]
        if name in NUMBERED:
            for number, total in values:
                yield name, f"{number or ''}/{total or ''}"
        elif isinstance(values, bool):
            yield name or "", "1" if values else ""
        elif name is not None:
            yield from ((name, _text(value)) for value in values)


def _text(value: Any) -> str:
    return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def write_mp4(tags: MP4Tags, new: Tags) -> str | None:
    """Add to an MPEG-4 file's items, which are not saved yet; what it cannot hold."""
    for name, values in new.texts.items():
        if name not in NUMBERED.values():
            _add(tags, name, values, new)
    if new.cover and new.cover.mime in COVER_KINDS:
        tags[COVER] = [MP4Cover(new.cover.data, COVER_KINDS[new.cover.mime])]
    elif new.cover:
        return f"cover: MPEG-4 files hold no {new.cover.mime}"
    return None


def _add(tags: MP4Tags, name: str, values: tuple[str, ...], new: Tags) -> None:
    item = FIELDS[name].mp4 if name in FIELDS else OWN + name.upper()
    typed: Any = list(values)
    try:
        if name in NUMBERED:
            number, _, total = (new.numbered(name) or "").partition("/")
            typed = [(int(number), int(total or 0))]
        elif item == "tmpo":
            typed = [round(float(values[0]))]
        elif item == "cpil":
            typed = bool(int(values[0]))
    except (ValueError, OverflowError):
        # "A1" is no number: kept in words.
        item = OWN + name.upper()
    tags[item] = [value.encode() for value in values] if item.startswith("----:") else typed

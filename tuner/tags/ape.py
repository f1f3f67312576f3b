"""APEv2 tags: of Musepack, WavPack and Monkey's Audio files."""

from __future__ import annotations

from collections.abc import Iterator

from mutagen.apev2 import APEBinaryValue, APETextValue, APEv2

from tuner.tags.model import FIELDS, NUMBERED, Tags, make_tags

#: An item, in lower case -> name.
NAMES = {field.ape.lower(): field.name for field in FIELDS.values()}
COVER = "Cover Art (Front)"
SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp"}
#: Names that an item may not have; others have 2 to 255 characters.
REFUSED, SHORTEST, LONGEST = ("id3", "tag", "oggs", "mp+"), 2, 255


def read_ape(tags: APEv2) -> Tags:
    """What an APEv2 tag says of the music."""
    cover = tags.get(COVER)
    # A file's name, a zero byte, and the file.
    data = cover.value.partition(b"\0")[2] if isinstance(cover, APEBinaryValue) else None
    others = [item for item, value in tags.items() if isinstance(value, APEBinaryValue)]
    left = [f"the item {item}" for item in others if item.lower() != COVER.lower()]
    return make_tags(_pairs(tags), data, left)


def _pairs(tags: APEv2) -> Iterator[tuple[str, str]]:
    for item, values in tags.items():
        if isinstance(values, APETextValue):
            name = NAMES.get(item.lower(), item)
            yield from ((name, value) for value in values)


def write_ape(tags: APEv2, new: Tags) -> list[str]:
    """Add to an APEv2 tag, which is not saved yet; what it cannot hold."""
    lost = ["chapters: not supported by APEv2 tags"] if new.chapters else []
    totals = {total: number for number, total in NUMBERED.items()}
    for name, values in new.texts.items():
        item = FIELDS[name].ape if name in FIELDS else name.upper()
        if name in totals and totals[name] in new.texts:
            continue
        if name in REFUSED or not SHORTEST <= len(item) <= LONGEST:
            lost.append(f"the text {name:.40}: name not allowed by APEv2")
            continue
        tags[item] = [new.numbered(name) or ""] if name in NUMBERED else list(values)
    if new.cover:
        file = f"cover.{SUFFIXES[new.cover.mime]}".encode()
        tags[COVER] = APEBinaryValue(file + b"\0" + new.cover.data)
    return lost

"""ID3 tags: of MP3, MP2, WAV and AIFF files. Written in version 2.4, as UTF-8."""

from __future__ import annotations

from collections.abc import Iterator

from mutagen.id3 import APIC, COMM, ID3, TXXX, UFID, USLT, Encoding, Frame, Frames, PictureType

from tuner.tags.model import FIELDS, NUMBERED, Tags, make_tags

#: A frame, with its description where it has one, in lower case -> name.
NAMES = {field.id3.lower(): field.name for field in FIELDS.values()} | {"grp1": "grouping"}
#: ID3's word for a language that is not known.
NO_LANGUAGE = "XXX"


def read_id3(tags: ID3) -> Tags:
    """What an ID3 tag says of the music."""
    pictures = sorted(tags.getall("APIC"), key=lambda each: each.type != PictureType.COVER_FRONT)
    pairs = (pair for frame in tags.values() for pair in _pairs(frame))
    return make_tags(pairs, pictures[0].data if pictures else None)


def _pairs(frame: Frame) -> Iterator[tuple[str, str]]:
    match frame.FrameID:
        case "TXXX":
            name = NAMES.get(f"txxx:{frame.desc}".lower(), frame.desc)
            yield from ((name, value) for value in frame.text)
        case "UFID":
            name = NAMES.get(f"ufid:{frame.owner}".lower(), "")
            yield name, frame.data.decode("ascii", "replace")
        case "COMM" | "USLT" if frame.desc:
            return  # programs' notes to themselves
        case "USLT":
            yield "lyrics", frame.text
        case "TCON":
            yield from (("genre", value) for value in frame.genres)  # words for old numbers
        case kind if kind.lower() in NAMES:
            yield from ((NAMES[kind.lower()], str(value)) for value in frame.text)


def write_id3(tags: ID3, new: Tags) -> None:
    """Add to an ID3 tag, which is not saved yet."""
    for name, values in new.texts.items():
        if name in NUMBERED:
            tags.add(_frame(name, (new.numbered(name) or "",)))
        elif name not in NUMBERED.values():
            tags.add(_frame(name, values))
    if new.cover:
        kind, cover = PictureType.COVER_FRONT, new.cover
        tags.add(APIC(Encoding.UTF8, mime=cover.mime, type=kind, desc="", data=cover.data))


def _frame(name: str, values: tuple[str, ...]) -> Frame:
    place = FIELDS[name].id3 if name in FIELDS else f"TXXX:{name.upper()}"
    kind, _, description = place.partition(":")
    if kind == "UFID":
        return UFID(owner=description, data=values[0].encode("ascii", "replace"))
    if kind in ("COMM", "USLT"):
        made = {"COMM": COMM, "USLT": USLT}[kind]
        return made(Encoding.UTF8, lang=NO_LANGUAGE, desc="", text="\n".join(values))
    if kind != "TXXX":
        frame = Frames[kind](Encoding.UTF8, text=list(values))
        # A date that is none, as in "circa 1970", is kept in words.
        if tuple(map(str, frame.text)) == values:
            return frame
    return TXXX(Encoding.UTF8, desc=description or name.upper(), text=list(values))

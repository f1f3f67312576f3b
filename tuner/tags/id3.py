"""ID3 tags: of MP3, MP2, WAV and AIFF files. Written in version 2.4, as UTF-8."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mutagen.id3 import (
    APIC,
    CHAP,
    COMM,
    CTOC,
    ID3,
    PCST,
    POPM,
    TIPL,
    TIT2,
    TMCL,
    TXXX,
    UFID,
    USLT,
    CTOCFlags,
    Encoding,
    Frame,
    Frames,
    PictureType,
    UrlFrame,
)

from tuner.tags.model import FIELDS, NUMBERED, Chapter, Tags, further_pictures, make_tags

#: A frame, with its description where it has one, in lower case -> name.
NAMES = {field.id3.lower(): field.name for field in FIELDS.values()} | {"grp1": "grouping"}
#: ID3's word for a language that is not known.
NO_LANGUAGE = "XXX"
#: Frames of the file itself: its encoder, length, times, loudness; chapters and pictures, which
#: come apart.
OWN = re.compile("TENC|TSSE|TLEN|TSIZ|TFLT|TOFN|TDLY|TDEN|TDTG|RVA2|RVAD|MLLT|SEEK|CHAP|CTOC|APIC")
#: Who was involved: role in ID3 -> name.
ROLES = {
    "arranger": "arranger",
    "dj-mix": "djmixer",
    "engineer": "engineer",
    "mix": "mixer",
    "producer": "producer",
}
PEOPLE = frozenset((*ROLES.values(), "performer"))
PLAYED = re.compile(r"(.+) \((.+)\)", re.DOTALL)
#: Popularity from 1 to 255 as players write it -> percent; the highest of a step is below the next.
STARS = {1: 20, 64: 40, 128: 60, 196: 80, 255: 100}
#: Ratings of others up to this count stars.
MOST_STARS = 5


def read_id3(tags: ID3) -> Tags:
    """What an ID3 tag says of the music."""
    pictures = sorted(tags.getall("APIC"), key=lambda each: each.type != PictureType.COVER_FRONT)
    linked = [each for each in pictures if each.mime == "-->"]
    images = [each for each in pictures if each.mime != "-->"]
    pairs: list[tuple[str, str]] = []
    left = ["a linked picture"] if linked else []
    if len(images) > 1:
        left.append(further_pictures(len(images) - 1))
    for frame in tags.values():
        found = list(_pairs(frame))
        pairs += found
        if not found and not OWN.fullmatch(frame.FrameID):
            left.append(f"the frame {frame.FrameID}")
    return make_tags(pairs, images[0].data if images else None, left)


def _pairs(frame: Frame) -> Iterator[tuple[str, str]]:
    match frame.FrameID:
        case "TXXX":
            name = NAMES.get(f"txxx:{frame.desc}".lower(), frame.desc)
            yield from ((name, value) for value in frame.text)
        case "UFID":
            name = NAMES.get(f"ufid:{frame.owner}".lower(), f"ufid:{frame.owner}")
            yield name, frame.data.decode("ascii", "replace")
        case "COMM" | "USLT" if frame.desc.startswith("iTun"):
            yield "itunnorm", ""  # notes of iTunes to itself
        case "COMM":
            named = frame.desc and frame.desc != "ID3v1 Comment"
            name = f"comment:{frame.desc}" if named else "comment"
            yield from ((name, value) for value in frame.text)
        case "USLT":
            yield f"lyrics:{frame.desc}" if frame.desc else "lyrics", frame.text
        case "TCON":
            yield from (("genre", value) for value in frame.genres)  # words for old numbers
        case "TIPL" | "IPLS":
            yield from ((ROLES.get(role.lower(), role), name) for role, name in frame.people)
        case "TMCL":
            yield from (("performer", f"{name} ({what})") for what, name in frame.people)
        case "POPM":
            yield from _popularity(frame)
        case "PCNT":
            yield "playcount", str(frame.count)
        case "PCST":
            yield "podcast", str(frame.value)
        case "WXXX":
            yield frame.desc or "www", frame.url
        case kind if isinstance(frame, UrlFrame) and kind.lower() in NAMES:
            yield NAMES[kind.lower()], frame.url
        case kind if kind.lower() in NAMES:
            yield from ((NAMES[kind.lower()], str(value)) for value in frame.text)


def _popularity(frame: Frame) -> Iterator[tuple[str, str]]:
    if frame.rating:
        nearest = min(STARS, key=lambda step: abs(step - frame.rating))
        yield "rating", str(STARS[nearest])
    else:
        yield "rating", ""
    if getattr(frame, "count", 0):
        yield "playcount", str(frame.count)


def write_id3(tags: ID3, new: Tags) -> list[str]:
    """Add to an ID3 tag, which is not saved yet; what it cannot hold."""
    for name, values in new.texts.items():
        if name in NUMBERED:
            tags.add(_frame(name, (new.numbered(name) or "",)))
        elif name not in PEOPLE and not _has_number(new, name):
            tags.add(_frame(name, values))
    _add_people(tags, new)
    _add_chapters(tags, new.chapters)
    if new.cover:
        kind, cover = PictureType.COVER_FRONT, new.cover
        tags.add(APIC(Encoding.UTF8, mime=cover.mime, type=kind, desc="", data=cover.data))
    return []


def _has_number(new: Tags, total: str) -> bool:
    """Whether a name is a total that is written with its number."""
    return any(number in new.texts for number, of in NUMBERED.items() if of == total)


def _add_people(tags: ID3, new: Tags) -> None:
    roles = [[r, who] for r, name in ROLES.items() for who in new.texts.get(name, ())]
    if roles:
        tags.add(TIPL(Encoding.UTF8, people=roles))
    played = [PLAYED.fullmatch(value) or value for value in new.texts.get("performer", ())]
    if played:
        pairs = [["", who] if isinstance(who, str) else [who[2], who[1]] for who in played]
        if all(what for what, _ in pairs):
            tags.add(TMCL(Encoding.UTF8, people=pairs))
        else:
            tags.add(_frame("performer", new.texts["performer"]))


def _add_chapters(tags: ID3, chapters: Iterable[Chapter]) -> None:
    names = []
    for number, chapter in enumerate(chapters):
        names.append(f"chp{number}")
        start, end = (round(1000 * each) for each in (chapter.start_s, chapter.end_s))
        title = TIT2(Encoding.UTF8, text=[chapter.title])
        tags.add(CHAP(names[-1], start, end, 0xFFFFFFFF, 0xFFFFFFFF, [title]))
    if names:
        tags.add(CTOC("toc", CTOCFlags.TOP_LEVEL | CTOCFlags.ORDERED, names, []))


def _frame(name: str, values: tuple[str, ...]) -> Frame:
    place = FIELDS[name].id3 if name in FIELDS else f"TXXX:{name.upper()}"
    kind, _, description = place.partition(":")
    if kind == "UFID":
        return UFID(owner=description, data=values[0].encode("ascii", "replace"))
    if kind in ("COMM", "USLT"):
        made = {"COMM": COMM, "USLT": USLT}[kind]
        return made(Encoding.UTF8, lang=NO_LANGUAGE, desc="", text="\n".join(values))
    if kind == "PCST":
        return PCST(value=int(values[0] == "1"))
    if name == "rating" and (step := _popularity_of(values[0])):
        return POPM(email="", rating=step, count=0)
    if issubclass(Frames.get(kind, TXXX), UrlFrame) and len(values) == 1:
        return Frames[kind](url=values[0])
    if kind != "TXXX" and not issubclass(Frames[kind], UrlFrame):
        frame = Frames[kind](Encoding.UTF8, text=list(values))
        # A date that is none, as in "circa 1970", is kept in words.
        if tuple(map(str, frame.text)) == values:
            return frame
    return TXXX(Encoding.UTF8, desc=description or name.upper(), text=list(values))


def _popularity_of(rating: str) -> int | None:
    """A rating of 1 to 5 stars or up to 100 % from 1 to 255; None where it is neither."""
    if not rating.isascii() or not rating.isdigit() or not 0 < int(rating) <= 100:
        return None
    percent = int(rating) * (20 if int(rating) <= MOST_STARS else 1)
    nearest = min(STARS, key=lambda step: abs(STARS[step] - percent))
    return nearest if STARS[nearest] == percent else max(round(2.55 * percent), 1)

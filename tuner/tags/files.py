"""Which kinds of tags a file has, and the way to them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mutagen
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from mutagen.mp4 import MP4Tags
from mutagen.ogg import OggFileType
from mutagen.oggopus import OggOpus
from mutagen.wave import WAVE

from tuner.errors import ClipError, DecodeFailed
from tuner.tags.ape import read_ape, write_ape
from tuner.tags.id3 import read_id3, write_id3
from tuner.tags.model import FIELDS, Chapter, Tags, make_tags
from tuner.tags.mp4 import read_mp4, write_chapters, write_mp4
from tuner.tags.vorbis import read_vorbis, write_vorbis

#: ffmpeg's name for the language of a stream, which is hardly that of the song.
NOT_OF_THE_MUSIC = "language"
#: Encodings of texts, in the order in which they are tried; the last one takes any bytes.
ENCODINGS = (("utf-8", "strict"), ("cp1252", "strict"), ("utf-8", "replace"))


def read_tags(path: Path) -> Tags:
    """What a sound file says of its music; empty where it says nothing.

    A file may say it in several places: ID3 and APEv2 in MP3 files, ID3 and INFO in WAV files,
    ID3 before FLAC. What the first one lacks comes from the next, name by name.

    Raises:
        ClipError: the file cannot be opened.
    """
    found = Tags()
    file: Any = None
    try:
        with contextlib.suppress(mutagen.MutagenError):
            file = mutagen.File(path)
        for each in _read_all(path, file):
            found |= each
    except Exception as error:
        # Broad: mutagen trips over damaged tags in many ways, and the sound is worth more.
        found |= Tags(left=(f"unreadable tags ({error})",))
    others, chapters = _read_others(path)
    if isinstance(file, WAVE | AIFF):
        # Their own chunks, by the names that ffmpeg has for them.
        known = {name: values for name, values in others.texts.items() if name in FIELDS}
        found |= Tags(known, left=others.left)
    elif not found.texts and not found.cover:
        found |= others
    return found | Tags(chapters=chapters)


def _read_all(path: Path, file: Any) -> Iterator[Tags]:
    own = getattr(file, "tags", None)
    match own:
        case ID3():
            yield read_id3(own)
        case MP4Tags():
            yield read_mp4(own)
            return
        case APEv2():
            yield read_ape(own)
        case _ if own is not None and isinstance(file, FLAC | OggFileType):
            yield read_vorbis(own, getattr(file, "pictures", ()))
    if isinstance(file, WAVE | AIFF | OggFileType):
        return
    if not isinstance(own, ID3):
        with contextlib.suppress(mutagen.MutagenError):
            yield read_id3(ID3(path))
    if not isinstance(own, APEv2):
        with contextlib.suppress(mutagen.MutagenError):
            yield read_ape(APEv2(path))


def _read_others(path: Path) -> tuple[Tags, tuple[Chapter, ...]]:
    """The tags of the kinds that ffmpeg's libraries know besides, and the chapters of all."""
    import av

    for encoding, errors in ENCODINGS:
        try:
            with (
                path.open("rb") as file,
                av.open(file, metadata_encoding=encoding, metadata_errors=errors) as container,
            ):
                # Ogg files keep them with the stream.
                streams = [stream.metadata for stream in container.streams.audio[:1]]
                pairs = [pair for each in (container.metadata, *streams) for pair in each.items()]
                chapters = sorted(map(_chapter, container.chapters()), key=lambda c: c.start_s)
        except UnicodeDecodeError:
            continue
        except FileNotFoundError as error:
            raise ClipError(f"cannot be opened ({error.strerror})", where=path) from error
        except (av.FFmpegError, OSError):
            return Tags(), ()  # what is wrong with it, or not, its reader tells
        break
    return make_tags((n, v) for n, v in pairs if n.lower() != NOT_OF_THE_MUSIC), tuple(chapters)


def _chapter(found: Any) -> Chapter:
    start, end = (float(found[key] * found["time_base"]) for key in ("start", "end"))
    return Chapter(start, max(start, end), found["metadata"].get("title", ""))


def write_tags(path: Path, tags: Tags) -> tuple[str, ...]:
    """Write tags into a coded file, in place, beside those that its encoder wrote.

    Returns:
        What of them is lost, in words, each with its reason where there is one.

    Raises:
        DecodeFailed: writing failed half-way.
    """
    try:
        file: Any = mutagen.File(path)
    except mutagen.MutagenError as error:
        return (f"tags: cannot be written into these {path.suffix} files ({error})",)
    if tags.gains:
        gains = tags.gains.texts(as_r128=isinstance(file, OggOpus))
        tags = dataclasses.replace(tags, texts={**tags.texts, **gains})
    try:
        match _place_for_tags(file):
            case ID3() as own:
                lost = write_id3(own, tags)
            case MP4Tags() as own:
                lost = write_mp4(own, tags)
            case APEv2() as own:
                lost = write_ape(own, tags)
            case own if own is not None and isinstance(file, FLAC | OggFileType):
                lost = write_vorbis(own, tags)
            case _:
                return (f"tags: cannot be written into {path.suffix} files",)
        file.save()
        if isinstance(file.tags, MP4Tags) and tags.chapters:
            lost += write_chapters(path, tags.chapters)
    except mutagen.MutagenError as error:
        raise DecodeFailed(f"tags cannot be written into it ({error})", where=path) from error
    return tuple(lost)


def _place_for_tags(file: Any) -> object:
    """A file's tags, empty where there were none; None where there can be none."""
    if file is not None and file.tags is None:
        with contextlib.suppress(mutagen.MutagenError, NotImplementedError):
            file.add_tags()
    return getattr(file, "tags", None)

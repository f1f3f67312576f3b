"""Which kind of tags a file has, and the way to them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import mutagen
from mutagen.apev2 import APEv2
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from mutagen.mp4 import MP4Tags
from mutagen.ogg import OggFileType

from tuner.errors import ClipError, DecodeFailed
from tuner.tags.ape import read_ape, write_ape
from tuner.tags.id3 import read_id3, write_id3
from tuner.tags.model import Tags, make_tags
from tuner.tags.mp4 import read_mp4, write_mp4
from tuner.tags.vorbis import read_vorbis, write_vorbis

#: ffmpeg's name for the language of a stream, which is hardly that of the song.
NOT_OF_THE_MUSIC = "language"


def read_tags(path: Path) -> Tags:
    """What a sound file says of its music; empty where it says nothing.

    Raises:
        ClipError: the file cannot be opened.
    """
    try:
        file: Any = mutagen.File(path)
    except mutagen.MutagenError:
        file = None
    found = Tags()
    match getattr(file, "tags", None):
        case ID3() as tags:
            found = read_id3(tags)
        case MP4Tags() as tags:
            found = read_mp4(tags)
        case APEv2() as tags:
            found = read_ape(tags)
        case tags if tags is not None and isinstance(file, FLAC | OggFileType):
            found = read_vorbis(tags, getattr(file, "pictures", ()))
    return found or _read_others(path)


def _read_others(path: Path) -> Tags:
    """The tags of the kinds that ffmpeg's libraries know besides."""
    import av

    try:
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            # Ogg files keep them with the stream.
            streams = [stream.metadata for stream in container.streams.audio[:1]]
            pairs = [pair for each in (container.metadata, *streams) for pair in each.items()]
    except av.FFmpegError as error:
        raise ClipError(f"{path}: cannot be opened ({error.strerror})") from error
    return make_tags((n, value) for n, value in pairs if n.lower() != NOT_OF_THE_MUSIC)


def write_tags(path: Path, tags: Tags) -> str | None:
    """Write tags into a coded file, in place, beside those that its encoder wrote.

    Returns:
        What of them is lost, and why, in words; None where all was kept.

    Raises:
        DecodeFailed: writing failed half-way.
    """
    lost = None
    try:
        file: Any = mutagen.File(path)
    except mutagen.MutagenError as error:
        return f"tags: none can be written into these {path.suffix} files ({error})"
    try:
        match _place_for_tags(file):
            case ID3() as own:
                write_id3(own, tags)
            case MP4Tags() as own:
                lost = write_mp4(own, tags)
            case APEv2() as own:
                write_ape(own, tags)
            case own if own is not None and isinstance(file, FLAC | OggFileType):
                write_vorbis(own, tags)
            case _:
                return f"tags: none can be written into {path.suffix} files"
        file.save()
    except mutagen.MutagenError as error:
        raise DecodeFailed(f"{path}: tags cannot be written into it ({error})") from error
    return lost


def _place_for_tags(file: Any) -> object:
    """A file's tags, empty where there were none; None where there can be none."""
    if file is not None and file.tags is None:
        with contextlib.suppress(mutagen.MutagenError, NotImplementedError):
            file.add_tags()
    return getattr(file, "tags", None)

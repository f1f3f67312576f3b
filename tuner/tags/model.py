"""What is said of music, under one set of names: those of Vorbis comments, in lower case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

#: First bytes of the pictures that players show -> their media type.
PICTURES = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)
#: A name as Vorbis comments allow it.
NAME = re.compile(r"[ -<>-}]+")
#: What other names mean.
ALIASES = {
    "album artist": "albumartist",
    "album_artist": "albumartist",
    "disc": "discnumber",
    "totaldiscs": "disctotal",
    "totaltracks": "tracktotal",
    "track": "tracknumber",
    "unsyncedlyrics": "lyrics",
    "year": "date",
}
#: "3/12" -> number and total.
NUMBERED = {"tracknumber": "tracktotal", "discnumber": "disctotal"}
#: What a file says of itself and of the program that wrote it, not of the music.
TECHNICAL = frozenset(
    (
        *("compatible_brands", "creation_time", "duration", "encoded_by", "encodedby", "encoder"),
        *("encoder_options", "encodersettings", "handler_name", "major_brand", "minor_version"),
        *("vendor", "vendor_id", "waveformatextensible_channel_mask"),
        # Pictures, which come apart, and the samples that iTunes wants skipped.
        *("coverart", "coverartmime", "metadata_block_picture", "itunsmpb"),
    )
)
#: Loudness and peaks of the source: coding changes peaks, and some encoders the level, too.
LOUDNESS = ("replaygain_", "r128_", "mp3gain_", "itunnorm")


class Field(NamedTuple):
    """What a name is called in ID3, in MPEG-4 files and in APEv2."""

    name: str
    id3: str
    mp4: str
    ape: str


def _field(name: str, id3: str = "", mp4: str = "", ape: str = "") -> Field:
    own = name.upper()
    return Field(name, id3 or f"TXXX:{own}", mp4 or f"----:com.apple.iTunes:{own}", ape or own)


def _musicbrainz(name: str, words: str) -> Field:
    words = f"MusicBrainz {words}"
    return _field(f"musicbrainz_{name}", f"TXXX:{words}", f"----:com.apple.iTunes:{words}")


#: Names that are not the same everywhere, as players and taggers use them.
FIELDS = {
    field.name: field
    for field in (
        _field("title", "TIT2", "\xa9nam", "Title"),
        _field("artist", "TPE1", "\xa9ART", "Artist"),
        _field("album", "TALB", "\xa9alb", "Album"),
        _field("albumartist", "TPE2", "aART", "Album Artist"),
        _field("composer", "TCOM", "\xa9wrt", "Composer"),
        _field("conductor", "TPE3", ape="Conductor"),
        _field("lyricist", "TEXT", ape="Lyricist"),
        _field("remixer", "TPE4", ape="MixArtist"),
        _field("date", "TDRC", "\xa9day", "Year"),
        _field("originaldate", "TDOR"),
        _field("genre", "TCON", "\xa9gen", "Genre"),
        _field("comment", "COMM", "\xa9cmt", "Comment"),
        _field("lyrics", "USLT", "\xa9lyr", "Lyrics"),
        _field("description", mp4="desc"),
        _field("grouping", "TIT1", "\xa9grp", "Grouping"),
        _field("subtitle", "TIT3", ape="Subtitle"),
        _field("discsubtitle", "TSST", ape="DiscSubtitle"),
        _field("tracknumber", "TRCK", "trkn", "Track"),
        _field("discnumber", "TPOS", "disk", "Disc"),
        _field("bpm", "TBPM", "tmpo"),
        _field("key", "TKEY", "----:com.apple.iTunes:initialkey"),
        _field("mood", "TMOO", ape="Mood"),
        _field("copyright", "TCOP", "cprt", "Copyright"),
        _field("label", "TPUB", ape="Label"),
        _field("isrc", "TSRC"),
        _field("language", "TLAN", ape="Language"),
        _field("media", "TMED", ape="Media"),
        _field("compilation", "TCMP", "cpil", "Compilation"),
        _field("titlesort", "TSOT", "sonm"),
        _field("artistsort", "TSOP", "soar"),
        _field("albumsort", "TSOA", "soal"),
        _field("albumartistsort", "TSO2", "soaa"),
        _field("composersort", "TSOC", "soco"),
        _musicbrainz("albumid", "Album Id"),
        _musicbrainz("artistid", "Artist Id"),
        _musicbrainz("albumartistid", "Album Artist Id"),
        _musicbrainz("releasegroupid", "Release Group Id"),
        _musicbrainz("releasetrackid", "Release Track Id"),
        _field("musicbrainz_trackid", "UFID:http://musicbrainz.org")._replace(
            mp4="----:com.apple.iTunes:MusicBrainz Track Id"
        ),
    )
}


@dataclass(frozen=True)
class Picture:
    """A front cover: a whole image file, and its media type."""

    data: bytes = field(repr=False)
    mime: str


@dataclass(frozen=True)
class Tags:
    """What a file says of its music.

    Args:
        texts: name -> values; an artist may have several.
        cover: the front cover.
    """

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cover: Picture | None = None

    def __bool__(self) -> bool:
        return bool(self.texts or self.cover)

    def numbered(self, name: str) -> str | None:
        """The track's or the disc's number as "3/12", or "3" where the total is not known."""
        number, total = (self.texts.get(n, ("",))[0] for n in (name, NUMBERED[name]))
        return f"{number}/{total}" if total else number or None


def make_tags(pairs: Iterable[tuple[str, str]], cover: bytes | None = None) -> Tags:
    """Tags from names and values as a file has them.

    What is said of the file itself and of its loudness is left out, and so are names that
    Vorbis comments do not allow, and pictures of unknown kinds.
    """
    texts: dict[str, list[str]] = {}
    for own_name, own_value in pairs:
        name = ALIASES.get(own_name.lower(), own_name.lower())
        # Zero bytes part values in ID3 and APEv2; half surrogates are no text.
        value = own_value.replace("\0", "").encode("utf-8", "replace").decode()
        if not value or name in TECHNICAL or name.startswith(LOUDNESS) or not NAME.fullmatch(name):
            continue
        number, slash, total = value.partition("/")
        if name in NUMBERED and slash:
            texts.setdefault(NUMBERED[name], []).append(total.strip())
            value = number.strip()
        known = texts.setdefault(name, [])
        if value and value not in known:
            known.append(value)
    return Tags({n: tuple(values) for n, values in texts.items() if any(values)}, _picture(cover))


def _picture(data: bytes | None) -> Picture | None:
    kinds = (mime for start, mime in PICTURES if start.match(data or b""))
    mime = next(kinds, None)
    return Picture(data, mime) if data and mime else None

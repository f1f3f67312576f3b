"""What is said of music, under one set of names: those of Vorbis comments, in lower case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

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
NUMBERED = {
    "tracknumber": "tracktotal",
    "discnumber": "disctotal",
    "movement": "movementtotal",
}
#: What a file says of itself and of the program that wrote it, not of the music.
TECHNICAL = frozenset(
    (
        *("compatible_brands", "creation_time", "duration", "encoded_by", "encodedby", "encoder"),
        *("encoder_options", "encodersettings", "handler_name", "major_brand", "minor_version"),
        *("vendor", "vendor_id", "waveformatextensible_channel_mask"),
        # Pictures, which come apart, and the samples that iTunes wants skipped.
        *("coverart", "coverartmime", "metadata_block_picture", "itunsmpb"),
        # Of broadcast WAV files: of the recording machine, and its clock.
        *("coding_history", "originator_reference", "time_reference", "umid"),
    )
)
#: Loudness and peaks of the source: coding changes peaks, and some encoders the level, too.
LOUDNESS = ("replaygain_", "r128_", "mp3gain_", "itunnorm")
#: The chapters of Vorbis comments, which come apart.
CHAPTER = re.compile(r"chapter\d{3}(name|url)?")
#: A gain in words: "-3.00 dB".
DECIBELS = re.compile(r"\s*([+-]?\d{1,3}(?:\.\d{1,9})?)\s*(?:dB)?\s*", re.IGNORECASE)
#: R128 gains count in 256ths of a dB, from 23 LUFS below full scale instead of ReplayGain's 18.
R128_STEPS, R128_BELOW_DB = 256, 5.0


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
        _field("work", mp4="\xa9wrk"),
        _field("movementname", "MVNM", "\xa9mvn"),
        _field("movement", "MVIN", "\xa9mvi"),
        _field("movementtotal", mp4="\xa9mvc"),
        _field("showmovement", mp4="shwm"),
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
        _field("website", "WOAR"),
        _field("license", "WCOP"),
        _field("wwwcommercialinfo", "WCOM"),
        _field("wwwaudiofile", "WOAF"),
        _field("wwwaudiosource", "WOAS"),
        _field("wwwradiopage", "WORS"),
        _field("wwwpayment", "WPAY"),
        _field("wwwpublisher", "WPUB"),
        _field("podcast", "PCST", "pcst"),
        _field("podcastcategory", "TCAT", "catg"),
        _field("podcastdesc", "TDES", "ldes"),
        _field("podcastid", "TGID", "egid"),
        _field("podcastkeywords", "TKWD", "keyw"),
        _field("podcasturl", "WFED", "purl"),
        _field("purchasedate", mp4="purd"),
        _field("itunesadvisory", mp4="rtng"),
        _field("itunesgapless", mp4="pgap"),
        _field("itunesmediatype", mp4="stik"),
        _field("showsort", mp4="sosn"),
        _field("tvepisode", mp4="tves"),
        _field("tvepisodeid", mp4="tven"),
        _field("tvnetwork", mp4="tvnn"),
        _field("tvseason", mp4="tvsn"),
        _field("tvshow", mp4="tvsh"),
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
class Chapter:
    """A part of a book or a mix: where it begins and ends, s, and its title."""

    start_s: float
    end_s: float
    title: str


@dataclass(frozen=True)
class Gains:
    """ReplayGain: dB that bring the track or its album to -18 LUFS, and the track's peak."""

    track_db: float | None = None
    album_db: float | None = None
    track_peak: float | None = None

    def texts(self, *, as_r128: bool) -> Mapping[str, tuple[str, ...]]:
        """As text tags; `as_r128` for Opus files, where RFC 7845 allows no others."""
        found = {"track": self.track_db, "album": self.album_db}
        gains = {kind: gain for kind, gain in found.items() if gain is not None}
        if as_r128:
            steps = {k: round((gain - R128_BELOW_DB) * R128_STEPS) for k, gain in gains.items()}
            return {f"r128_{kind}_gain": (str(number),) for kind, number in steps.items()}
        texts = {f"replaygain_{kind}_gain": (f"{gain:.2f} dB",) for kind, gain in gains.items()}
        if self.track_peak is not None:
            texts["replaygain_track_peak"] = (f"{self.track_peak:.6f}",)
        return texts


@dataclass(frozen=True)
class Tags:
    """What a file says of its music.

    Args:
        texts: name -> values; an artist may have several.
        cover: the front cover.
        chapters: in their order.
        gains: of the file's own samples.
        left: what else it holds that no other file can take, in words.
    """

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cover: Picture | None = None
    chapters: tuple[Chapter, ...] = ()
    gains: Gains | None = None
    left: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.texts or self.cover or self.chapters or self.gains)

    def __or__(self, other: Self) -> Tags:
        """These, and what only the other has; by name."""
        return Tags(
            {**other.texts, **self.texts},
            self.cover or other.cover,
            self.chapters or other.chapters,
            self.gains or other.gains,
            tuple(dict.fromkeys((*self.left, *other.left))),
        )

    def numbered(self, name: str) -> str | None:
        """The track's or the disc's number as "3/12", or "3" where the total is not known."""
        number, total = (self.texts.get(n, ("",))[0] for n in (name, NUMBERED[name]))
        return f"{number}/{total}" if total else number or None


def make_tags(
    pairs: Iterable[tuple[str, str]], cover: bytes | None = None, left: Iterable[str] = ()
) -> Tags:
    """Tags from names and values as a file has them.

    What is said of the file itself is left out. Names that Vorbis comments do not allow and
    pictures of unknown kinds are told with what is `left`.
    """
    texts: dict[str, list[str]] = {}
    lost, gains = list(left), dict[str, float]()
    for own_name, own_value in pairs:
        name = ALIASES.get(own_name.lower(), own_name.lower())
        # Zero bytes part values in ID3 and APEv2; half surrogates are no text.
        value = own_value.replace("\0", "").encode("utf-8", "replace").decode()
        if not value or name in TECHNICAL or CHAPTER.fullmatch(name):
            continue
        if name.startswith(LOUDNESS):
            gains.update(_gain(name, value))
            continue
        if not NAME.fullmatch(name):
            lost.append(f"the text {ascii(own_name)[1:-1]:.40}")
            continue
        number, slash, total = value.partition("/")
        if name in NUMBERED and slash:
            texts.setdefault(NUMBERED[name], []).append(total.strip())
            value = number.strip()
        known = texts.setdefault(name, [])
        if value and value not in known:
            known.append(value)
    picture = _picture(cover)
    if cover and not picture:
        lost.append("a picture of an unknown kind")
    return Tags(
        {n: tuple(values) for n, values in texts.items() if any(values)},
        picture,
        gains=Gains(**gains) if gains else None,
        left=tuple(dict.fromkeys(lost)),
    )


def further_pictures(number: int) -> str:
    """What is left of several pictures, in words."""
    return f"{number} further picture" + "s" * (number > 1)


def _gain(name: str, value: str) -> Mapping[str, float]:
    """A field of `Gains` and its value; nothing where it is another, or no number."""
    found = DECIBELS.fullmatch(value)
    kind = next((each for each in ("track", "album") if f"_{each}_" in name), None)
    if not found or not kind:
        return {}
    number = float(found.group(1))
    if name.startswith("r128_"):
        return {f"{kind}_db": number / R128_STEPS + R128_BELOW_DB}
    if name == "replaygain_track_peak":
        return {"track_peak": number}
    return {f"{kind}_db": number} if name == f"replaygain_{kind}_gain" else {}


def _picture(data: bytes | None) -> Picture | None:
    kinds = (mime for start, mime in PICTURES if start.match(data or b""))
    mime = next(kinds, None)
    return Picture(data, mime) if data and mime else None

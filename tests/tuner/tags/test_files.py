"""Tags and covers go from every kind of file into every kind that an encoder makes."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import av
import mutagen
import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC
from mutagen.id3 import APIC, ID3, TPE1, TXXX
from PIL import Image

from tuner.apply.container import payload_digest
from tuner.encoder import default_settings
from tuner.errors import ClipError, DecodeFailed, EncoderMissing
from tuner.plugins import load_encoder
from tuner.sound.audio import SAMPLE_RATE
from tuner.tags import Gains, Picture, Tags, read_tags, write_tags
from tuner.tags.model import make_tags
from tuner.testing import make_clip

#: Several artists, other scripts, quotes, markup, a line break, numbers of numbers.
TEXTS = {
    "title": ('Ünï "quoted" <b>✓</b> / 音楽',),
    "artist": ("A & B; C", "Björk", "Сигур Рос"),
    "album": ("D\nE",),
    "albumartist": ("F",),
    "tracknumber": ("3",),
    "tracktotal": ("12",),
    "discnumber": ("1",),
    "disctotal": ("2",),
    "date": ("1999-05-01",),
    "genre": ("Jazz", "Post-Rock"),
    "comment": ("first line\nsecond line",),
    "lyrics": ("la\nla",),
    "composer": ("G", "H"),
    "bpm": ("120",),
    "compilation": ("1",),
    "isrc": ("XXXX12345678",),
    "artistsort": ("B, A",),
    "musicbrainz_trackid": ("0a1b2c3d-0000-4000-8000-000000000000",),
    "musicbrainz_albumid": ("1a1b2c3d-0000-4000-8000-000000000000",),
    "my own": ("'; DROP TABLE songs; --", "${HOME} %s"),
}


def image(kind: str = "jpeg", size: int = 8) -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(size).integers(0, 256, (size, size, 3), np.uint8)
    Image.fromarray(noise).save(stream, kind)
    return stream.getvalue()


COVER = Picture(image(), "image/jpeg")
TAGS = Tags(TEXTS, COVER)


Lacking = Callable[[str], NoReturn]


def encode(name: str, folder: Path, lacking: Lacking | None = None) -> Path:
    """A second of sound as an adapter makes it; `lacking` where it may not be installed."""
    encoder = load_encoder(name)
    settings, mode = default_settings(encoder), encoder.rate_modes[0]
    try:
        made = encoder.encode(make_clip(), SAMPLE_RATE, settings, mode.snap(96))
    except EncoderMissing:
        if lacking is None:
            raise
        lacking(name)
    path = folder / f"mix: one{made.suffix}"
    path.write_bytes(made.data)
    return path


def sound(path: Path) -> Path:
    soundfile.write(path, 0.1 * make_clip().T, SAMPLE_RATE, format=path.suffix[1:])
    return path


def decoded(path: Path) -> Sequence[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(audio=0)]


ENCODERS = ["aac", "lame-ffmpeg", "lame", "opus-ffmpeg", "opus", "vorbis-ffmpeg", "vorbis"]
ENCODERS += ["twolame-ffmpeg", "twolame", "musepack"]


@pytest.mark.parametrize("name", ENCODERS)
def test_everything_is_kept_and_nothing_else_changed(
    name: str, tmp_path: Path, lacking: Lacking
) -> None:
    """Into every codec's file, over the tags of the encoder: packets, samples, length stay."""
    path = encode(name, tmp_path, lacking)
    before, payload = decoded(path), payload_digest(path)
    assert read_tags(path) == Tags()
    assert write_tags(path, TAGS) == ()
    assert read_tags(path) == TAGS
    assert payload_digest(path) == payload
    for one, other in zip(before, decoded(path), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".flac", ".mp3", ".ogg"])
def test_sources_give_what_they_hold(suffix: str, tmp_path: Path) -> None:
    """As libsndfile's files, tagged, come back; FLAC's picture lies beside the comments."""
    path = sound(tmp_path / f"x{suffix}")
    assert write_tags(path, TAGS) == ()
    assert read_tags(path).texts == TEXTS
    assert read_tags(path).cover == COVER


@pytest.mark.parametrize("name", ["ac3", "eac3"])
def test_files_without_a_place_for_tags_say_so(name: str, tmp_path: Path) -> None:
    """And stay as they are."""
    path = encode(name, tmp_path)
    before = path.read_bytes()
    assert write_tags(path, TAGS) == (f"tags: cannot be written into {path.suffix} files",)
    assert path.read_bytes() == before


def test_pictures_that_a_file_cannot_hold(tmp_path: Path) -> None:
    """MPEG-4 takes JPEG and PNG; the texts are kept all the same."""
    path = encode("aac", tmp_path)
    gif = Tags({"title": ("x",)}, Picture(image("gif"), "image/gif"))
    assert write_tags(path, gif) == ("cover: image/gif is not supported in MPEG-4 files",)
    assert read_tags(path) == Tags({"title": ("x",)})
    assert write_tags(path, Tags(cover=Picture(image("png"), "image/png"))) == ()
    assert read_tags(path).cover == Picture(image("png"), "image/png")


def test_a_large_cover_is_whole(tmp_path: Path) -> None:
    """Ogg pages hold 64 KiB: a comment goes over several."""
    path = encode("opus-ffmpeg", tmp_path)
    tags = Tags(cover=Picture(image("png", 400), "image/png"))
    assert tags.cover and len(tags.cover.data) > 400_000
    before = payload_digest(path)
    assert write_tags(path, tags) == ()
    assert read_tags(path) == tags
    assert payload_digest(path) == before


def test_the_front_cover_is_the_one(tmp_path: Path) -> None:
    """Of several pictures; where there is none of that kind, the first."""
    path = encode("lame-ffmpeg", tmp_path)
    tags = ID3()
    for kind, size in ((4, 9), (3, 10)):
        tags.add(APIC(3, "image/png", kind, str(kind), image("png", size)))
    tags.save(path)
    assert read_tags(path).cover == Picture(image("png", 10), "image/png")
    tags.delall("APIC:3")
    tags.save(path)
    assert read_tags(path).cover == Picture(image("png", 9), "image/png")


def test_what_is_said_of_the_source_alone_is_left_behind(tmp_path: Path) -> None:
    """Loudness, peaks, gapless and encoder notes are of the file that they were measured on."""
    path = sound(tmp_path / "x.flac")
    file = FLAC(path)
    for name in ("REPLAYGAIN_TRACK_GAIN", "replaygain_album_peak", "R128_TRACK_GAIN", "ENCODER"):
        file[name] = "1"
    file["REPLAYGAIN_TRACK_GAIN"] = "-3.25 dB"
    file["iTunNORM"] = file["ITUNSMPB"] = file["ENCODED_BY"] = "000"
    file["TITLE"] = "kept"
    picture = mutagen.flac.Picture()
    picture.type, picture.data = 3, COVER.data
    file.add_picture(picture)
    file.save()
    found = read_tags(path)
    assert (found.texts, found.cover) == ({"title": ("kept",)}, COVER)
    assert found.gains == Gains(track_db=-3.25)


def test_riff_info_is_read(tmp_path: Path) -> None:
    """What Audacity and libsndfile write into WAV files."""
    with soundfile.SoundFile(tmp_path / "x.wav", "w", SAMPLE_RATE, 1) as file:
        file.title, file.artist, file.date, file.software = "T", "A", "2001", "a program"
        file.write(np.zeros(480))
    found = read_tags(tmp_path / "x.wav").texts
    assert {n: found[n] for n in ("title", "artist", "date")} == {
        "title": ("T",),
        "artist": ("A",),
        "date": ("2001",),
    }
    assert "encoder" not in found


def test_numbers_that_are_none_are_kept_in_words(tmp_path: Path) -> None:
    """A vinyl's side in MPEG-4, a vague date in ID3."""
    tags = Tags({"tracknumber": ("A1",), "date": ("circa 1970",), "bpm": ("fast",)})
    for name in ("aac", "lame-ffmpeg"):
        path = encode(name, tmp_path)
        assert write_tags(path, tags) == ()
        assert read_tags(path) == tags


def test_old_id3_is_understood(tmp_path: Path) -> None:
    """Genres by number, Latin-1, values parted by zeros, a program's own notes."""
    path = encode("lame-ffmpeg", tmp_path)
    tags = ID3()
    tags.add(TPE1(0, ["Café", "Two"]))
    tags.add(mutagen.id3.TCON(0, ["(17)(8)"]))
    tags.add(mutagen.id3.COMM(0, "eng", "iTunNORM", ["0000"]))
    tags.add(TXXX(1, "MusicBrainz Album Id", ["abc"]))
    tags.save(path)
    assert read_tags(path) == Tags(
        {"artist": ("Café", "Two"), "genre": ("Rock", "Jazz"), "musicbrainz_albumid": ("abc",)}
    )


@pytest.mark.parametrize("name", ["aac", "lame-ffmpeg", "opus-ffmpeg", "musepack"])
def test_hostile_names_and_values_do_no_harm(name: str, tmp_path: Path, lacking: Lacking) -> None:
    """What no Vorbis comment may be called is dropped, zero bytes are, half surrogates too."""
    tags = make_tags(
        [
            ("a=b", "x"),
            ("naïve", "x"),
            ("", "x"),
            ("../../etc", "passwd"),
            ("title", "zero\0byte \udcff"),
            ("x" * 300, "long"),
            ("TAG", "reserved"),
        ]
    )
    assert "a=b" not in tags.texts and "naïve" not in tags.texts
    assert "the text a=b" in tags.left
    path = encode(name, tmp_path, lacking)
    told = [each for each in write_tags(path, tags) if "name not allowed by APEv2" in each]
    assert len(told) == (2 if name == "musepack" else 0)
    found = read_tags(path).texts
    assert found["title"] == ("zerobyte ?",)
    assert found["../../etc"] == ("passwd",)
    assert len(decoded(path)) > 0


def test_a_broken_picture_is_no_picture(tmp_path: Path) -> None:
    """Neither half a block nor a text that claims to be an image."""
    path = sound(tmp_path / "x.ogg")
    file = mutagen.File(path)
    lying = struct.pack(">II", 3, 2**31) + b"image/png"
    file["METADATA_BLOCK_PICTURE"] = [
        "no base64",
        base64.b64encode(lying).decode(),
    ]
    file["TITLE"] = "x"
    file.save()
    assert read_tags(path) == Tags({"title": ("x",)})
    assert make_tags([], b"<svg onload=alert(1)>").cover is None


def fail(*_: object, **__: object) -> None:
    raise mutagen.MutagenError("no space")


def test_damaged_files_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source by its name; what an encoder made keeps its content, and loses its tags."""
    with pytest.raises(ClipError, match=r"x\.wav: cannot be opened"):
        read_tags(tmp_path / "x.wav")
    (tmp_path / "x.wav").write_bytes(b"RIFF")
    assert read_tags(tmp_path / "x.wav").texts == {}
    path = tmp_path / "x.mp3"
    path.write_bytes(b"nothing")
    (lost,) = write_tags(path, TAGS)
    assert lost.startswith("tags: cannot be written into these .mp3 files")
    assert path.read_bytes() == b"nothing"
    whole = encode("opus-ffmpeg", tmp_path)
    monkeypatch.setattr(mutagen.oggopus.OggOpus, "save", fail)
    with pytest.raises(DecodeFailed, match=r"\.opus: tags cannot be written into it \(no space\)"):
        write_tags(whole, TAGS)

"""Tags as players and rippers leave them: in several places of a file, with what few write."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import imageio_ffmpeg
import mutagen
import numpy as np
import pytest
import soundfile
from mutagen import id3
from mutagen.apev2 import APEBinaryValue, APEv2
from mutagen.mp4 import MP4

from tuner.apply.container import payload_digest
from tuner.apply.gains import adjust_gains
from tuner.encoder import default_settings
from tuner.plugins import load_encoder
from tuner.sound.audio import SAMPLE_RATE
from tuner.tags import Chapter, Gains, Tags, read_tags, write_tags
from tuner.testing import make_clip

CHAPTERS = (Chapter(0.0, 0.4, "Öne"), Chapter(0.4, 1.0, "Two"))


def encode(name: str, folder: Path, sound: np.ndarray | None = None) -> Path:
    encoder = load_encoder(name)
    pcm = make_clip() if sound is None else sound
    knob = encoder.rate_modes[0].snap(96)
    made = encoder.encode(pcm, SAMPLE_RATE, default_settings(encoder), knob)
    path = folder / f"x{made.suffix}"
    path.write_bytes(made.data)
    return path


def save(path: Path, *frames: id3.Frame) -> None:
    tags = id3.ID3()
    for frame in frames:
        tags.add(frame)
    tags.save(path)


def test_mp3_with_ape_only_and_with_both(tmp_path: Path) -> None:
    """As mp3gain and old players wrote; ID3 comes first, and APE fills what it lacks."""
    path = encode("lame-ffmpeg", tmp_path)
    mutagen.File(path).delete()
    ape = APEv2()
    ape["Title"], ape["Artist"], ape["Track"] = "Ape", ["One", "Two"], "3/9"
    ape["MP3GAIN_MINMAX"], ape["Odd"] = "1,2", APEBinaryValue(b"x")
    ape.save(path)
    found = read_tags(path)
    assert found.texts == {
        "title": ("Ape",),
        "artist": ("One", "Two"),
        "tracknumber": ("3",),
        "tracktotal": ("9",),
    }
    assert found.left == ("the item Odd",)
    save(path, id3.TIT2(3, ["Id3"]))
    texts = read_tags(path).texts
    assert (texts["title"], texts["artist"]) == (("Id3",), ("One", "Two"))


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


@pytest.mark.parametrize("first", [False, True])
def test_wav_with_info_and_id3(tmp_path: Path, first: bool) -> None:
    """INFO before or after the sound, in the encoding of old programs; ID3 comes first."""
    path = tmp_path / "x.wav"
    soundfile.write(path, make_clip()[:, :4800].T, SAMPLE_RATE)
    body = path.read_bytes()[12:]
    texts = {b"INAM": "Näme", b"IART": "Björk", b"ITRK": "4"}
    fields = b"".join(chunk(n, v.encode("cp1252") + b"\0") for n, v in texts.items())
    info = chunk(b"LIST", b"INFO" + fields)
    broadcast = chunk(b"bext", b"Description".ljust(256, b"\0") + bytes(90) + b"x" * 257)
    parts = [b"WAVE", broadcast, info, body] if first else [b"WAVE", body, info]

    def write(*more: bytes) -> None:
        whole = b"".join([*parts, *more])
        path.write_bytes(b"RIFF" + struct.pack("<I", len(whole)) + whole)

    write()
    found = read_tags(path).texts
    assert {n: found[n] for n in ("title", "artist", "tracknumber")} == {
        "title": ("Näme",),
        "artist": ("Björk",),
        "tracknumber": ("4",),
    }
    assert not {"umid", "coding_history", "time_reference"} & found.keys()
    save(tmp_path / "tag", id3.TIT2(3, ["Id3"]))
    write(chunk(b"id3 ", (tmp_path / "tag").read_bytes()))
    texts = read_tags(path).texts
    assert (texts["title"], texts["artist"]) == (("Id3",), ("Björk",))


def test_flac_behind_id3(tmp_path: Path) -> None:
    """As old rippers wrote; the file's own comments come first."""
    path = tmp_path / "x.flac"
    soundfile.write(path, make_clip()[:, :4800].T, SAMPLE_RATE)
    assert write_tags(path, Tags({"title": ("Own",)})) == ()
    save(tmp_path / "tag", id3.TIT2(3, ["Id3"]), id3.TPE1(3, ["Björk"]))
    path.write_bytes((tmp_path / "tag").read_bytes() + path.read_bytes())
    assert read_tags(path).texts == {"title": ("Own",), "artist": ("Björk",)}


def test_frames_that_few_write(tmp_path: Path) -> None:
    """Ratings, addresses, people, movements, podcasts; what nobody else can hold is told."""
    path = encode("lame-ffmpeg", tmp_path)
    save(
        path,
        id3.POPM("x@y", 200, count=3),
        id3.WOAR("http://x"),
        id3.WXXX(3, "Shop", "http://s"),
        id3.TIPL(3, [["producer", "Bob"], ["cook", "Eve"]]),
        id3.TMCL(3, [["flute", "Ann"]]),
        id3.MVNM(3, ["Largo"]),
        id3.MVIN(3, ["2/4"]),
        id3.PCST(value=1),
        id3.WFED("http://feed"),
        id3.PRIV("owner", b"x"),
        id3.APIC(3, "-->", 3, "", b"http://picture"),
    )
    found = read_tags(path)
    assert found.left == ("a linked picture", "the frame PRIV")
    expected = {
        "rating": ("80",),
        "playcount": ("3",),
        "website": ("http://x",),
        "shop": ("http://s",),
        "producer": ("Bob",),
        "cook": ("Eve",),
        "performer": ("Ann (flute)",),
        "movementname": ("Largo",),
        "movement": ("2",),
        "movementtotal": ("4",),
        "podcast": ("1",),
        "podcasturl": ("http://feed",),
    }
    assert dict(found.texts) == expected
    other = encode("aac", tmp_path)
    assert write_tags(other, found) == ()
    items = MP4(other).tags
    assert items is not None
    assert (items["\xa9mvn"], items["\xa9mvi"], items["pcst"]) == (["Largo"], [2], True)
    assert dict(read_tags(other).texts) == expected
    again = encode("lame-ffmpeg", tmp_path)
    assert write_tags(again, read_tags(other)) == ()
    frames = id3.ID3(again)
    assert (frames.getall("POPM")[0].rating, frames["WOAR:http://x"].url) == (196, "http://x")
    assert frames["TMCL"].people == [["flute", "Ann"]]
    assert dict(read_tags(again).texts) == expected


def test_items_that_few_write(tmp_path: Path) -> None:
    """Of Apple's shops and their podcasts: from M4A to M4A they stay what they are."""
    path = encode("aac", tmp_path)
    own = {
        "\xa9wrk": ["Work"],
        "ldes": ["longer"],
        "purd": ["2020"],
        "catg": ["c"],
        "stik": [1],
        "pgap": True,
        "tvsn": [3],
        "purl": ["http://feed"],
        "egid": ["id"],
    }
    file = MP4(path)
    assert file.tags is not None
    file.tags.update({**own, "cnID": [7]})
    file.save()
    found = read_tags(path)
    assert found.left == ("the item cnID",)
    other = encode("aac", tmp_path)
    assert write_tags(other, found) == ()
    items = MP4(other).tags
    assert items is not None
    assert {name: items[name] for name in own} == own


@pytest.mark.parametrize("name", ["aac", "lame-ffmpeg", "opus-ffmpeg", "vorbis-ffmpeg"])
def test_chapters_go_into_every_kind(name: str, tmp_path: Path) -> None:
    """And come back to the millisecond, as ffmpeg reads them; the sound stays."""
    path = encode(name, tmp_path)
    payload = payload_digest(path)
    assert write_tags(path, Tags({"title": ("T",)}, chapters=CHAPTERS)) == ()
    found = read_tags(path)
    assert found.texts == {"title": ("T",)}
    assert [(c.title, c.start_s) for c in found.chapters] == [("Öne", 0.0), ("Two", 0.4)]
    assert payload_digest(path) == payload


def test_chapters_come_from_books(tmp_path: Path) -> None:
    """M4B with Apple's chapter track, as audio book programs write it."""
    wav, notes, book = (tmp_path / name for name in ("x.wav", "notes.txt", "x.m4b"))
    soundfile.write(wav, make_clip()[:, :48_000].T, SAMPLE_RATE)
    marks = "".join(
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={c.start_s * 1000:.0f}\nEND={c.end_s * 1000:.0f}\n"
        f"title={c.title}\n"
        for c in CHAPTERS
    )
    notes.write_text(";FFMETADATA1\ntitle=Book\n" + marks)
    program = imageio_ffmpeg.get_ffmpeg_exe()
    options = ["-i", str(wav), "-i", str(notes), "-map_metadata", "1", "-c:a", "aac", str(book)]
    subprocess.run([program, "-v", "error", *options], check=True, stdin=subprocess.DEVNULL)
    found = read_tags(book)
    assert found.texts["title"] == ("Book",)
    assert found.chapters == CHAPTERS


@pytest.mark.parametrize("name", ["aac", "opus-ffmpeg"])
def test_gains_are_those_of_the_coded_file(name: str, tmp_path: Path) -> None:
    """A file at half the level gets 6 dB more, and its own peak; Opus files have R128 gains."""
    clip = 0.5 * np.tile(make_clip(), 2)
    source = tmp_path / "source.wav"
    soundfile.write(source, clip.T, SAMPLE_RATE, "PCM_24")
    coded = encode(name, tmp_path, 0.5 * clip)
    old = Tags({"title": ("T",)}, gains=Gains(-3.0, -4.0, 0.1))
    new = adjust_gains(old, source, coded, load_encoder(name)).gains
    assert new is not None and new.track_db is not None and new.track_peak is not None
    assert new.track_db == pytest.approx(-3.0 + 6.02, abs=1.0)
    assert new.album_db == pytest.approx(new.track_db - 1.0)
    assert 0.4 * np.abs(clip).max() < new.track_peak < 0.8 * np.abs(clip).max()
    assert write_tags(coded, Tags(gains=new)) == ()
    written = read_tags(coded).gains
    assert written is not None
    assert written.track_db == pytest.approx(new.track_db, abs=0.01)
    assert (b"R128_TRACK_GAIN" in coded.read_bytes()) == (name == "opus-ffmpeg")


def test_gains_that_cannot_be_measured_are_told(tmp_path: Path) -> None:
    """Too short, and silent."""
    source = tmp_path / "source.wav"
    encoder = load_encoder("opus-ffmpeg")
    for samples, reason in (
        (4800, "measured only for files of"),
        (48_000, "undefined for silence"),
    ):
        silence = np.zeros((1, samples), np.float32)
        soundfile.write(source, silence.T, SAMPLE_RATE)
        found = adjust_gains(
            Tags(gains=Gains(-3.0)), source, encode("opus-ffmpeg", tmp_path, silence), encoder
        )
        assert found.gains is None
        assert reason in found.left[0]

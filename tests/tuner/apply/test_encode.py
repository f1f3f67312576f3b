"""A library is encoded in place of its folders, once, and only what has changed again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from encoders import shipped
from tuner.apply import encode as library
from tuner.apply.encode import LEDGER, Encoding, Result, encode_library, make_encoding, plan
from tuner.encoder import Encoded, Settings, default_settings
from tuner.errors import ClipError, RunError, StudyError
from tuner.plugins import load_encoder
from tuner.sound.audio import SAMPLE_RATE, read_audio
from tuner.sound.long_audio import find_duration
from tuner.tags import Picture, Tags, read_tags, write_tags
from tuner.testing import FakeEncoder


def sound(path: Path, seed: int = 0, rate: int = 44_100, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).standard_normal((rate // 4, channels))
    with soundfile.SoundFile(path, "w", rate, channels) as file:
        if path.suffix == ".flac":
            file.title = f"Tïtle {seed}"
        file.write(0.1 * noise)
    return path


def encoding(**changes: object) -> Encoding:
    encoder = FakeEncoder(**changes)  # type: ignore[arg-type]
    return make_encoding(encoder, default_settings(encoder), 64.0)


def run(sources: Sequence[Path], out: Path, made: Encoding | None = None) -> list[Result]:
    made = made or encoding()
    results = encode_library(made, plan(sources, out, made.suffix), out, workers=2)
    return sorted(results, key=lambda result: result.item.target)


def states(results: Sequence[Result]) -> dict[str, str]:
    return {result.item.target.as_posix(): result.state for result in results}


def test_folders_are_kept(tmp_path: Path) -> None:
    """One folder's content, names with dots and dashes, equal stems; nothing is left behind."""
    music = tmp_path / "music"
    for name in ("A & B/01. Söng v1.2.flac", "-x.wav", "C/same.wav", "C/same.flac"):
        sound(music / name)
    (music / "notes.txt").write_text("no sound")
    sound(music / "C" / "._same.wav")
    results = run([music], tmp_path / "out")
    assert set(states(results)) == {
        "A & B/01. Söng v1.2.fake",
        "-x.fake",
        "C/same.wav.fake",
        "C/same.flac.fake",
    }
    decoded, rate = FakeEncoder().decode(
        Encoded((tmp_path / "out" / "-x.fake").read_bytes(), ".fake", 1, 0.0)
    )
    assert (decoded.shape, rate) == ((1, 44_100 // 4), 44_100)
    left = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*")}
    assert left == {*states(results), "A & B", "C", LEDGER, library.LOCK}


def test_several_sources(tmp_path: Path) -> None:
    """Folders keep their names, files come beside them."""
    one, two = sound(tmp_path / "one" / "a.wav"), sound(tmp_path / "two" / "a.wav")
    file = sound(tmp_path / "b.wav")
    items = plan([one.parent, two.parent, file], tmp_path / "out", ".x")
    assert [item.target.as_posix() for item in items] == ["one/a.x", "two/a.x", "b.x"]
    assert items[2].source == file


def test_plans_that_would_do_harm_are_refused(tmp_path: Path) -> None:
    """Two files for one target, a target that is a source, nothing to do, nothing there."""
    for name in ("one/a.wav", "two/a.wav"):
        sound(tmp_path / name)
    files = [tmp_path / "one" / "a.wav", tmp_path / "two" / "a.wav"]
    with pytest.raises(StudyError, match=r"would both become a\.wav\.x"):
        plan(files, tmp_path / "out", ".x")
    with pytest.raises(StudyError, match="would overwrite a source"):
        plan([files[0]], tmp_path / "one", ".wav")
    with pytest.raises(StudyError, match="mixed with the sources"):
        plan([tmp_path / "one"], tmp_path / "one", ".x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ClipError, match="no audio files"):
        plan([tmp_path / "empty"], tmp_path / "out", ".x")
    with pytest.raises(ClipError, match="nowhere: no such file"):
        plan([tmp_path / "nowhere"], tmp_path / "out", ".x")


def test_results_within_the_sources_are_no_sources(tmp_path: Path) -> None:
    """A second run does not encode what the first one made."""
    sound(tmp_path / "a.wav")
    out = tmp_path / "coded"
    sound(out / "made-earlier.wav")
    assert [item.source.name for item in plan([tmp_path], out, ".x")] == ["a.wav"]


def test_linked_folders_are_followed_and_strays_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A second disk and what books and films are called; no circles, no pictures."""
    sound(tmp_path / "disk" / "there.wav")
    library_ = tmp_path / "library"
    library_.mkdir()
    for name in ("here.wav", "recorder.wave", "studio.bwf"):
        sound(tmp_path / "plain" / "x.wav").rename(library_ / name)
    for name in ("book.m4b", "clip.webm", "film.mkv", "voice.3gp", "voice.amr", "ring.m4r"):
        (library_ / name).write_bytes(b"sound")
    (library_ / "cover.jpg").write_bytes(b"picture")
    (library_ / "artist").symlink_to(tmp_path / "disk")
    (library_ / "loop").symlink_to(library_)
    items = plan([library_], tmp_path / "out", ".x")
    assert sorted(item.target.as_posix() for item in items) == [
        *("artist/there.x", "book.x", "clip.x", "film.x", "here.x", "recorder.x", "ring.x"),
        *("studio.x", "voice.3gp.x", "voice.amr.x"),
    ]
    assert "skipped 1 .jpg" in caplog.text


def test_the_bitrate_is_that_of_the_payload(tmp_path: Path) -> None:
    """As long as the sound is."""
    (result,) = run([sound(tmp_path / "a.wav")], tmp_path / "out")
    assert result.duration_s == pytest.approx(0.25)
    assert result.bitrate_kbps == pytest.approx(
        8 * (tmp_path / "out" / "a.fake").stat().st_size / 0.25 / 1000
    )


def test_only_what_has_changed_is_made_again(tmp_path: Path) -> None:
    """By the source's content, the settings, the build and the target's presence."""
    music, out = tmp_path / "music", tmp_path / "out"
    for index, name in enumerate("abc"):
        sound(music / f"{name}.wav", index)
    assert set(states(run([music], out)).values()) == {"encoded"}
    assert set(states(run([music], out)).values()) == {"skipped"}
    sound(music / "a.wav", 9)
    (out / "b.fake").unlink()
    (music / "c.wav").touch()
    again = states(run([music], out))
    assert again == {"a.fake": "encoded", "b.fake": "encoded", "c.fake": "skipped"}
    assert set(states(run([music], out, encoding(build="2"))).values()) == {"encoded"}
    with (out / LEDGER).open("a") as file:
        file.write('{"format": 1, "target": "a.fa')  # torn by a kill
    assert set(states(run([music], out, encoding(build="2"))).values()) == {"skipped"}


def test_a_failure_is_told_and_the_rest_done(tmp_path: Path) -> None:
    """Each with its file; a file of somebody else is not replaced."""
    music, out = tmp_path / "music", tmp_path / "out"
    sound(music / "good.wav")
    sound(music / "surround.wav", channels=9)
    (music / "broken.flac").write_bytes(b"fLaC")
    sound(music / "mine.wav")
    out.mkdir()
    (out / "mine.fake").write_text("precious")
    results = {result.item.source.name: result for result in run([music], out)}
    assert results["good.wav"].state == "encoded"
    problems = {name: str(result.problem) for name, result in results.items()}
    assert "9 channels; at most 8" in problems["surround.wav"]
    assert (results["surround.wav"].failure or {})["kind"] == "ClipError"
    assert "broken.flac" in problems["broken.flac"]
    assert "exists but is not from this command" in problems["mine.wav"]
    assert (out / "mine.fake").read_text() == "precious"


def test_what_an_adapter_raises_is_that_files_failure(tmp_path: Path) -> None:
    """Adapters are other people's code."""

    class Clumsy(FakeEncoder):
        def encode(self, pcm, sample_rate, settings, knob):  # type: ignore[no-untyped-def]
            raise ZeroDivisionError("oops")

    file = sound(tmp_path / "a.wav")
    made = Encoding(Clumsy(), default_settings(FakeEncoder()), 64.0, ".fake")
    (result,) = run([file], tmp_path / "out", made)
    assert (result.state, result.problem) == ("failed", f"{file}: oops")


def test_stopping_keeps_what_is_finished(tmp_path: Path) -> None:
    """Closed early, it begins nothing new, and the next run does the rest."""
    music, out, made = tmp_path / "music", tmp_path / "out", encoding()
    for index in range(40):
        sound(music / f"{index}.wav", index)
    results = encode_library(made, plan([music], out, made.suffix), out, workers=1)
    next(results)
    with pytest.raises(RunError, match="another `tuner encode` is working here"):
        next(encode_library(made, plan([music], out, made.suffix), out, workers=1))
    results.close()
    done = len(list(out.glob("*.fake")))
    assert 1 <= done < 40
    counts = list(states(run([music], out)).values())
    assert counts.count("skipped") == done


@pytest.mark.parametrize("limit_s", [0.0, 600.0])
@pytest.mark.parametrize("name", ["opus-ffmpeg", "aac", "lame-ffmpeg"])
def test_a_real_encoder_keeps_tags_at_any_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, limit_s: float
) -> None:
    """In memory and through the command line: gapless, with its title; the rate is the sound's."""
    monkeypatch.setattr(library, "IN_MEMORY_S", limit_s)
    encoder = load_encoder(name)
    made = make_encoding(encoder, default_settings(encoder), 64.0)
    file, cover = sound(tmp_path / "mix: one.flac", 3), b"\xff\xd8\xff" + bytes(100_000)
    assert write_tags(file, Tags(cover=Picture(cover, "image/jpeg"))) == ()
    (result,) = run([file], tmp_path / "out", made)
    assert (result.state, result.lost) == ("encoded", ()), result
    target = tmp_path / "out" / f"mix: one{made.suffix}"
    assert read_tags(target) == Tags({"title": ("Tïtle 3",)}, Picture(cover, "image/jpeg"))
    # Opus files begin their clock before the sound, by what a decoder drops (6.5 ms).
    assert find_duration(target) == pytest.approx(0.25, abs=0.007)
    # Of the sound: with its picture the file spends 3 Mb/s.
    assert result.bitrate_kbps is not None and result.bitrate_kbps < 200


def test_coded_and_odd_sources_stay_gapless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As long as what went in, to the sample; a warning names the user's file; any folder works."""
    monkeypatch.chdir(tmp_path)
    music = Path("music")
    sound(music / "whole.wav", rate=48_000, channels=2)
    noise = soundfile.read(music / "whole.wav", always_2d=True)[0]
    expected = {"whole": 12_000}
    for name, knob in (("aac", 192), ("opus-ffmpeg", 160), ("vorbis-ffmpeg", 6)):
        adapter = load_encoder(name)
        made = adapter.encode(noise.T.astype("f4"), SAMPLE_RATE, default_settings(adapter), knob)
        (music / f"{name}{made.suffix}").write_bytes(made.data)
        expected[name] = 12_000
    for length in (1, 1151):
        soundfile.write(music / f"{length}.wav", noise[:length], SAMPLE_RATE)
        expected[str(length)] = length
    soundfile.write(music / "untold.flac", noise, SAMPLE_RATE)
    data = (music / "untold.flac").read_bytes()
    untold = data[:21] + bytes([data[21] & 0xF0]) + bytes(4) + data[26:]
    (music / "untold.flac").write_bytes(untold)
    expected["untold"] = 12_000  # goes through the command line
    aac = load_encoder("aac")
    results = run([music], Path("out"), make_encoding(aac, default_settings(aac), 64.0))
    assert [result.problem for result in results] == [None] * len(expected)
    for name, samples in expected.items():
        assert read_audio(Path(f"out/{name}.m4a"))[0].shape[1] == samples, name
    assert "music/untold.flac: does not declare its length" in caplog.text


def test_a_codec_for_mono_takes_what_it_can(tmp_path: Path) -> None:
    """Stereo files are refused one by one, with the reason."""
    encoder = shipped.g722()
    music = tmp_path / "music"
    sound(music / "mono.wav", rate=48_000)
    sound(music / "stereo.wav", rate=48_000, channels=2)
    made = make_encoding(encoder, default_settings(encoder), 16_000)
    mono, stereo = run([music], tmp_path / "out", made)
    assert (mono.state, stereo.state) == ("encoded", "failed")
    assert "encodes only mono, but the clip has 2 channels" in str(stereo.problem)


def test_names_that_libraries_trip_over(tmp_path: Path) -> None:
    """Latin-1 bytes, a protocol of ffmpeg's, one that a failure tells of."""
    music = tmp_path / "music"
    names = [os.fsdecode(b"caf\xe9.wav"), "concat:a|b.flac", "-i.wav"]
    music.mkdir()
    for name in names:
        sound(tmp_path / f"x{Path(name).suffix}").rename(music / name)
    (music / "bad: one.wav").write_bytes(b"RIFF")
    results = run([music], tmp_path / "out")
    told = {r.item.source.name: (r.state, r.problem) for r in results}
    assert [told[name] for name in names] == [("encoded", None)] * 3
    state, problem = told["bad: one.wav"]
    assert state == "failed"
    assert str(problem).startswith(str(music / "bad: one.wav"))


def test_settings_are_part_of_the_encoding() -> None:
    """Other settings or another knob are another encoding."""
    one = encoding()
    values = {**one.settings.as_dict(), "shaping": 7}
    others = [
        Encoding(one.encoder, Settings.of("abr", values), 64.0, ".fake"),
        Encoding(one.encoder, one.settings, 65.0, ".fake"),
    ]
    assert one.digest() not in [other.digest() for other in others]

"""Clip sets: discovery, excerpts, sides, and what is told of bad files."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from tuner.errors import ClipError
from tuner.pcm import find_depth
from tuner.sound.audio import SAMPLE_RATE, read_audio, sample_digest
from tuner.sound.clip_files import cut_again
from tuner.sound.clips import ClipSet, load_clips, store_clips
from tuner.sound.excerpts import Excerpting
from tuner.sound.surround import downmix
from tuner.sound.synth import synthesize


def noise(seconds: float, channels: int = 2, seed: int = 0, rate: int = SAMPLE_RATE) -> np.ndarray:
    """White noise ``[T, C]``."""
    shape = (round(seconds * rate), channels)
    return 0.1 * np.random.default_rng(seed).standard_normal(shape)


def write(folder: Path, name: str, samples: np.ndarray, rate: int = SAMPLE_RATE) -> Path:
    """Write a file; the suffix tells the format, 24 bit for FLAC, float for WAV."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(
        path, samples, rate, subtype="PCM_24" if path.suffix.lower() == ".flac" else "FLOAT"
    )
    return path


def test_any_rate_and_format_is_kept(tmp_path: Path) -> None:
    """WAV and FLAC, mono and stereo, 16 to 96 kHz: as they are, heard at 48 kHz."""
    write(tmp_path, "a.wav", noise(6, 1, 1, 44_100), 44_100)
    write(tmp_path, "sub/b.flac", noise(6, 2, 2, 96_000), 96_000)
    write(tmp_path, "c.FLAC", noise(6, 2, 3, 16_000), 16_000)
    clip_set = load_clips(tmp_path)
    assert [c.name for c in clip_set.clips] == ["a.wav", "c.FLAC", "b.flac"]
    assert [c.channels for c in clip_set.clips] == [1, 2, 2]
    assert [c.rate for c in clip_set.clips] == [44_100, 16_000, 96_000]
    for clip in clip_set.clips:
        whole, rate = soundfile.read(clip.source, dtype="float32", always_2d=True)
        np.testing.assert_array_equal(clip.pcm, whole.T)
        assert rate == clip.rate
        assert clip.duration_s == 6
        assert clip.reference.shape == (clip.channels, 6 * SAMPLE_RATE)
        assert clip.digest == sample_digest(clip.pcm, rate) != sample_digest(clip.pcm)
    assert clip_set.tune
    assert clip_set.holdout


def test_all_clips_at_one_rate(tmp_path: Path) -> None:
    """Brought there as a file of 24 bits would be; one that is there already is left alone."""
    write(tmp_path, "a.flac", noise(6, 1, 1), 48_000)
    write(tmp_path, "b.wav", noise(6, 1, 2, 44_100), 44_100)
    kept, converted = load_clips(tmp_path, rate=44_100).clips[::-1]
    assert (kept.rate, converted.rate) == (44_100, 44_100)
    assert kept.digest in {clip.digest for clip in load_clips(tmp_path).clips}
    assert (find_depth(kept.pcm), find_depth(converted.pcm)) == ("float", 24)
    assert converted.pcm.shape == kept.pcm.shape
    again = cut_again(Path(converted.source), 0.0, converted.duration_s, 44_100, converted.digest)
    np.testing.assert_array_equal(again, converted.pcm)


def test_loudest_excerpt_is_cut(tmp_path: Path) -> None:
    """The loud 5 s in the middle of 15 s are found to the grid."""
    samples = 0.01 * noise(15, seed=1)
    samples[5 * SAMPLE_RATE : 10 * SAMPLE_RATE] *= 100
    write(tmp_path, "a.wav", samples)
    write(tmp_path, "b.wav", noise(6, seed=2))
    loud = load_clips(tmp_path, Excerpting(duration_s=5)).clips[0]
    assert loud.start_s == pytest.approx(5, abs=0.11)
    first = load_clips(tmp_path, Excerpting(duration_s=5, how="start")).clips[0]
    assert first.start_s == 0


def test_varied_excerpt_has_the_attacks(tmp_path: Path) -> None:
    """Of a steady and a pulsed part of equal peak the pulsed one is cut."""
    samples = noise(12, seed=1)
    pulses = (np.arange(6 * SAMPLE_RATE) // 12_000) % 2
    samples[6 * SAMPLE_RATE :] *= pulses[:, None]
    write(tmp_path, "a.wav", samples)
    write(tmp_path, "b.wav", noise(6, seed=2))
    varied = load_clips(tmp_path, Excerpting(duration_s=5, how="varied")).clips[0]
    assert varied.start_s >= 5.9


def test_several_excerpts_do_not_overlap_and_stay_on_one_side(tmp_path: Path) -> None:
    """Sides go by source file, never by excerpt."""
    for number in range(4):
        write(tmp_path, f"{number}.wav", noise(21, seed=number))
    clip_set = load_clips(tmp_path, Excerpting(duration_s=5, per_file=3))
    assert len(clip_set.clips) == 12
    for name in {c.source for c in clip_set.clips}:
        mine = [c for c in clip_set.clips if c.source == name]
        assert len({c.side for c in mine}) == 1
        starts = sorted(c.start_s for c in mine)
        assert min(np.diff(starts)) >= 5


def test_pause_costs_an_excerpt_not_the_file(tmp_path: Path) -> None:
    """Where a further excerpt would be silent there is one less, and no error."""
    samples = noise(18, seed=1)
    samples[6 * SAMPLE_RATE :] = 0
    write(tmp_path, "a.wav", samples)
    write(tmp_path, "b.wav", noise(6, seed=2))
    clips = load_clips(tmp_path, Excerpting(duration_s=6, per_file=3)).clips
    assert [Path(c.source).name for c in clips] == ["a.wav", "b.wav"]


def test_sides_follow_content_not_names(tmp_path: Path) -> None:
    """Renaming files moves no clip to the other side."""
    for number in range(6):
        write(tmp_path / "one", f"{number}.wav", noise(5, seed=number))
        write(tmp_path / "two", f"{9 - number}.wav", noise(5, seed=number))
    one, two = load_clips(tmp_path / "one"), load_clips(tmp_path / "two")
    assert {c.digest: c.side for c in one.clips} == {c.digest: c.side for c in two.clips}
    assert one.digest == two.digest
    assert len(one.tune) == len(one.holdout) == 3


BAD = {
    "empty.wav": "empty file",
    "short.wav": "at least 2.5 s",
    "silent.wav": "silent from",
    "nan.wav": "NaN",
    "surround.wav": "9 channels",
    "telephone.wav": "8000 Hz",
    "text.flac": "contains no audio",
}


def test_every_bad_file_is_told_by_name(tmp_path: Path) -> None:
    """All problems come in one message, each with its file and what is wrong."""
    write(tmp_path, "good.wav", noise(6))
    (tmp_path / "empty.wav").touch()
    write(tmp_path, "short.wav", noise(1))
    write(tmp_path, "silent.wav", np.zeros((6 * SAMPLE_RATE, 2)))
    write(tmp_path, "nan.wav", np.full((6 * SAMPLE_RATE, 2), np.nan))
    write(tmp_path, "surround.wav", noise(6, 9))
    write(tmp_path, "telephone.wav", noise(6, 1, rate=8000), 8000)
    (tmp_path / "text.flac").write_text("no audio")
    with pytest.raises(ClipError) as error:
        load_clips(tmp_path)
    told = {Path(part.where).name: part.what for part in error.value.parts}
    assert told.keys() == BAD.keys()
    for name, what in BAD.items():
        assert what in told[name]
    assert str(error.value).splitlines() == [str(part) for part in error.value.parts]


def test_surround_is_kept_or_mixed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """All channels, with a word where the file does not declare them; stereo where it is asked."""
    for seed in range(2):
        write(tmp_path, f"{seed}.wav", noise(6, 6, seed))
    clip = load_clips(tmp_path).clips[0]
    assert clip.channels == 6 and clip.reference.shape == (6, 6 * SAMPLE_RATE)
    assert "does not declare which speakers its 6 channels are for; read as 5.1" in caplog.text
    mixed = load_clips(tmp_path, to_stereo=True).clips[0]
    np.testing.assert_array_equal(mixed.pcm, downmix(read_audio(tmp_path / mixed.name)[0]))
    for each in (clip, mixed):
        again = cut_again(Path(each.source), each.start_s, each.duration_s, each.rate, each.digest)
        assert again is not None
        np.testing.assert_array_equal(again, each.pcm)


def test_one_recording_stays_on_one_side(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At another rate, level, offset or as a mono fold; told with names."""
    for number, sound in enumerate(("plucked", "drums", "bells")):
        song = synthesize(sound, seed=number, duration_s=7.0).T
        write(tmp_path, f"{number} rip.flac", song)
        write(tmp_path, f"{number} low.wav", soxr.resample(song, 48_000, 44_100), 44_100)
        write(tmp_path, f"{number} loud.wav", np.clip(1.12 * song, -1, 1))
        write(tmp_path, f"{number} late.wav", np.pad(song, ((500, 0), (0, 0))))
        write(tmp_path, f"{number} mono.wav", song.mean(axis=1))
    sides: dict[str, set[str]] = {}
    for clip in load_clips(tmp_path).clips:
        sides.setdefault(clip.name[0], set()).add(clip.side)
    assert [len(each) for each in sides.values()] == [1, 1, 1]
    assert len(set.union(*sides.values())) == 2
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 12
    assert all("seems to be the same recording as" in line for line in told)


def test_folders_stay_on_one_side_by_choice(tmp_path: Path) -> None:
    """Songs of one album share players, room and mastering."""
    for number in range(8):
        write(tmp_path / f"album {number % 3}", f"{number}.wav", noise(5, seed=number))
    sides: dict[str, set[str]] = {}
    for clip in load_clips(tmp_path, group_by="folder").clips:
        sides.setdefault(Path(clip.source).parent.name, set()).add(clip.side)
    assert [len(each) for each in sides.values()] == [1, 1, 1]


def test_coded_references_are_refused_with_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All coded: an error; some: left out and told; unless they are wanted."""
    for number in range(2):
        soundfile.write(tmp_path / f"{number}.mp3", noise(6, seed=number), SAMPLE_RATE)
    with pytest.raises(ClipError, match="2 MP3 files found: references must be lossless"):
        load_clips(tmp_path)
    assert len(load_clips(tmp_path, allow_lossy=True).clips) == 2
    for number in range(2, 4):
        write(tmp_path, f"{number}.aiff", noise(6, seed=number))
    (tmp_path / "cover.jpg").touch()
    assert {c.name for c in load_clips(tmp_path).clips} == {"2.aiff", "3.aiff"}
    assert "skipped 2 MP3 files: references must be lossless" in caplog.text
    assert "skipped 1 .jpg" in caplog.text
    (tmp_path / "0.mp3").rename(tmp_path / "0.wav")
    with pytest.raises(ClipError, match=r"0\.wav: contains mp3: references must be lossless"):
        load_clips(tmp_path)


def test_folder_without_enough_is_told(tmp_path: Path) -> None:
    """No folder, no audio, and a single file that cannot serve both sides."""
    with pytest.raises(ClipError, match="no such folder"):
        load_clips(tmp_path / "none")
    (tmp_path / "note.txt").touch()
    with pytest.raises(ClipError, match="a file, not a folder"):
        load_clips(tmp_path / "note.txt")
    with pytest.raises(ClipError, match="no WAV, FLAC or"):
        load_clips(tmp_path)
    write(tmp_path, "a.wav", noise(6))
    write(tmp_path, "same.wav", noise(6))
    with pytest.raises(ClipError, match="side holdout"):
        load_clips(tmp_path)


def test_hostile_names_work(tmp_path: Path) -> None:
    """Spaces, quotes, newlines, leading dashes, markup and unicode are only names."""
    names = ["-rf.wav", "a b'\"c.wav", "<script>.wav", "line\nbreak.wav", "ü 音.wav", "$(x);.wav"]
    for seed, name in enumerate(names):
        write(tmp_path, name, noise(5, seed=seed))
    assert {c.name for c in load_clips(tmp_path).clips} == set(names)


def write_manifest(folder: Path, rows: list[dict[str, str]]) -> Path:
    """Write manifest.csv with the union of the rows' columns."""
    path = folder / "manifest.csv"
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A folder with three files."""
    for seed, name in enumerate("abc"):
        write(tmp_path, f"{name}.wav", noise(12, seed=seed))
    return tmp_path


def test_manifest_names_sides_and_excerpts(named: Path) -> None:
    """Sides and times are the manifest's; rows of other sides are left out."""
    write_manifest(
        named,
        [
            {"file": "a.wav", "side": "tune", "start_s": "2", "duration_s": "6"},
            {"file": "a.wav", "side": "tune", "start_s": "0", "duration_s": "5"},
            {"file": "b.wav", "side": "holdout"},
            {"file": "c.wav", "side": "train"},
        ],
    )
    clip_set: ClipSet = load_clips(named)
    found = [(c.name, c.side, c.duration_s) for c in clip_set.clips]
    assert found == [
        ("a.wav @2 s", "tune", 6.0),
        ("a.wav @0 s", "tune", 5.0),
        ("b.wav", "holdout", 8.0),
    ]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"name": "a.wav", "side": "tune"}], "columns `file` and `side`"),
        ([{"file": "x.wav", "side": "tune"}], "x.wav: no such file"),
        ([{"file": "a.wav", "side": "Tune"}], "line 2: side 'Tune'"),
        ([{"file": "a.wav", "side": "tune", "start_s": "soon"}], "line 2"),
        ([{"file": "a.wav", "side": "tune", "start_s": "-1"}], "line 2"),
        ([{"file": "a.wav", "side": "tune", "start_s": "11"}], "asks for"),
        ([{"file": "a.wav", "side": "tune"}], "no clip with side holdout"),
        (
            [{"file": "a.wav", "side": "tune"}, {"file": "a.wav", "side": "holdout"}],
            "in both",
        ),
        (
            [
                {"file": "a.wav", "side": "tune", "start_s": "0", "duration_s": "5"},
                {"file": "./a.wav", "side": "holdout", "start_s": "1", "duration_s": "5"},
            ],
            "a.wav is in both",
        ),
        (
            [
                {"file": "a.wav", "side": "tune", "group": "g"},
                {"file": "b.wav", "side": "holdout", "group": "g"},
            ],
            "group g is in both",
        ),
    ],
)
def test_wrong_manifest_is_told(named: Path, rows: list[dict[str, str]], told: str) -> None:
    """Columns, files, numbers, sides and groups are checked, with line or name."""
    write_manifest(named, rows)
    with pytest.raises(ClipError, match=told):
        load_clips(named)


def test_wrong_excerpting_is_told() -> None:
    """Lengths outside 5 to 10 s, unknown ways and zero excerpts are errors."""
    for wrong in ({"duration_s": 4.0}, {"duration_s": 11.0}, {"how": "best"}, {"per_file": 0}):
        with pytest.raises(ClipError):
            Excerpting(**wrong)  # type: ignore[arg-type]


def test_stored_clips_are_what_was_loaded(named: Path, tmp_path: Path) -> None:
    """Each clip lies under its digest, bit for bit."""
    clip_set = load_clips(named)
    store_clips(clip_set, tmp_path / "store")
    store_clips(clip_set, tmp_path / "store")
    for clip in clip_set.clips:
        stored = np.load(tmp_path / "store" / f"{clip.digest}.npy")
        assert sample_digest(stored) == clip.digest
    assert len(list((tmp_path / "store").iterdir())) == 3


def test_damaged_stored_clips_are_made_again(
    named: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Cut, flipped, emptied, of other samples, or no array at all; whole ones are left alone."""
    clip_set, store = load_clips(named), tmp_path / "store"
    store_clips(clip_set, store)
    paths = [store / f"{clip.digest}.npy" for clip in clip_set.clips]
    whole = paths[0].read_bytes()
    flipped = whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:]
    for damaged in (b"", whole[:-7], flipped, paths[1].read_bytes(), b"PK\x03\x04"):
        before = paths[1].stat().st_mtime_ns
        paths[0].write_bytes(damaged)
        caplog.clear()
        store_clips(clip_set, store)
        assert paths[0].read_bytes() == whole
        assert f"{paths[0]}: damaged; recreated" in caplog.text
        assert paths[1].stat().st_mtime_ns == before


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Each album has a "01.wav": what a run remembers of its clips goes by name."""
    for number, name in enumerate(("a/01.wav", "b/01.wav", "b/02.wav")):
        write(tmp_path, name, noise(12, seed=number))
    clip_set = load_clips(tmp_path)
    assert [c.name for c in clip_set.clips] == ["a/01.wav", "b/01.wav", "02.wav"]
    clip_set = load_clips(tmp_path, Excerpting(duration_s=5, per_file=2))
    names = [c.name for c in clip_set.clips]
    assert len(set(names)) == len(names) == 6
    assert names[0].startswith("a/01.wav @")
    rows = [["file", "side"], ["a/01.wav", "tune"], ["./b/01.wav", "holdout"]]
    with (tmp_path / "manifest.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    assert [c.name for c in load_clips(tmp_path).clips] == ["a/01.wav", "./b/01.wav"]


def test_a_manifest_may_name_the_kind_of_a_clip(tmp_path):
    """Lower case, empty where it does not."""
    rng = np.random.default_rng(0)
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", 0.1 * rng.standard_normal(48_000 * 3), 48_000)
    rows = "file,side,category\na.wav,tune,Speech \nb.wav,holdout,\n"
    (tmp_path / "manifest.csv").write_text(rows)
    assert [clip.category for clip in load_clips(tmp_path).clips] == ["speech", ""]


def test_every_kind_is_on_both_sides(tmp_path: Path) -> None:
    """Half of each kind is held out, by the manifest's word or by a guess; groups stay together."""
    kinds = ["speech"] * 4 + ["music"] * 6 + ["mono"]
    for number in range(len(kinds)):
        write(tmp_path, f"{number:02}.wav", noise(3, seed=number))
    guessed = load_clips(tmp_path, guess=lambda pcm: "speech" if pcm[0, 0] > 0 else "music")
    for category, part in guessed.categories.items():
        assert abs(len(part.tune) - len(part.holdout)) <= 1, category
    assert abs(len(guessed.tune) - len(guessed.holdout)) == 1

    rows = [
        {"file": f"{n:02}.wav", "category": kind, "group": "one" if n in (0, 1) else ""}
        for n, kind in enumerate(kinds)
    ]
    write_manifest(tmp_path, rows)
    parts = load_clips(tmp_path, guess=lambda _: "never asked").categories
    assert list(parts) == ["mono", "music", "speech"]
    assert len(parts["music"].tune) == len(parts["music"].holdout) == 3
    sides = {Path(clip.source).name: clip.side for clip in parts["speech"].clips}
    assert sides["00.wav"] == sides["01.wav"]
    assert set(sides.values()) == {"tune", "holdout"}

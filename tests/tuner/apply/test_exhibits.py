"""Exhibits: which clips are chosen, and what is written to be heard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tuner.apply.exhibits import choose_clips, write_exhibits
from tuner.errors import RunError
from tuner.exhibits import FOLDER, read_index
from tuner.records import (
    Answer,
    Candidate,
    ClipRecord,
    Provenance,
    Results,
    SideResult,
    Timing,
    Verdict,
)
from tuner.sound.audio import SAMPLE_RATE, Pcm
from tuner.sound.loudness import loudness_lufs

GAINS = {"a": -2.0, "b": 5.0, "c": 1.0, "d": 3.0, "e": 0.0}


@dataclass
class Player:
    """Plays noise; `louder` is what coding adds in level, by trial."""

    run: Path
    louder: tuple[float, ...] = (1.0, 1.25)
    level: float = 0.1

    def load(self, clip: ClipRecord) -> Pcm:
        rng = np.random.default_rng(ord(clip.digest[0]))
        return (self.level * rng.standard_normal((2, SAMPLE_RATE))).astype(np.float32)

    def coded(self, clip: ClipRecord, reference: Pcm, candidate: Candidate) -> Pcm:
        return reference * np.float32(self.louder[candidate.trial])


def side(lift: float) -> SideResult:
    scores = {digest: 50 + lift * gain for digest, gain in GAINS.items()}
    return SideResult(64.0, 64.0, {"insenet": scores}, {}, {})


def make_bitrate(kbps: float = 64.0) -> Answer:
    default = Candidate(0, "abr", {}, [], {"holdout": side(0.0)})
    tuned = Candidate(1, "abr", {}, [], {"holdout": side(1.0)})
    return Answer(kbps, Verdict("confirmed", ""), 1, [default, tuned], [], Timing())


def make_results(*bitrates: Answer) -> Results:
    clips = [ClipRecord(d, f"{d}.wav", "holdout", 1.0, 2, f"{d}.wav", 0.0) for d in GAINS]
    provenance = Provenance("", "", 0, {}, "fake", "1", "fake", "0", "1", {}, "", "", "", None)
    return Results(clips, list(bitrates), provenance)


def test_worst_and_best_are_chosen() -> None:
    """So many of either end; all where there are no more; none where nothing was tuned."""
    bitrate = make_bitrate()
    assert choose_clips(bitrate, 1) == {"a", "b"}
    assert choose_clips(bitrate, 2) == {"a", "e", "d", "b"}
    assert choose_clips(bitrate, 3) == set(GAINS) == choose_clips(bitrate, "all")
    assert choose_clips(bitrate, 0) == set()
    alone = Answer(64.0, bitrate.verdict, 0, bitrate.candidates[:1], [], Timing())
    assert choose_clips(alone, "all") == set()


def test_sounds_are_lossless_and_equally_loud(tmp_path: Path) -> None:
    """24-bit WAV at 48 kHz; what coding made louder is brought back, the reference stays."""
    player = Player(tmp_path)
    written = write_exhibits(player, make_results(make_bitrate()), 1)  # type: ignore[arg-type]
    assert read_index(tmp_path) == written
    assert {(e.clip, e.role) for e in written} == {
        (clip, role) for clip in "ab" for role in ("reference", "default", "tuned")
    }
    levels = {}
    for exhibit in written:
        path = tmp_path / FOLDER / exhibit.file
        info = soundfile.info(path)
        assert (info.format, info.subtype, info.samplerate) == ("WAV", "PCM_24", SAMPLE_RATE)
        samples = soundfile.read(path, dtype="float32")[0].T
        levels[exhibit.clip, exhibit.role] = loudness_lufs(samples)
        assert exhibit.gain_db == pytest.approx(-1.94 if exhibit.role == "tuned" else 0, abs=0.01)
    for clip in "ab":
        own = [levels[clip, role] for role in ("reference", "default", "tuned")]
        assert max(own) - min(own) < 0.05


def test_a_clip_that_would_clip_is_turned_down_as_a_whole(tmp_path: Path) -> None:
    """The reference peaks over full scale: all its sounds lose the same, at every bitrate."""
    player = Player(tmp_path, louder=(1.0, 1.0), level=0.4)
    results = make_results(make_bitrate(64.0), make_bitrate(96.0))
    written = write_exhibits(player, results, 1)  # type: ignore[arg-type]
    for clip in "ab":
        gains = {e.gain_db for e in written if e.clip == clip}
        assert len(gains) == 1 and gains.pop() < -2
    files = {e.file for e in written if e.role == "reference"}
    assert len(files) == 2, "a reference serves both bitrates"
    peaks = [np.abs(soundfile.read(tmp_path / FOLDER / e.file)[0]).max() for e in written]
    assert max(peaks) == pytest.approx(10 ** (-1 / 20), abs=1e-4)


def test_what_an_earlier_session_wrote_is_replaced(tmp_path: Path) -> None:
    """No file is left that the index does not name."""
    player = Player(tmp_path)
    write_exhibits(player, make_results(make_bitrate()), "all")  # type: ignore[arg-type]
    written = write_exhibits(player, make_results(make_bitrate()), 1)  # type: ignore[arg-type]
    on_disk = {path.name for path in (tmp_path / FOLDER).glob("*.wav")}
    assert on_disk == {exhibit.file for exhibit in written}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with pytest.raises(RunError, match=f"{FOLDER}: cannot be written"):
        write_exhibits(Player(tmp_path), make_results(make_bitrate()), 1)  # type: ignore[arg-type]

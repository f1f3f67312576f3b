"""References: the plan is fair and repeatable, every kind can be made, programs are asked for."""

import collections
import io
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from tuner.errors import ClipError
from tuner.sound.synth import synthesize
from tuner.training import material
from tuner.training.compose import ORCHESTRATIONS, compose
from tuner.training.material import EXCERPT_S, Material, Source, plan

LENGTH = round(EXCERPT_S * 48_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One recording at another rate."""
    pcm = synthesize("plucked", 1, 5.0)
    soundfile.write(tmp_path / "a.flac", pcm[:, : 44_100 * 5].T, 44_100)
    return tmp_path


def test_plan_repeats_and_a_prefix_stays() -> None:
    """More references leave the first ones as they are: labels keep their place."""
    assert plan(["a.flac", "b.flac"], 50, 0) == plan(["b.flac", "a.flac"], 80, 0)[:50]
    assert plan(["a.flac"], 50, 0) != plan(["a.flac"], 50, 1)


def test_plan_mixes_kinds() -> None:
    """About three in ten are recordings; without recordings scores take their place."""
    kinds = collections.Counter(source.kind for source in plan(["a.flac"], 1000, 0))
    assert 250 < kinds["recording"] < 350
    assert min(kinds.values()) > 80
    assert {source.kind for source in plan([], 200, 0)} == {"score", "sound", "speech"}


def test_a_recording_is_varied(folder: Path) -> None:
    """Cut, slowed down, narrowed, turned down: still the length of an excerpt."""
    source = Source("recording", "a.flac", start=0.5, gain_db=-12, width=0.5, speed=0.9)
    pcm = Material((source,), folder).read(0)
    assert pcm.shape == (2, LENGTH)
    assert np.max(np.abs(pcm)) < 10 ** (-12 / 20)


def test_a_mix_holds_both(folder: Path) -> None:
    """Another source is added at its level, and nothing exceeds full scale."""
    sources = (
        Source("sound", "bells", seed=3),
        Source("sound", "drums", seed=4, mixed_with=0, mix_db=0.0),
        Source("sound", "drums", seed=4),
    )
    plans = Material(sources, folder)
    mixed, alone = plans.read(1), plans.read(2)
    assert np.max(np.abs(mixed)) <= 1
    assert np.max(np.abs(mixed - alone)) > 0.01


def test_mono_has_one_channel(folder: Path) -> None:
    """Mono references are one channel, not two equal ones."""
    assert Material((Source("sound", "organ", mono=True),), folder).read(0).shape[0] == 1


@pytest.mark.parametrize("orchestration", sorted(ORCHESTRATIONS))
def test_scores_are_music(orchestration: str) -> None:
    """Each orchestration gives a MIDI file of about the length asked for, another by seed."""
    score = compose(orchestration, 1, 30.0)
    file = mido.MidiFile(file=io.BytesIO(score))
    assert 20 < file.length < 40
    notes = [message for message in file.tracks[0] if message.type == "note_on"]
    assert len(notes) > 20
    assert compose(orchestration, 1, 30.0) == score
    assert compose(orchestration, 2, 30.0) != score


@pytest.mark.parametrize(
    "source", [Source("score", "jazz trio", seed=12), Source("speech", "de+f2", seed=1)]
)
def test_programs_render_sound(source: Source, folder: Path) -> None:
    """A score and a voice, the same each time, of the length of an excerpt."""
    first, second = (Material((source,), folder).read(0) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape[1] == LENGTH
    assert float(np.sqrt(np.mean(np.square(first)))) > 0.001


def test_missing_programs_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the program and the Debian package."""
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(ClipError, match=r"espeak-ng.*install the Debian package"):
        Material((Source("speech", "en-gb+m1"),), folder).read(0)
    monkeypatch.setenv(material.SOUNDFONT_VARIABLE, "/nowhere/font.sf2")
    with pytest.raises(ClipError, match=r"font\.sf2"):
        material.find_soundfont()

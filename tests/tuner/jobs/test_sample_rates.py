"""Encoders get the source's rate; scorers hear 48 kHz, and the resampler on neither side."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from encoders.ac3 import Ac3
from encoders.lame_ffmpeg import LameFfmpeg
from tuner.encoder import SOURCE, Encoded, Settings, converting, default_settings
from tuner.errors import EncoderFailed, MachineError, StudyError
from tuner.jobs.cache import Cache
from tuner.jobs.job import ClipRef, Job, load_reference, run_job
from tuner.jobs.sample_rates import TO_STEREO, check_rates, tell_rates
from tuner.pcm import find_depth, to_grid
from tuner.records import Candidate
from tuner.sound.audio import Pcm, resample, sample_digest
from tuner.sound.clips import Clip
from tuner.testing import FakeEncoder, FakeScorer

RATE = 44_100


@dataclass(frozen=True)
class _Exact(FakeEncoder):
    """Takes 44.1 kHz alone, and loses nothing."""

    def encode(self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float) -> Encoded:
        if sample_rate != RATE:
            said = f"\x1b[1mFake {'1.0 ' * 99}\x1b[0m\nunsupported rate {sample_rate}\n"
            raise EncoderFailed("exit code 1", ["fake"], 1, said)
        encoded = super().encode(pcm, sample_rate, settings, knob)
        return replace(encoded, data=encoded.data[:12] + pcm.astype("<f4").tobytes())


@dataclass(frozen=True)
class _Same(FakeScorer):
    """Scores 100 for what is the same to the bit, at 48 kHz; else 0."""

    def score(self, reference: Pcm, coded: Pcm):  # type: ignore[no-untyped-def]
        score = super().score(reference, coded)
        same = np.array_equal(reference, coded) and reference.shape[1] == 24_000
        return replace(score, mean=100.0 if same else 0.0)


@pytest.fixture
def noise() -> Pcm:
    """Half a second at 44.1 kHz, up to its last hertz: no resampler leaves that alone."""
    return to_grid(np.random.default_rng(1).uniform(-0.5, 0.5, (2, RATE // 2)))


def clip(pcm: Pcm, rate: int, name: str = "a.wav") -> Clip:
    return Clip(sample_digest(pcm, rate), name, "tune", f"/{name}", 0.0, pcm, rate=rate)


def test_the_resampler_is_heard_on_neither_side(tmp_path: Path, noise: Pcm) -> None:
    """What a codec gave back to the bit is its reference to the bit."""
    path = tmp_path / "clip.npy"
    np.save(path, noise)
    ref = ClipRef(sample_digest(noise, RATE), str(path), 2, 0.5, RATE)
    job = Job(_Exact(), default_settings(_Exact()), 64.0, ref, (_Same(),))
    outcome = run_job(job, Cache(tmp_path / "cache"))
    assert outcome.scores["fake"].mean == 100.0
    np.testing.assert_array_equal(load_reference(ref), resample(noise, RATE))


def test_an_encoder_that_refuses_a_rate_says_so_at_once(noise: Pcm) -> None:
    """By files' names, with what it said and what to do; nothing is asked about what it takes."""
    settings = [default_settings(_Exact())]
    good = clip(noise, RATE)
    check_rates(_Exact(), settings, [good])
    bad = [clip(noise, 96_000, f"{n}.flac") for n in range(5)]
    with pytest.raises(StudyError) as told:
        check_rates(_Exact(), settings, [good, *bad])
    message = str(told.value)
    assert "96 kHz, stereo (0.flac, 1.flac, 2.flac and 2 more): … " in message
    assert "1.0 unsupported rate 96000\n" in message and "\x1b" not in message
    assert "--rate 48000" in message and "a.wav" not in message
    assert "--downmix" not in message
    with pytest.raises(MachineError, match="no such file"):
        check_rates(_Exact(binary="/nowhere/x"), settings, bad)


def test_an_encoder_that_takes_stereo_only_says_so_at_once(noise: Pcm) -> None:
    """By the layout's name, the file's, and what to do."""
    encoder = LameFfmpeg()
    bad = clip(np.repeat(noise[:1], 6, axis=0), RATE, "film.wav")
    with pytest.raises(StudyError) as told:
        check_rates(encoder, [default_settings(encoder)], [clip(noise, RATE), bad])
    assert "44.1 kHz, 5.1 (film.wav): " in str(told.value)
    assert "does not encode 5.1, only mono, stereo" in str(told.value)
    assert told.value.remedy == f"Remove these files, or {TO_STEREO}."
    check_rates(Ac3(), [default_settings(Ac3())], [bad])


def test_rates_in_words(noise: Pcm) -> None:
    """How many clips are at which; or what all were brought to."""
    clips = [clip(noise, rate) for rate in (48_000, RATE, RATE)]
    assert "44.1 kHz (2 clips), 48 kHz (1 clip)" in tell_rates(clips, None)
    assert "resampled to 44.1 kHz" in tell_rates(clips, RATE)


def test_a_rate_stands_in_the_command(tmp_path: Path, noise: Pcm) -> None:
    """The step before it runs as it is shown, and gives a file of that rate and 24 bits."""
    convert = converting(32_000)
    candidate = Candidate(0, "abr", {}, ["lame", convert[-1], "x.mp3"], {}, convert=convert)
    assert candidate.shown.startswith("ffmpeg -i input.wav -ar 32000 ")
    assert candidate.shown.endswith("input-32000.wav && lame input-32000.wav x.mp3")
    assert converting(None) == []
    both = converting(32_000, to_stereo=True)
    assert both[3:7] == ["-af", "aformat=channel_layouts=stereo|mono", "-ar", "32000"]
    soundfile.write(tmp_path / SOURCE, noise.T, RATE)
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, *convert[1:]], cwd=tmp_path, check=True, capture_output=True)
    made, rate = soundfile.read(tmp_path / convert[-1], dtype="float32", always_2d=True)
    assert (rate, find_depth(made.T), soundfile.info(tmp_path / convert[-1]).subtype) == (
        32_000, 24, "PCM_24",
    )  # fmt: skip
    # Within ffmpeg's own resampler's band, it is what the search encoded.
    ours = resample(noise, RATE, 32_000)
    error = np.std(made.T[:, 1000:15_000] - ours[:, 1000:15_000])
    assert error < 0.2 * np.std(ours)

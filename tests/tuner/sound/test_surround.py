"""Surround sound is scored as stereo pairs, of which the lowest counts."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from tuner.answer.diagnosis import METERS
from tuner.encoder import SOURCE, converting
from tuner.errors import ScoreError
from tuner.layout import LAYOUTS, declare_speakers
from tuner.scorer import Score
from tuner.sound.audio import SAMPLE_RATE, Pcm
from tuner.sound.surround import (
    MINUS_3_DB,
    downmix,
    find_pairs,
    score_signal,
    score_signals,
    split_pairs,
    tell_channels,
)
from tuner.testing import FakeScorer
from tuner.testing.clips import make_surround

#: A tone for every speaker; the LFE's is one that subwoofers play.
TONES = {
    "FL": 500, "FR": 600, "FC": 700, "LFE": 50, "BL": 800, "BR": 900, "BC": 1000, "SL": 1100,
    "SR": 1200,
}  # fmt: skip


def tones(channels: int) -> Pcm:
    time_s = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    speakers = LAYOUTS[channels].speakers
    made = [0.1 * np.sin(2 * np.pi * TONES[speaker] * time_s) for speaker in speakers]
    return np.stack(made).astype(np.float32)


def heard(signal: Pcm) -> dict[str, float]:
    """Speakers whose tones are in a signal, and their levels relative to their own channel."""
    inner = signal[SAMPLE_RATE // 4 : SAMPLE_RATE * 3 // 4]
    spectrum = np.abs(np.fft.rfft(inner * np.hanning(inner.size))) * 4 / inner.size / 0.1
    levels = {speaker: float(spectrum[hz // 2]) for speaker, hz in TONES.items()}
    return {speaker: round(level, 2) for speaker, level in levels.items() if level > 0.01}


@pytest.mark.parametrize(
    ("channels", "pairs"),
    [
        (3, {"front": "FL FR"}),
        (4, {"front": "FL FR", "surround": "BL BR"}),
        (5, {"front": "FL FR", "surround": "BL BR"}),
        (6, {"front": "FL FR", "surround": "BL BR"}),
        (7, {"front": "FL FR", "surround": "SL SR"}),
        (8, {"front": "FL FR", "surround": "SL SR", "back": "BL BR"}),
    ],
)
def test_who_is_heard_in_which_pair(channels: int, pairs: dict[str, str]) -> None:
    """Left and right of its own, and at -3 dB what stands in the middle: nobody is left out."""
    found = {name: [*map(heard, pair)] for name, pair in split_pairs(tones(channels)).items()}
    shared = {s: 0.71 for s in ("FC", "LFE") if s in LAYOUTS[channels].speakers}
    for name, (left, right) in found.items():
        rear = {"BC": 0.71} if channels == 7 and name == "surround" else {}
        own = pairs[name].split()
        assert left == {own[0]: 1.0, **shared, **rear}
        assert right == {own[1]: 1.0, **shared, **rear}
    assert found.keys() == pairs.keys()


def test_the_lfe_is_heard_as_subwoofers_play_it() -> None:
    """Up to 120 Hz; a codec may take away what is above."""
    pcm = np.zeros((6, SAMPLE_RATE), np.float32)
    pcm[3] = np.sin(2 * np.pi * 400 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    assert np.abs(split_pairs(pcm)["front"][:, 4800:-4800]).max() < 1e-3


@pytest.mark.parametrize("channels", range(1, 9))
def test_the_downmix_is_ffmpegs(tmp_path: Path, channels: int) -> None:
    """After ITU-R BS.775, without the LFE, and no louder than full scale."""
    pcm = np.random.default_rng(3).uniform(-1, 1, (channels, 4800)).astype(np.float32)
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    soundfile.write(source, pcm.T, SAMPLE_RATE, "PCM_24", format="WAVEX")
    declare_speakers(source, channels)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", source]
    command += [*(["-ac", "2"] if channels > 2 else []), "-c:a", "pcm_s24le", target]
    subprocess.run(command, check=True)
    mixed, _ = soundfile.read(target, dtype="float32", always_2d=True)
    np.testing.assert_allclose(downmix(pcm), mixed.T, atol=1e-4)
    assert np.abs(downmix(np.ones_like(pcm))).max() <= 1 + 1e-6


@pytest.mark.parametrize("sample_format", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_the_shown_command_mixes_alike(tmp_path: Path, channels: int, sample_format: str) -> None:
    """What a user types makes of a file what the search encoded; mono stays mono."""
    source = tmp_path / SOURCE
    pcm = np.random.default_rng(3).uniform(-1, 1, (channels, 4800)).astype(np.float32)
    soundfile.write(source, pcm.T, SAMPLE_RATE, sample_format, format="WAVEX")
    declare_speakers(source, channels)
    convert = converting(None, to_stereo=True)
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, *convert[1:]], cwd=tmp_path, check=True, capture_output=True)
    mixed, rate = soundfile.read(tmp_path / convert[-1], dtype="float32", always_2d=True)
    assert rate == SAMPLE_RATE
    heard, _ = soundfile.read(source, dtype="float32", always_2d=True)
    np.testing.assert_allclose(mixed.T, downmix(heard.T), atol=1e-6)


@dataclass(frozen=True)
class Listener(FakeScorer):
    """Says how loud the noise in the pair is, in points."""

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        assert len(reference) == 2
        lost = 1000 * float(np.abs(coded - reference).mean())
        return Score(100 - lost, windows=(99 - lost,))


def test_the_lowest_pair_counts() -> None:
    """With all that is said of it; noise of the centre is in every pair."""
    reference, noise = tones(8), np.float32(0.01) * (-1) ** np.arange(SAMPLE_RATE)
    for speaker, lowest in (("FR", "front"), ("SL", "surround"), ("BR", "back")):
        coded = reference.copy()
        coded[LAYOUTS[8].speakers.index(speaker)] += noise
        score = score_signal(Listener("x"), reference, coded)
        assert (score.pair, round(score.mean), round(score.windows[0])) == (lowest, 95, 94)
    coded = reference.copy()
    coded[2] += noise
    assert score_signal(Listener("x"), reference, coded).mean == pytest.approx(92.9, abs=0.1)


def test_batches_score_as_single_signals_do() -> None:
    """Stereo and surround in one batch, each with its own pairs."""
    signals = [(tones(n), tones(n) * np.float32(1 - 0.01 * n)) for n in (2, 6, 8, 1)]
    listener = FakeScorer("x")
    together = score_signals(lambda pairs: [listener.score(*pair) for pair in pairs], signals)
    assert together == [score_signal(listener, *each) for each in signals]
    assert [score.pair != "" for score in together] == [False, True, True, False]


def test_a_silent_pair_is_not_scored() -> None:
    """There is nothing to score it against; where all is silent, all is scored."""
    quad = tones(4)
    quad[2:] = 0
    assert find_pairs(quad, quad).keys() == {"front"}
    assert find_pairs(0 * quad, 0 * quad).keys() == {"front", "surround"}
    with pytest.raises(ScoreError, match="differ in shape"):
        find_pairs(quad, quad[:, 1:])


def test_the_diagnosis_is_of_the_worst_pair() -> None:
    """Each figure of its own; but clipping is of channels, which mixed would clip by themselves."""
    reference = make_surround(6, 3.0)
    coded = reference.copy()
    coded[4:] += 0.02 * np.random.default_rng(2).standard_normal(coded[4:].shape).astype(np.float32)
    meters = {meter.name: meter for meter in METERS}
    noise = meters["noise_db"]
    found = score_signal(noise, reference, coded)
    pairs = find_pairs(reference, coded)
    assert found == Score(noise.score(*pairs["surround"]).mean, pair="surround")
    assert found.mean > noise.score(*pairs["front"]).mean + 10
    loud = np.full((6, 4800), 0.7, np.float32)
    assert score_signal(meters["clipping_db"], loud, loud * 1.1).mean == 0.0


def test_readers_are_told() -> None:
    """Of what was scored, or mixed; of stereo nothing."""
    (told,) = tell_channels([2, 6, 6, 8], mixed=False)
    assert "5.1 (2 clips), 7.1 (1 clip)" in told and "nobody has compared" in told
    assert "mixed to stereo" in tell_channels([2], mixed=True)[0]
    assert tell_channels([1, 2], mixed=False) == []
    assert pytest.approx(0.7071, abs=1e-4) == MINUS_3_DB

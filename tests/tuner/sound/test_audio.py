"""Reading, resampling and aligning."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tuner.errors import AlignmentError, ClipError, DecodeFailed
from tuner.sound.audio import (
    SAMPLE_RATE,
    align,
    find_delay,
    lowpass,
    read_audio,
    resample,
    sample_digest,
)


def noise(samples: int = 48_000, channels: int = 2, seed: int = 0) -> np.ndarray:
    """White noise, float32 ``[C, T]``."""
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((channels, samples))).astype(np.float32)


@pytest.mark.parametrize("delay", [0, 1, 1105, 3315, -500])
def test_delay_is_removed_to_the_sample(delay: int) -> None:
    """Late and early signals are found, moved back and trimmed to the reference."""
    reference = noise()
    late = np.pad(reference, ((0, 0), (delay, 300))) if delay >= 0 else reference[:, -delay:]
    aligned, found = align(reference, late)
    assert found == delay
    assert aligned.shape == reference.shape
    begin = max(-delay, 0)
    assert np.array_equal(aligned[:, begin:], reference[:, begin:])


def test_inverted_side_does_not_confuse() -> None:
    """Every channel is compared with its own: an antiphase signal still aligns."""
    left = noise(channels=1)
    reference = np.concatenate([left, -left])
    assert find_delay(reference, np.pad(reference, ((0, 0), (77, 0))))[0] == 77


def test_delay_of_a_very_short_signal_is_found() -> None:
    """Signals shorter than the longest delay searched for do not wrap around."""
    reference = noise(samples=1000)
    assert find_delay(reference, np.pad(reference, ((0, 0), (100, 0))))[0] == 100


def test_mono_decode_of_stereo_is_copied_to_both() -> None:
    """A codec that sends mono is scored against both channels."""
    reference = np.repeat(noise(channels=1), 2, axis=0)
    aligned, _ = align(reference, reference[:1])
    assert np.array_equal(aligned, reference)


def test_failures_are_errors_not_scores() -> None:
    """NaN, silence, missing ends, unrelated signals and wrong channels raise."""
    reference = noise()
    broken = reference.copy()
    broken[0, 10] = np.nan
    cases = [
        (broken, DecodeFailed, "NaN"),
        (np.zeros_like(reference), DecodeFailed, "silent"),
        (reference[:, :24_000], DecodeFailed, "too short"),
        (noise(seed=1), AlignmentError, "line up"),
        (noise(channels=3), DecodeFailed, "channels"),
    ]
    for decoded, kind, told in cases:
        with pytest.raises(kind, match=told):
            align(reference, decoded)


def test_silence_aligns_with_silence() -> None:
    """Digital silence codes to silence at any delay."""
    silent = np.zeros((2, 48_000), np.float32)
    aligned, delay = align(silent, silent[:, :47_000])
    assert delay == 0
    assert not aligned.any()


def test_resampling_keeps_level_and_length() -> None:
    """A 1 kHz tone at 44.1 kHz keeps its amplitude to 0.1 % and its length at 48 kHz."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(44_100) / 44_100)[None].astype(np.float32)
    resampled = resample(tone, 44_100)
    assert resampled.shape == (1, SAMPLE_RATE)
    middle = resampled[0, 1000:-1000]
    assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(1, rel=1e-3)
    assert resample(tone, SAMPLE_RATE) is tone


def test_digest_follows_samples_and_shape() -> None:
    """One sample or another shape gives another name."""
    pcm = noise(1000)
    changed = pcm.copy()
    changed[0, 0] += 1e-6
    assert len({sample_digest(p) for p in (pcm, changed, pcm.reshape(1, -1))}) == 3


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg"])
def test_common_formats_are_read(tmp_path: Path, suffix: str) -> None:
    """Shape ``[C, T]`` and the file's rate."""
    path = tmp_path / f"x{suffix}"
    soundfile.write(path, noise().T, SAMPLE_RATE)
    pcm, rate = read_audio(path)
    assert rate == SAMPLE_RATE
    assert pcm.shape[0] == 2
    assert pcm.shape[1] >= 48_000


def test_what_is_no_audio_is_told(tmp_path: Path) -> None:
    """The message names the file."""
    path = tmp_path / "text.wav"
    path.write_text("no audio at all")
    for wrong in (path, tmp_path / "none.wav", tmp_path):
        with pytest.raises(ClipError) as told:
            read_audio(wrong)
        assert told.value.where == str(wrong)


def test_anchor_is_a_lowpass() -> None:
    """An octave above the cut-off 90 dB are gone, an octave below nothing."""
    seconds = np.arange(48_000) / 48_000
    for hz, low, high in ((7000, -120.0, -90.0), (1750, -0.1, 0.1)):
        tone = np.sin(2 * np.pi * hz * seconds)[None].astype(np.float32)
        middle = lowpass(tone, 3500.0)[:, 4800:-4800]
        gain_db = 20 * np.log10(np.std(middle) / np.std(tone[:, 4800:-4800]))
        assert low < gain_db < high

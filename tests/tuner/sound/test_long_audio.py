"""Files read block by block are what they are as a whole."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from tuner.errors import ClipError
from tuner.sound import long_audio
from tuner.sound.audio import SAMPLE_RATE, read_audio, resample
from tuner.sound.long_audio import find_duration, write_wav
from tuner.sound.surround import downmix


def write(path: Path, rate: int, channels: int, seconds: float = 3.0) -> Path:
    noise = np.random.default_rng(2).standard_normal((round(rate * seconds), channels))
    soundfile.write(path, 0.1 * noise, rate)
    return path


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 1), (48_000, 2), (96_000, 2)])
def test_the_same_samples(rate: int, channels: int, tmp_path: Path) -> None:
    """As read and resampled in one piece, to the rounding of 24 bits; without a rate as it is."""
    source = write(tmp_path / "in.flac", rate, channels)
    assert find_duration(source) == pytest.approx(3.0)
    write_wav(source, tmp_path / "same.wav")
    own, own_rate = soundfile.read(tmp_path / "same.wav", dtype="float32", always_2d=True)
    assert (own_rate, soundfile.info(tmp_path / "same.wav").subtype) == (rate, "PCM_16")
    np.testing.assert_array_equal(own.T, read_audio(source)[0])
    write_wav(source, tmp_path / "out.wav", SAMPLE_RATE)
    written, written_rate = soundfile.read(tmp_path / "out.wav", always_2d=True)
    assert written_rate == SAMPLE_RATE
    whole = resample(*read_audio(source))
    assert written.T.shape == whole.shape
    np.testing.assert_allclose(written.T, whole, atol=2**-22)


def test_surround_is_written_with_its_speakers(tmp_path: Path) -> None:
    """FFmpeg takes three channels without them for 2.1. Or it is mixed to stereo, by blocks."""
    source = write(tmp_path / "surround.wav", 48_000, 3)
    write_wav(source, tmp_path / "own.wav")
    with av.open(str(tmp_path / "own.wav")) as container:
        assert container.streams.audio[0].layout.name == "3.0"
    pcm, _ = read_audio(source)
    np.testing.assert_array_equal(read_audio(tmp_path / "own.wav")[0], pcm)
    write_wav(source, tmp_path / "mixed.wav", to_stereo=True)
    np.testing.assert_allclose(read_audio(tmp_path / "mixed.wav")[0], downmix(pcm), atol=2**-15)


def test_what_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine channels, silence of bytes, and more than a WAV file holds."""
    with pytest.raises(ClipError, match="has 9 channels; at most 8"):
        write_wav(write(tmp_path / "surround.wav", 48_000, 9), tmp_path / "out.wav")
    (tmp_path / "none.wav").write_bytes(b"")
    for read in (find_duration, lambda path: write_wav(path, tmp_path / "out.wav")):
        with pytest.raises(ClipError, match=r"none\.wav: empty file"):
            read(tmp_path / "none.wav")
    monkeypatch.setattr(long_audio, "WAV_BYTES", 100_000)
    with pytest.raises(ClipError, match="split it"):
        write_wav(write(tmp_path / "long.wav", 48_000, 2), tmp_path / "out.wav")

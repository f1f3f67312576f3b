"""Layouts are those of FFmpeg and of WAV files, as FFmpeg itself has them."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from tuner.layout import LAYOUTS, MOST_CHANNELS, declare_speakers, name_layout, wav_format


@pytest.mark.parametrize("channels", sorted(LAYOUTS))
def test_speakers_are_in_ffmpegs_order(channels: int) -> None:
    """Which decoders give them in."""
    layout = LAYOUTS[channels]
    for name in (layout.name, *layout.aliases):
        known = [each.name for each in av.AudioLayout(name).channels]
        alike = [each.replace("S", "B") if layout.aliases else each for each in known]
        assert tuple(alike) == layout.speakers, name


@pytest.mark.parametrize("channels", range(3, MOST_CHANNELS + 1))
def test_a_wav_file_declares_its_speakers(tmp_path: Path, channels: int) -> None:
    """FFmpeg reads the layout out of it, and the samples stay."""
    path = tmp_path / "x.wav"
    pcm = np.random.default_rng(1).uniform(-1, 1, (4800, channels)).astype(np.float32)
    soundfile.write(path, pcm, 48_000, "FLOAT", format=wav_format(channels))
    declare_speakers(path, channels)
    with av.open(str(path)) as container:
        assert container.streams.audio[0].layout.name == name_layout(channels)
    np.testing.assert_array_equal(soundfile.read(path, dtype="float32")[0], pcm)


def test_names() -> None:
    """Also of what has no layout."""
    assert [name_layout(n) for n in (1, 2, 6, 9)] == ["mono", "stereo", "5.1", "9 channels"]

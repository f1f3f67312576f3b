"""The anchors' filter keeps the mask of BS.1534-3, by the response that is measured."""

import numpy as np
import pytest

from tuner.listening.anchors import anchor
from tuner.sound.audio import SAMPLE_RATE


def gain_db(cutoff_hz: float, hz: np.ndarray) -> np.ndarray:
    """Of tones of a second, in the middle, where the filter has settled."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tones = np.sin(2 * np.pi * hz[:, None] * time).astype(np.float32)
    inner = slice(SAMPLE_RATE // 4, -SAMPLE_RATE // 4)
    before, after = (
        np.sqrt((x[:, inner] ** 2).mean(axis=1)) for x in (tones, anchor(tones, cutoff_hz))
    )
    return 20 * np.log10(after / before)


@pytest.mark.parametrize("scale", [1, 2])
def test_the_mask_of_the_standard(scale: int) -> None:
    """±0.1 dB up to 3.5 kHz, 25 dB from 4 kHz, 50 dB from 4.5 kHz; twice that for 7 kHz."""
    cutoff = 3_500.0 * scale
    assert np.abs(gain_db(cutoff, np.linspace(20, cutoff, 60))).max() < 0.1
    assert gain_db(cutoff, np.linspace(4_000 * scale, 4_500 * scale, 20)).max() < -25
    assert gain_db(cutoff, np.linspace(4_500 * scale, 20_000, 60)).max() < -50


def test_an_anchor_stays_aligned_and_of_its_length() -> None:
    """A symmetric filter: what is below the cut-off is where it was."""
    time = np.arange(4_801) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 440 * time)[None].astype(np.float32)
    filtered = anchor(tone, 3_500.0)
    assert filtered.shape == tone.shape
    np.testing.assert_allclose(filtered[:, 480:-480], tone[:, 480:-480], atol=0.01)


def test_a_clip_shorter_than_the_filter_is_kept_as_long() -> None:
    assert anchor(np.ones((2, 100), np.float32), 3_500.0).shape == (2, 100)

"""Loudness and the gains made from it."""

import math

import numpy as np
import pytest

from tuner.errors import ClipError
from tuner.sound.audio import SAMPLE_RATE
from tuner.sound.loudness import loudness_lufs, matching_gain_db, peak_after


def tone(level):
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * 997 * time))[None].astype(np.float32)


def test_a_full_scale_tone_of_997_hz_is_as_the_standard_says():
    """-3.01 LUFS in one channel (ITU-R BS.1770-4, annex 1)."""
    assert loudness_lufs(tone(1.0)) == pytest.approx(-3.01, abs=0.1)
    assert loudness_lufs(0 * tone(1.0)) == -math.inf


def test_a_gain_makes_equally_loud():
    assert matching_gain_db(loudness_lufs(tone(0.5)), tone(0.25)) == pytest.approx(6.02, abs=0.01)
    assert matching_gain_db(-math.inf, tone(0.5)) == 0
    assert matching_gain_db(-23.0, 0 * tone(0.5)) == 0


def test_the_peak_follows_the_gain():
    assert peak_after(tone(0.5), 20 * math.log10(2)) == pytest.approx(1.0, abs=1e-3)


def test_too_short_is_told():
    with pytest.raises(ClipError, match=r"at least 0\.4 s"):
        loudness_lufs(tone(0.5)[:, :100])

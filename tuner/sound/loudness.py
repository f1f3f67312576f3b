"""Loudness after ITU-R BS.1770-4, by pyloudnorm, and the gains that make sounds equally loud."""

from __future__ import annotations

import math

import numpy as np

from tuner.errors import ClipError
from tuner.sound.audio import SAMPLE_RATE, Pcm

#: Highest sample after levelling, -1 dBFS: reconstruction between samples has room.
HIGHEST_PEAK = 10 ** (-1 / 20)
#: BS.1770 measures in blocks of 400 ms; shorter signals have no loudness.
SHORTEST_S = 0.4


def loudness_lufs(pcm: Pcm) -> float:
    """Integrated loudness, LUFS; -inf for silence.

    Args:
        pcm: float32 ``[C, T]`` at 48 kHz.

    Raises:
        ClipError: shorter than 0.4 s.
    """
    import pyloudnorm

    if pcm.shape[1] < SHORTEST_S * SAMPLE_RATE:
        raise ClipError(f"a clip of {pcm.shape[1]} samples: loudness needs at least {SHORTEST_S} s")
    if not np.any(pcm):
        return -math.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(pcm.T.astype(np.float64)))


def matching_gain_db(target_lufs: float, pcm: Pcm) -> float:
    """Gain that brings `pcm` to the target's loudness, dB; 0 where either is silence.

    Raises:
        ClipError: shorter than 0.4 s.
    """
    gain_db = target_lufs - loudness_lufs(pcm)
    return gain_db if math.isfinite(gain_db) else 0.0


def peak_after(pcm: Pcm, gain_db: float) -> float:
    """Highest sample of `pcm` with a gain."""
    return float(np.max(np.abs(pcm), initial=0.0)) * 10 ** (gain_db / 20)

"""Traits: what kind of sound a clip is, and whether the quality model was taught the like.

A run over clips without attacks says nothing of pre-echo, and one over mono nothing of stereo:
the report uses traits to say what an answer does not cover.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tuner.answer.bands import decibels, find_attacks
from tuner.answer.diagnosis import bandwidth_hz
from tuner.sound.audio import SAMPLE_RATE, Pcm
from tuner.sound.surround import downmix

#: A side signal is not called quieter than this against the mid, dB.
LEAST_SIDE_DB = -80.0

#: Traits whose ranges over the sounds that taught a model travel with its weights. Level is no
#: matter: the model is deaf to it.
COMPARED = ("attacks_per_s", "side_db", "bandwidth_hz", "crest_db")


def measure_traits(
    pcm: Pcm, taught: Mapping[str, tuple[float, float]] | None = None
) -> dict[str, float]:
    """The traits of one clip.

    Args:
        pcm: float32 ``[C, T]`` at 48 kHz; of more than two channels the downmix is measured.
        taught: ranges of traits of the sounds that taught the model, by name.

    Returns:
        ``attacks_per_s``; ``side_db``, level of side against mid (`LEAST_SIDE_DB` for mono);
        ``bandwidth_hz``; ``crest_db``, peak over RMS; ``rms_dbfs``; ``duration_s``;
        ``outside_taught``, how many of these lie outside `taught`.
    """
    pcm = downmix(pcm)
    duration_s = pcm.shape[1] / SAMPLE_RATE
    rms_db = float(decibels(np.mean(np.square(pcm, dtype=np.float64))))
    peak_db = 2 * float(decibels(np.max(np.abs(pcm), initial=0.0)))
    traits = {
        "attacks_per_s": len(find_attacks(pcm)) / duration_s,
        "side_db": _side_db(pcm),
        "bandwidth_hz": bandwidth_hz(pcm, pcm),
        "crest_db": peak_db - rms_db,
        "rms_dbfs": rms_db,
        "duration_s": duration_s,
    }
    outside = [
        name for name, (low, high) in (taught or {}).items() if not low <= traits[name] <= high
    ]
    return traits | {"outside_taught": float(len(outside))}


def trait_ranges(sounds: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Least and most of each of `COMPARED` over the traits of some sounds."""
    return {
        name: (min(each[name] for each in sounds), max(each[name] for each in sounds))
        for name in COMPARED
    }


def _side_db(pcm: Pcm) -> float:
    if len(pcm) != 2:
        return LEAST_SIDE_DB
    left, right = pcm
    mid, side = (
        np.mean(np.square(each, dtype=np.float64)) for each in (left + right, left - right)
    )
    return max(LEAST_SIDE_DB, float(decibels(side) - decibels(mid)))

"""The clips on which encoders are tested: one that is made, and a real one where there is any."""

from __future__ import annotations

import csv
import functools
import os
from pathlib import Path

import numpy as np

from tuner.layout import LAYOUTS
from tuner.sound.audio import SAMPLE_RATE, Pcm, lowpass, read_audio, resample
from tuner.sound.synth import synthesize

#: Length of the contract's clips, s.
CLIP_S = 1.0
#: Environment variable that names the folder of real clips (``clips/manifest.csv`` in it).
DATA_VARIABLE = "TUNER_DATA"


def make_clip(channels: int = 2, duration_s: float = CLIP_S) -> Pcm:
    """A deterministic test signal: chords, clicks and wide noise, partly out of phase.

    Returns:
        float32 ``[channels, T]`` at 48 kHz.
    """
    return _make_stereo(duration_s)[:channels].copy()


@functools.cache
def _make_stereo(duration_s: float) -> Pcm:
    time_s = np.arange(round(duration_s * SAMPLE_RATE)) / SAMPLE_RATE
    rng = np.random.default_rng(7)
    partials = np.outer((220.0, 277.0, 880.0, 1760.0, 5300.0), time_s)
    chord = np.sin(2 * np.pi * partials).sum(axis=0) * 0.06
    clicks = rng.standard_normal(time_s.size) * np.exp(-(time_s % 0.21) / 0.004) * 0.3
    noise = rng.standard_normal((2, time_s.size)) * 0.02
    side = rng.standard_normal(time_s.size) * np.exp(-(time_s % 0.33) / 0.02) * 0.1
    stereo = np.stack([chord + clicks + side, 0.6 * chord + clicks - side]) + noise
    return stereo.astype(np.float32)


def make_surround(channels: int, duration_s: float = 6.0, seed: int = 0) -> Pcm:
    """A clip of synthetic music for 3 to 8 channels, in the order of `tuner.layout`.

    A band in front, speech in the centre, its room and an audience around.

    Returns:
        float32 ``[channels, T]`` at 48 kHz.
    """
    front, around, applause = (
        synthesize(sound, seed, duration_s) for sound in ("mix", "pad", "applause")
    )
    speech = synthesize("speech", seed, duration_s)[0]
    made = {
        "FL": front[0],
        "FR": front[1],
        "FC": 0.7 * speech,
        "LFE": lowpass(front.mean(axis=0, keepdims=True), 80.0)[0],
        "BL": 0.4 * around[0],
        "BR": 0.4 * around[1],
        "BC": 0.3 * applause[1],
        "SL": 0.4 * applause[0],
        "SR": 0.4 * applause[1],
    }
    speakers = LAYOUTS[channels].speakers
    return np.stack([0.5 * made[speaker] for speaker in speakers]).astype(np.float32)


def real_clip(duration_s: float = CLIP_S) -> Pcm | None:
    """The middle of the first stereo *tune* clip in the folder that `DATA_VARIABLE` names.

    Returns:
        float32 ``[2, T]`` at 48 kHz; None when the variable is not set.
    """
    folder = os.environ.get(DATA_VARIABLE)
    if not folder:
        return None
    with Path(folder, "clips", "manifest.csv").open(encoding="utf-8", newline="") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["side"] == "tune"]
    for name in sorted(names):
        pcm, rate = read_audio(Path(folder, "clips", name))
        if pcm.shape[0] == 2:
            length = round(duration_s * SAMPLE_RATE)
            pcm = resample(pcm, rate)
            start = max(pcm.shape[1] - length, 0) // 2
            return pcm[:, start : start + length]
    return None

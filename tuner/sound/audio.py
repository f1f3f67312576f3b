"""Reading, resampling and aligning audio.

Conventions: float32 ``[C, T]``, C = 1 to 8 (`tuner.layout`), nominal range ±1; encoders get the
source's own rate, scorers 48 kHz. Decoded peaks above 1 are kept.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from tuner.pcm import SAMPLE_RATE, SILENCE_PEAK, Pcm, to_grid
from tuner.sound.alignment import align
from tuner.sound.decoding import decode_blocks
from tuner.sound.delay import MAX_DELAY, find_delay

__all__ = [
    "MAX_DELAY",
    "SAMPLE_RATE",
    "SILENCE_PEAK",
    "Pcm",
    "align",
    "convert_rate",
    "find_delay",
    "lowpass",
    "read_audio",
    "resample",
    "sample_digest",
]

#: Order of the anchors' Butterworth filter; run forward and back it falls 96 dB an octave.
LOWPASS_ORDER = 8


def read_audio(path: Path) -> tuple[Pcm, int]:
    """Read a sound file whole; see `tuner.sound.decoding`.

    Returns:
        Samples float32 ``[C, T]`` and the sample rate in Hz.

    Raises:
        ClipError: naming the file, if it cannot be read, is damaged, or holds no audio.
    """
    blocks = list(decode_blocks(path))
    return np.concatenate([block for block, _ in blocks], axis=1), blocks[0][1]


def resample(pcm: Pcm, rate: float, target_rate: float = SAMPLE_RATE) -> Pcm:
    """Resample with libsoxr's very high quality.

    Args:
        pcm: float32 ``[C, T]`` at `rate` Hz.
    """
    if rate == target_rate:
        return pcm
    import soxr

    resampled = soxr.resample(pcm.T, rate, target_rate, quality="VHQ")
    return np.ascontiguousarray(resampled.T, dtype=np.float32)


def convert_rate(pcm: Pcm, rate: int, target_rate: int) -> Pcm:
    """Bring a source to another rate as a converted file has it: of 24 bits, cut off at full scale.

    Args:
        pcm: float32 ``[C, T]`` at `rate` Hz; returned as it is where that is the target.
    """
    return pcm if rate == target_rate else to_grid(resample(pcm, rate, target_rate))


def lowpass(pcm: Pcm, cutoff_hz: float) -> Pcm:
    """Steep low-pass without delay: half the amplitude at the cut-off, 96 dB an octave beyond.

    The anchors that the model is taught and checked with; listeners hear `tuner.listening.anchors`.

    Args:
        pcm: float32 ``[C, T]`` at 48 kHz.
    """
    from scipy import signal

    sections = signal.butter(LOWPASS_ORDER, cutoff_hz, fs=SAMPLE_RATE, output="sos")
    return np.asarray(signal.sosfiltfilt(sections, pcm, axis=1), dtype=np.float32)


def sample_digest(pcm: Pcm, rate: int = SAMPLE_RATE) -> str:
    """sha256 (hex) of the samples, their shape and their rate in Hz."""
    content = hashlib.sha256(repr(pcm.shape).encode())
    if rate != SAMPLE_RATE:  # digests at 48 kHz are those of versions that knew no other rate
        content.update(f"{rate} Hz".encode())
    content.update(np.ascontiguousarray(pcm, dtype="<f4").tobytes())
    return content.hexdigest()

"""The delay between two signals by the envelopes of their bands.

Where a codec sends noise for noise, or builds the upper bands from the lower ones, the waveforms
have little in common, but the level in each band still rises and falls at the same time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tuner.pcm import SAMPLE_RATE, Pcm
from tuner.sound.delay import Peak

#: A frame and the step between frames, samples at 48 kHz: 11 ms, every 2 ms.
FRAME, HOP = 512, 96
#: Edges of the bands, Hz: two thirds of an octave each.
EDGES_HZ = np.geomspace(200.0, 16_000.0, 11)
#: Levels count as power to this exponent, about as loudness does, so that no band rules.
EXPONENT = 0.25
#: Least overlap of the signals, as a share of the shorter one.
LEAST_OVERLAP = 0.5

Levels = npt.NDArray[np.float32]


def find_envelope_delay(reference: Pcm, decoded: Pcm, max_delay: int) -> Peak:
    """The delay at which the bands' envelopes agree best, to within `HOP` samples.

    Args:
        reference, decoded: float32 ``[C, T]`` at 48 kHz, with as many channels.
        max_delay: lags from -max_delay to +max_delay are searched, samples.

    Returns:
        The lag, and the correlation of the envelopes there, -1 to 1.
    """
    from scipy import fft

    first, second = _levels(reference), _levels(decoded)
    frames = min(first.shape[1], second.shape[1])
    reach = min(max_delay // HOP, int((1 - LEAST_OVERLAP) * frames))
    size = fft.next_fast_len(first.shape[1] + second.shape[1], real=True)
    cross = (np.conj(fft.rfft(first, size)) * fft.rfft(second, size)).sum(axis=0)
    lags = np.arange(-reach, reach + 1)
    energy = float(np.sqrt(np.sum(np.square(first)) * np.sum(np.square(second))))
    window = fft.irfft(cross, size)[lags] / max(energy, np.finfo(np.float32).tiny)
    best = int(np.argmax(window))
    return Peak(int(lags[best]) * HOP, float(window[best]))


def compare_levels(reference: Pcm, decoded: Pcm) -> Levels:
    """By how many dB each band of `decoded` is louder in the mean; the delay does not matter."""
    floor = np.finfo(np.float32).tiny
    first, second = (np.maximum(_powers(p).mean(axis=0), floor) for p in (reference, decoded))
    return np.asarray(10 * np.log10(second / first))


def _levels(pcm: Pcm) -> Levels:
    """Levels ``[bands, frames]``, without their means."""
    levels = _powers(pcm).T ** EXPONENT
    return np.asarray(levels - levels.mean(axis=1, keepdims=True))


def _powers(pcm: Pcm) -> Levels:
    """Power ``[frames, bands]``, summed over the channels."""
    from scipy import fft

    edges = np.round(EDGES_HZ * FRAME / SAMPLE_RATE).astype(int)
    # Whole frames only: the beginning and the end of a file are alike in all files.
    padded = np.pad(pcm, ((0, 0), (0, max(FRAME - pcm.shape[1], 0))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME, axis=1)[:, ::HOP]
    power = np.zeros((frames.shape[1], edges.size - 1), dtype=np.float32)
    for channel in frames:
        spectrum = fft.rfft(channel * np.hanning(FRAME).astype(np.float32))
        power += np.add.reduceat(spectrum.real**2 + spectrum.imag**2, edges, axis=1)[:, :-1]
    return power

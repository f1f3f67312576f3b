"""Energy over time and frequency, and attacks: what diagnosis and traits are measured on.

Powers are of full scale 1, summed over channels.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from tuner.sound.audio import SAMPLE_RATE, Pcm

Power = npt.NDArray[np.float64]
Spectrum = npt.NDArray[np.complex64]

#: STFT window, samples: 43 ms, that of AAC's long blocks; half of it is the hop.
WINDOW = 2048
#: Lowest band edge, Hz: below, a band would be narrower than the window resolves.
LOWEST_HZ = 50.0
#: Resolution of attacks, samples: 2.5 ms.
STEP = 120
#: An attack rises by this over what the 20 ms before it held, dB. Smaller rises are tremolo
#: and syllables: speech at 12 dB counts as all attacks.
ATTACK_RISE_DB = 15.0
#: Steps before an attack that are compared with it: 20 ms.
BEFORE = 8
#: Attacks this far under the clip's loudest moment are not heard as such, dB.
QUIETEST_ATTACK_DB = 40.0
#: Least distance of two attacks, steps: 50 ms.
GAP = 20


def band_edges() -> npt.NDArray[np.float64]:
    """Edges of bands of one equivalent rectangular bandwidth each, `LOWEST_HZ` to 24 kHz, Hz.

    Source: B. Glasberg, B. Moore, Derivation of auditory filter shapes, 1990.
    """
    low, high = (21.4 * np.log10(1 + 0.00437 * hz) for hz in (LOWEST_HZ, SAMPLE_RATE / 2))
    numbers = np.linspace(low, high, round(high - low) + 1)
    return np.asarray((10 ** (numbers / 21.4) - 1) / 0.00437)


def transform(pcm: Pcm) -> Spectrum:
    """STFT, ``[C, frames, WINDOW / 2 + 1]``; a sine of amplitude 1 has one in its bin.

    A clip shorter than a window is padded. The last two are remembered, as all meters of a
    diagnosis look at the same two signals one after another.
    """
    for known, spectrum in tuple(_recent):  # another thread may append
        if known is pcm:
            return spectrum
    from scipy import fft

    padded = np.pad(pcm, ((0, 0), (0, max(0, WINDOW - pcm.shape[1]))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=1)[:, :: WINDOW // 2]
    window = (np.hanning(WINDOW) * 4 / WINDOW).astype(np.float32)
    spectrum = np.asarray(fft.rfft(frames * window, axis=2), dtype=np.complex64)
    _recent.append((pcm, spectrum))
    return spectrum


_recent: deque[tuple[Pcm, Spectrum]] = deque(maxlen=2)


def power_of(spectrum: Spectrum) -> Power:
    """Power of each cell, summed over channels, ``[frames, bins]``."""
    return np.asarray((spectrum.real**2 + spectrum.imag**2).sum(axis=0, dtype=np.float64))


def in_bands(power: Power, edges: npt.NDArray[np.float64]) -> Power:
    """Sums of the bins between `edges` (Hz, ascending), ``[..., len(edges) - 1]``."""
    bins = np.searchsorted(np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE), edges)
    return np.add.reduceat(power, bins[:-1], axis=-1)


def decibels(power: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """10 log10, with -200 dB for nothing."""
    return 10 * np.log10(np.maximum(power, 1e-20))


def steps(pcm: Pcm) -> Power:
    """Power of the first difference in steps of 2.5 ms, ``[T / STEP]``.

    The difference lifts highs by 6 dB an octave, so that a bass note does not hide what
    happens over it.
    """
    edge = np.diff(pcm.astype(np.float64), axis=1, prepend=pcm[:, :1])
    count = edge.shape[1] // STEP
    power = np.square(edge[:, : count * STEP]).reshape(len(pcm), count, STEP)
    return np.asarray(power.mean(axis=(0, 2)))


def find_attacks(pcm: Pcm) -> list[int]:
    """Places of attacks, in steps of 2.5 ms.

    Args:
        pcm: float32 ``[C, T]`` at 48 kHz.
    """
    level = decibels(steps(pcm))
    if len(level) <= BEFORE:
        return []
    floor = level.max() - QUIETEST_ATTACK_DB
    before = np.lib.stride_tricks.sliding_window_view(level, BEFORE)[:-1].max(axis=1)
    rises = level[BEFORE:] - np.maximum(before, floor - ATTACK_RISE_DB)
    attacks: list[int] = []
    for place in np.flatnonzero((rises > ATTACK_RISE_DB) & (level[BEFORE:] > floor)) + BEFORE:
        if not attacks or place - attacks[-1] >= GAP:
            attacks.append(int(place))
    return attacks

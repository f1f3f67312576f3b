"""Coarse fingerprints: is one recording in two files, at another level, rate, depth or offset?

The levels of some bands over time, about as loudness counts them, correlated at every offset. A
remaster a decibel louder, a mono fold or a coded copy keep them; other music does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tuner.pcm import SAMPLE_RATE, Pcm

#: A frame and the step between frames, samples at 48 kHz: 85 ms, every 25 ms.
FRAME, HOP = 4096, 1200
#: Edges of the bands, Hz, and the exponent of power that levels are.
EDGES_HZ, EXPONENT = np.geomspace(120.0, 7000.0, 17), 0.25
#: Correlation from which two files hold one recording, and the least overlap of the shorter one.
SAME, LEAST_OVERLAP = 0.95, 0.5
#: Levels that change less than this, as a share of their energy, tell nothing.
STEADY = 1e-3

Fingerprint = npt.NDArray[np.float32]
"""Levels ``[bands, frames]`` less their means."""


def take_fingerprint(pcm: Pcm) -> Fingerprint | None:
    """The fingerprint of float32 ``[C, T]`` at 48 kHz; None of what is short or steady."""
    from scipy import fft

    if pcm.shape[1] < 8 * FRAME:
        return None
    edges = np.round(EDGES_HZ * FRAME / SAMPLE_RATE).astype(int)
    mono = pcm.mean(axis=0)
    frames = np.lib.stride_tricks.sliding_window_view(mono, FRAME)[::HOP]
    spectrum = fft.rfft(frames * np.hanning(FRAME).astype(np.float32))
    power = np.add.reduceat(spectrum.real**2 + spectrum.imag**2, edges, axis=1)[:, :-1]
    levels = power.T**EXPONENT
    changes = levels - levels.mean(axis=1, keepdims=True)
    if np.square(changes).sum() < STEADY * np.square(levels).sum():
        return None
    return np.asarray(changes, dtype=np.float32)


def group_recordings(prints: Sequence[Fingerprint | None]) -> list[int]:
    """For each file the index of the first one that holds its recording; its own if none does."""
    from scipy import fft

    first = list(range(len(prints)))
    known = [n for n, each in enumerate(prints) if each is not None]
    longest = max((prints[n].shape[1] for n in known), default=0)  # type: ignore[union-attr]
    size = fft.next_fast_len(2 * longest, real=True) if longest else 0
    spectra = {n: fft.rfft(prints[n], size) for n in known}
    sums = {n: _sums(prints[n]) for n in known}  # type: ignore[arg-type]
    for place, n in enumerate(known):
        for other in known[:place]:
            if first[other] == other and _is_same(n, other, spectra, sums, size):
                first[n] = other
                break
    return first


def _sums(changes: Fingerprint) -> npt.NDArray[np.float64]:
    energy = np.square(changes).sum(axis=0, dtype=np.float64)
    return np.concatenate([[0.0], np.cumsum(energy)])


def _is_same(
    n: int,
    other: int,
    spectra: dict[int, npt.NDArray[np.complex64]],
    sums: dict[int, npt.NDArray[np.float64]],
    size: int,
) -> bool:
    from scipy import fft

    cross = fft.irfft((np.conj(spectra[n]) * spectra[other]).sum(axis=0), size)
    length, width = sums[n].size - 1, sums[other].size - 1
    reach = int((1 - LEAST_OVERLAP) * min(length, width))
    lags = np.arange(-max(length - width, 0) - reach, max(width - length, 0) + reach + 1)
    # At lag d, frame t of the one meets frame t + d of the other.
    begin, end = np.maximum(-lags, 0), np.minimum(length, width - lags)
    mine = sums[n][end] - sums[n][begin]
    theirs = sums[other][end + lags] - sums[other][begin + lags]
    return bool(np.any(cross[lags] > SAME * np.sqrt(np.maximum(mine * theirs, 1e-30))))

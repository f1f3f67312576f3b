"""Searching the delay between two signals by cross-correlation.

Lags are in samples at the signals' rate, positive where the second signal is late. A correlation
is normalised: 1 for equal signals whatever their levels, -1 for inverted ones.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.pcm import Pcm
from tuner.unchanging import Remembered

#: Longest codec delay searched for, samples at 48 kHz. LAME at 32 kb/s, resampled to
#: 16 kHz, is 3315 late (measured); twice that leaves room for outsiders' codecs.
MAX_DELAY = 8192
#: The wide search looks at every fourth sample, of what lies under 5 kHz: music has most there.
COARSE = 4
#: Taps of the filter before it, and its cut-off as a share of the Nyquist frequency.
COARSE_TAPS, COARSE_CUTOFF = 32, 0.22
#: Least share of both signals' energy that lags of the wide search leave to compare.
LEAST_OVERLAP = 0.25
#: By how much another lag or polarity must correlate better; notes are much alike a period later.
BETTER = 0.02

Lags = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Peak:
    """A lag and the normalised correlation there, -1 to 1."""

    lag: int
    correlation: float


@dataclass(frozen=True)
class Peaks:
    """The best lag if the polarity is right, and if it is inverted."""

    upright: Peak
    inverted: Peak


def find_delay(reference: Pcm, decoded: Pcm, max_delay: int = MAX_DELAY) -> tuple[int, float]:
    """How many samples `decoded` lags behind `reference`.

    Args:
        reference, decoded: float32 ``[C, T]`` at the same rate.
        max_delay: lags from -max_delay to +max_delay are searched.

    Returns:
        Delay in samples (positive: decoded is late), and the normalised correlation
        there, -1 to 1. Every channel of the reference is compared with its own.
    """
    best = find_peaks(reference, decoded, max_delay).upright
    return best.lag, best.correlation


def find_peaks(reference: Pcm, decoded: Pcm, max_delay: int = MAX_DELAY) -> Peaks:
    """The best lags from -max_delay to +max_delay; see `find_delay`."""
    from scipy import fft

    # Block by block, which stays in the processor's cache: three times as fast as one long
    # transform. Each block of the reference meets all that may lie within max_delay of it.
    lags = 2 * max_delay + 1
    size = 1 << (2 * lags).bit_length()
    block = size - lags + 1
    late = np.pad(decoded, ((0, 0), (max_delay, 0)))
    spectrum = np.zeros(size // 2 + 1, dtype=np.complex64)
    known = _spectra(block, size)(reference)
    for heard, start in zip(known, range(0, late.shape[1], block), strict=False):
        coded = fft.rfft(late[:, start : start + size], size)
        for each, own in zip(heard, coded, strict=True):
            own *= each
            spectrum += own
    window = fft.irfft(spectrum, size)[:lags]
    energy = np.sqrt(_energy_of(reference) * _energy(decoded))
    return _peaks(window / energy if energy > 0 else window, max_delay)


@functools.cache
def _spectra(block: int, size: int) -> Remembered[list[npt.NDArray[np.complex64]]]:
    """Of a reference: the conjugate spectra of its blocks, ``[C, size // 2 + 1]`` each."""
    from scipy import fft

    def compute(reference: Pcm) -> list[npt.NDArray[np.complex64]]:
        starts = range(0, reference.shape[1], block)
        return [np.conj(fft.rfft(reference[:, at : at + block], size)) for at in starts]

    return Remembered(compute)


def find_far_peak(reference: Pcm, decoded: Pcm, max_delay: int, known: Peak) -> Peak:
    """The best lag of a wide search, in either polarity, to within `COARSE` samples.

    What does not overlap at a lag is not counted: a cut beginning takes nothing away.

    Args:
        reference, decoded: as in `find_delay`.
        max_delay: lags from -max_delay to +max_delay are searched.
        known: what the short search found; it stays unless another correlates `BETTER`.
    """
    from scipy import fft, signal

    taps = signal.firwin(COARSE_TAPS, COARSE_CUTOFF).astype(np.float32)
    first, second = (signal.upfirdn(taps, z, 1, COARSE, axis=1) for z in (reference, decoded))
    reach = min(max_delay // COARSE, first.shape[1] - 1, second.shape[1] - 1)
    size = fft.next_fast_len(first.shape[1] + second.shape[1], real=True)
    cross = (np.conj(fft.rfft(first, size)) * fft.rfft(second, size)).sum(axis=0)
    window = fft.irfft(cross, size)
    lags = np.arange(-reach, reach + 1)
    energy = _overlaps(first, lags) * _overlaps(second, -lags)
    whole = _energy(first) * _energy(second)
    fair = energy > LEAST_OVERLAP**2 * whole
    window = np.where(fair, window[lags], 0) / np.sqrt(np.where(fair, energy, 1))
    peaks = _peaks(window, reach)
    around = window[max(reach + known.lag // COARSE - 1, 0) : reach + known.lag // COARSE + 3]
    here = float(np.max(around * np.sign(known.correlation), initial=0.0))
    best = better(peaks.upright, peaks.inverted)
    if abs(best.correlation) <= here + BETTER:
        return known
    return Peak(best.lag * COARSE, best.correlation)


def better(best: Peak, other: Peak) -> Peak:
    """`best`, unless the other one correlates `BETTER`, in whichever polarity."""
    return other if abs(other.correlation) > abs(best.correlation) + BETTER else best


def _overlaps(pcm: Pcm, lags: npt.NDArray[np.int64]) -> Lags:
    """Energy of a signal's samples that meet one of the other, which is `lags` late."""
    # At lag d, sample t meets sample t + d: the first -d samples meet nothing.
    total = np.concatenate([[0.0], np.cumsum(np.square(pcm).sum(axis=0), dtype=np.float64)])
    begin = np.clip(-lags, 0, pcm.shape[1])
    return np.asarray(total[-1] - total[begin])


def _peaks(window: npt.NDArray[np.floating], reach: int) -> Peaks:
    best, worst = int(np.argmax(window)), int(np.argmin(window))
    return Peaks(Peak(best - reach, float(window[best])), Peak(worst - reach, float(window[worst])))


def _energy(pcm: Pcm) -> float:
    return float(np.sum(np.square(pcm), dtype=np.float64))


_energy_of = Remembered(_energy)

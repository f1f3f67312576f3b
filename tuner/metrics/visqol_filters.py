"""ViSQOL's gammatone spectrogram, three times as fast, to the same bit.

visqol-python runs its cascade of four second-order sections band after band, and each waits
for its own last sample. Here sixteen bands run side by side in the processor's vectors. Every
band sees the same operations in the same order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]

#: Bands side by side.
LANES = 16


def install() -> None:
    """Put it in the place of the package's own, in this process."""
    from visqol import gammatone

    gammatone._gammatone_spectrogram_numba = spectrogram


@njit(cache=True)
def spectrogram(
    signal: Array,
    hann: Array,
    numerators: Array,
    denominators: Array,
    window: int,
    hop: int,
    bands: int,
    frames: int,
) -> Array:
    """RMS of each band in each frame, ``[bands, frames]``.

    Args:
        signal: samples ``[T]``.
        hann: window ``[window]``.
        numerators: of the four sections, ``[4, bands, 3]``.
        denominators: which all four share, ``[bands, 3]``.
        window, hop: samples.
        bands: of which each group of `LANES` runs together.
        frames: how many.
    """
    out = np.zeros((bands, frames))
    frame = np.empty(window)
    state, energy = np.empty((8, LANES)), np.empty(LANES)
    a1, a2, b = np.zeros(LANES), np.zeros(LANES), np.zeros((12, LANES))
    for column in range(frames):
        for n in range(window):
            frame[n] = signal[column * hop + n] * hann[n]
        for first in range(0, bands, LANES):
            lanes = min(LANES, bands - first)
            for lane in range(lanes):
                a1[lane], a2[lane] = denominators[first + lane, 1], denominators[first + lane, 2]
                for section in range(4):
                    for tap in range(3):
                        b[3 * section + tap, lane] = numerators[section, first + lane, tap]
            state[:] = 0.0
            energy[:] = 0.0
            for n in range(window):
                x = frame[n]
                for lane in range(LANES):
                    y0 = b[0, lane] * x + state[0, lane]
                    state[0, lane] = b[1, lane] * x - a1[lane] * y0 + state[1, lane]
                    state[1, lane] = b[2, lane] * x - a2[lane] * y0
                    y1 = b[3, lane] * y0 + state[2, lane]
                    state[2, lane] = b[4, lane] * y0 - a1[lane] * y1 + state[3, lane]
                    state[3, lane] = b[5, lane] * y0 - a2[lane] * y1
                    y2 = b[6, lane] * y1 + state[4, lane]
                    state[4, lane] = b[7, lane] * y1 - a1[lane] * y2 + state[5, lane]
                    state[5, lane] = b[8, lane] * y1 - a2[lane] * y2
                    y3 = b[9, lane] * y2 + state[6, lane]
                    state[6, lane] = b[10, lane] * y2 - a1[lane] * y3 + state[7, lane]
                    state[7, lane] = b[11, lane] * y2 - a2[lane] * y3
                    energy[lane] += y3 * y3
            for lane in range(lanes):
                out[first + lane, column] = np.sqrt(energy[lane] / window)
    return out

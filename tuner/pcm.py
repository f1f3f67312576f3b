"""Samples in memory: what an array of them means, everywhere in the project.

Conventions: float32 ``[C, T]``, C = 1 to 8 (`tuner.layout`), nominal range ±1; 48 kHz wherever
signals are scored, the source's own rate where they are encoded. Decoded peaks above 1 are kept.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.float32]

#: All scoring happens at this rate, Hz.
SAMPLE_RATE = 48_000
#: Signals whose peak stays under this count as silent (-90 dBFS).
SILENCE_PEAK = 3.2e-5
#: Samples above this (+200 dBFS) are damage, and their squares soon overflow; files whose floats
#: are scaled as whole numbers of 32 bits stay under it.
LOUDEST = 1e10

Depth = Literal[16, 24, "float"]
"""Sample formats of files: bits of a whole number, or floats."""


def find_depth(pcm: Pcm) -> Depth:
    """The least sample format that holds these samples exactly."""
    if pcm.size and (pcm.min() < -1 or pcm.max() >= 1):
        return "float"
    for bits in (16, 24):
        whole = pcm * np.float32(2 ** (bits - 1))
        if np.array_equal(whole, np.rint(whole)):
            return bits
    return "float"


def to_grid(pcm: Pcm, bits: int = 24) -> Pcm:
    """The nearest samples that whole numbers of so many bits hold."""
    scale = 2 ** (bits - 1)
    whole = np.clip(np.rint(pcm.astype(np.float64) * scale), -scale, scale - 1)
    return np.asarray(whole / scale, dtype=np.float32)

"""A gain that a coder applies to everything, found and undone.

Listeners set their own level, ViSQOL and Zimtohrli match levels first, PEAQ does not: LAME's
CBR at 128 kb/s turns everything down by 0.44 dB, and that alone costs the noise-to-mask ratio
more than its noise does. Energies are no help, since a low-pass takes some and noise adds some;
so only bands in which the coded signal is nearly a copy are asked.
"""

from __future__ import annotations

import numpy as np

from tuner.audio import Pcm
from tuner.quality.odaq import LONG_LINES, band_edges, mdct

#: Squared correlation from which a band counts as a copy: its error lies 20 dB below. Coders
#: that reconstruct to centroids read a little low.
COPY = 0.99
#: Share of the energy that such bands must hold.
COPIED_SHARE = 0.05
#: Smaller gains are left alone, dB: coders at 48 to 64 kb/s read up to 0.24 dB low.
LEAST_DB = 0.25


def gain_of(reference: Pcm, coded: Pcm) -> float:
    """The gain that was applied to everything, linear and positive; 1 where none is certain.

    Args:
        reference, coded: float32 ``[C, T]`` at 48 kHz, aligned to the sample.
    """
    edges = band_edges(LONG_LINES)
    x, y = mdct(reference, LONG_LINES), mdct(coded, LONG_LINES)

    def bands(products: np.ndarray) -> np.ndarray:
        return np.add.reduceat(products.sum(axis=(0, 1)), edges[:-1])

    own, made, common = bands(x * x), bands(y * y), bands(x * y)
    copies = (common > 0) & (common**2 >= COPY * own * made)
    if not copies.any() or own[copies].sum() < COPIED_SHARE * own.sum():
        return 1.0
    gain = _weighted_median(common[copies] / own[copies], own[copies])
    return gain if abs(20 * np.log10(gain)) >= LEAST_DB else 1.0


def match_level(reference: Pcm, coded: Pcm) -> Pcm:
    """The coded signal without that gain; the same array where there is none."""
    gain = gain_of(reference, coded)
    return coded if gain == 1.0 else np.asarray(coded / gain, dtype=np.float32)


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])

"""Diagnosis: meters of what is audibly wrong with a coded clip, with the scorers' interface.

They run where scores are made and are cached like them, but are no qualities: `Score.mean`
holds the figure that `tuner.artefacts` describes. Where a clip offers nothing to measure (no
attack, no side signal) the figure is that of a faultless codec.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.answer.bands import (
    BEFORE,
    Power,
    band_edges,
    decibels,
    find_attacks,
    in_bands,
    power_of,
    steps,
    transform,
)
from tuner.artefacts import ARTEFACTS
from tuner.scorer import Score, Scorer
from tuner.sound.audio import SAMPLE_RATE, Pcm
from tuner.sound.surround import find_pairs

#: Bands in which bandwidth is measured: 188 Hz, 8 bins of the STFT.
FINE_BANDS = 128
#: The reference has energy where it is less than this under its loudest band, dB. At 48 kHz
#: the dither of 16-bit sources stays below.
REFERENCE_RANGE_DB = 80.0
#: A band is kept if it lost less than this, dB: the slope of a low-pass and not its stop band.
KEPT_DB = 12.0
#: A hole is this much too low, dB.
HOLE_DB = 20.0
#: Cells further under the loudest cell of their frame, or of the clip, are masked or silent, dB.
FRAME_RANGE_DB = 50.0
CLIP_RANGE_DB = 60.0
#: Noise further under the signal is inaudible in any band, dB.
NOISE_FLOOR_DB = -60.0
#: Before an attack, what is this far below it is inaudible, dB.
PRE_ECHO_FLOOR_DB = 50.0
#: A side signal this far below the mid is not missed, dB.
SIDE_FLOOR_DB = 30.0


def bandwidth_hz(reference: Pcm, coded: Pcm) -> float:
    """Upper end of the highest band that the reference fills and the coded signal keeps, Hz."""
    edges = np.linspace(0, SAMPLE_RATE / 2, FINE_BANDS + 1)
    before, after = (
        decibels(in_bands(power_of(transform(pcm)).mean(axis=0), edges))
        for pcm in (reference, coded)
    )
    kept = (before > before.max() - REFERENCE_RANGE_DB) & (after > before - KEPT_DB)
    return float(edges[1:][kept].max(initial=0.0))


def pre_echo_db(reference: Pcm, coded: Pcm) -> float:
    """Rise of the level in the 20 ms before attacks, dB: the mean over attacks, 0 or more."""
    before, after = steps(reference), steps(coded)
    rises = []
    for attack in find_attacks(reference):
        own = slice(max(attack - BEFORE, 0), attack)
        floor = before[attack] * 10 ** (-PRE_ECHO_FLOOR_DB / 10)
        rise = decibels((after[own].mean() + floor) / (before[own].mean() + floor))
        rises.append(max(float(rise), 0.0))
    return float(np.mean(rises)) if rises else 0.0


def holes_share(reference: Pcm, coded: Pcm) -> float:
    """Share of the filled cells under the bandwidth that are `HOLE_DB` or more too low, 0 to 1."""
    before, after, filled = _cells(reference, coded)
    if not filled.any():
        return 0.0
    return float(np.mean(decibels(after[filled]) < decibels(before[filled]) - HOLE_DB))


def noise_db(reference: Pcm, coded: Pcm) -> float:
    """Noise-to-signal ratio, dB: the mean over the filled cells under the bandwidth."""
    before, _, filled = _cells(reference, coded)
    if not filled.any():
        return NOISE_FLOOR_DB
    noise = in_bands(power_of(transform(coded) - transform(reference)), band_edges())
    ratios = decibels(noise[filled]) - decibels(before[filled])
    return float(np.maximum(ratios, NOISE_FLOOR_DB).mean())


def stereo_db(reference: Pcm, coded: Pcm) -> float:
    """Change of the side's level against the mid's, dB: the mean over filled bands."""
    if len(reference) != 2:
        return 0.0
    edges = band_edges()
    before, after = (_side_to_mid(pcm, edges) for pcm in (reference, coded))
    whole = decibels(in_bands(power_of(transform(reference)).mean(axis=0), edges))
    filled = (whole > whole.max() - CLIP_RANGE_DB) & (edges[1:] <= bandwidth_hz(reference, coded))
    return float((after - before)[filled].mean()) if filled.any() else 0.0


def clipping_db(reference: Pcm, coded: Pcm) -> float:
    """Decoded peak over full scale, dB, 0 or more; what the reference has itself is no fault."""
    allowed = max(1.0, float(np.max(np.abs(reference), initial=0.0)))
    peak = max(allowed, float(np.max(np.abs(coded), initial=0.0)))
    return 2 * float(decibels(peak / allowed))


def _cells(reference: Pcm, coded: Pcm) -> tuple[Power, Power, npt.NDArray[np.bool_]]:
    """Power of both signals in bands over frames, and which cells count."""
    edges = band_edges()
    before, after = (in_bands(power_of(transform(pcm)), edges) for pcm in (reference, coded))
    level = decibels(before)
    filled = level > level.max() - CLIP_RANGE_DB
    filled &= level > level.max(axis=1, keepdims=True) - FRAME_RANGE_DB
    filled &= edges[1:] <= bandwidth_hz(reference, coded)
    return before, after, filled


def _side_to_mid(pcm: Pcm, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Level of the side signal against the mid per band, dB, not under `-SIDE_FLOOR_DB`."""
    left, right = transform(pcm)[:, None]
    mid, side = (
        in_bands(power_of(each).mean(axis=0), edges) for each in (left + right, left - right)
    )
    # The floor goes with both, so that hard-panned and side-only bands stay finite, too.
    floor = (mid + side) * 10 ** (-SIDE_FLOOR_DB / 10)
    return decibels(side + floor) - decibels(mid + floor)


@dataclass(frozen=True)
class Meter:
    """One figure of the diagnosis as a scorer.

    Args:
        name: the artefact's key (`tuner.artefacts`).
        measure: gives the figure of (reference, coded).
        version: part of the cache's key; raise it when `measure` changes.
    """

    name: str
    measure: Callable[[Pcm, Pcm], float]
    version: str = "1"

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        """The figure, as `Score.mean`; see `tuner.scorer.Scorer.score`."""
        return Score(self.measure(reference, coded))

    def score_channels(self, reference: Pcm, coded: Pcm) -> Score:
        """The worst pair's figure; of clipping, which is one of samples, that of all channels."""
        if self.measure is clipping_db:
            return self.score(reference, coded)
        pairs = find_pairs(reference, coded)
        figures = {name: self.measure(*pair) for name, pair in pairs.items()}
        artefact = next(each for each in ARTEFACTS if each.key == self.name)
        worst = min(figures, key=lambda name: artefact.improvement(0.0, figures[name]))
        return Score(figures[worst], pair=worst)


METERS: tuple[Scorer, ...] = tuple(
    Meter(measure.__name__, measure)
    for measure in (bandwidth_hz, pre_echo_db, holes_share, noise_db, stereo_db, clipping_db)
)


def figures(scores: Mapping[str, Score]) -> dict[str, float]:
    """The diagnosis among a clip's scores: artefact key -> figure."""
    return {meter.name: scores[meter.name].mean for meter in METERS if meter.name in scores}

"""The ear of PEAQ's basic version: frames, bands, spreading, adaptation, modulation.

Source: ITU-R BS.1387-1 (FFT-based ear model, pre-processing of excitation patterns), as read by
P. Kabal, "An Examination and Interpretation of ITU-R BS.1387", McGill University, 2002.
Powers are in units of 0 dB SPL: 1 is 0 dB, a full-scale sine has 92 dB.

Patterns are float32 ``[BANDS, R, F]``: 109 bands from low to high, rows of monaural signals,
frames of 1024 samples. Everything in time is causal and starts at rest before the first frame.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch

from tuner.sound.audio import SAMPLE_RATE

FRAME = 2048
HOP = FRAME // 2
#: Frames a second.
FRAME_RATE = SAMPLE_RATE / HOP
BANDS = 109
#: Width of a band, Bark.
BAND_BARK = 0.25
LOWEST_HZ, HIGHEST_HZ = 80.0, 18_000.0
#: Sound pressure level of a full-scale sine of `CALIBRATION_HZ`, dB.
FULL_SCALE_DB = 92.0
CALIBRATION_HZ = 1019.5

#: Slope of the spreading towards low frequencies, dB a Bark.
LOWER_SLOPE_DB = 27.0
#: Excitations of several bands add with this exponent.
ADDITION = 0.4
#: Power below which no band falls (it keeps logarithms finite).
LEAST_POWER = 1e-12

#: Time constants in s at high frequencies and at 100 Hz: of time smearing, of adaptation.
SHORTEST_S, SMEARING_S, ADAPTATION_S = 0.008, 0.030, 0.050
#: Bands below and above over which the pattern's adaptation is averaged.
NEIGHBOURS_BELOW, NEIGHBOURS_ABOVE = 3, 4

#: Bins up to `HIGHEST_HZ`; no band reaches further.
BINS = int(HIGHEST_HZ * FRAME / SAMPLE_RATE) + 1

#: Frames of a recursive filter computed by one matrix product.
_BLOCK = 32
#: Columns spread at once: they stay in the processor's cache.
_COLUMNS = 2048


def _to_bark(hz: float) -> float:
    return float(7 * np.arcsinh(hz / 650))


def _column(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))[:, None]


@functools.cache
def _band_edges() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower edge, centre and upper edge of each band, Hz."""
    highest = _to_bark(HIGHEST_HZ)
    lower = _to_bark(LOWEST_HZ) + BAND_BARK * np.arange(BANDS)
    upper = np.minimum(lower + BAND_BARK, highest)
    low, centre, high = (650 * np.sinh(bark / 7) for bark in (lower, (lower + upper) / 2, upper))
    return low, centre, high


def centre_frequencies() -> np.ndarray:
    """Centre frequencies of the bands, Hz, ascending.

    >>> [round(float(f)) for f in centre_frequencies()[[0, 54, 108]]]
    [92, 2532, 17690]
    """
    return _band_edges()[1]


@functools.cache
def grouping() -> torch.Tensor:
    """Share of each FFT bin in each band, ``[BANDS, BINS]``."""
    low, _, high = (edge[:, None] for edge in _band_edges())
    step = SAMPLE_RATE / FRAME
    bins = np.arange(BINS)
    overlap = np.minimum(high, (bins + 0.5) * step) - np.maximum(low, (bins - 0.5) * step)
    return torch.from_numpy((np.maximum(overlap, 0) / step).astype(np.float32))


@functools.cache
def outer_ear() -> torch.Tensor:
    """Power response of the outer and middle ear at the FFT's bins, ``[BINS]``; 0 at 0 Hz."""
    khz = np.arange(1, BINS) * SAMPLE_RATE / FRAME / 1000
    gain_db = -2.184 * khz**-0.8 + 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) - 0.001 * khz**3.6
    return torch.from_numpy(np.concatenate([[0.0], 10 ** (gain_db / 10)]).astype(np.float32))


@functools.cache
def internal_noise() -> torch.Tensor:
    """Power of the ear's own noise in each band, ``[BANDS, 1]``."""
    return _column(10 ** (0.1456 * (centre_frequencies() / 1000) ** -0.8))


@functools.cache
def window() -> torch.Tensor:
    """Hann window, scaled so that a full-scale sine's largest bin has `FULL_SCALE_DB`."""
    hann = np.hanning(FRAME)
    sine = np.sin(2 * np.pi * CALIBRATION_HZ / SAMPLE_RATE * np.arange(FRAME + 9 * HOP))
    blocks = np.lib.stride_tricks.sliding_window_view(sine, FRAME)[::HOP]
    largest = np.abs(np.fft.rfft(blocks * hann)).max()
    return torch.from_numpy((hann * 10 ** (FULL_SCALE_DB / 20) / largest).astype(np.float32))


def whole_frames(samples: int) -> int:
    """Samples of the frames that hold all of so many; the last may have to be filled up."""
    return max(-(-samples // HOP), FRAME // HOP) * HOP


def blocks_of(signals: torch.Tensor) -> torch.Tensor:
    """Overlapping frames, ``[R, F, FRAME]``.

    Args:
        signals: ``[R, T]``, T from `whole_frames`, full scale at 1.
    """
    return signals.unfold(-1, FRAME, HOP)


def power_spectra(blocks: torch.Tensor) -> torch.Tensor:
    """Power of the FFT's bins, ``[..., FRAME / 2 + 1]``, before the outer ear."""
    return squares(torch.fft.rfft(blocks * window()))


def squares(spectrum: torch.Tensor) -> torch.Tensor:
    """Squared magnitudes (several times as fast as a sum over the last dimension)."""
    parts = torch.view_as_real(spectrum).square_()
    return parts[..., 0] + parts[..., 1]


def group(power: torch.Tensor) -> torch.Tensor:
    """Power of the bands, ``[BANDS, R, F]``.

    Args:
        power: of the bins, ``[R, F, BINS]``.
    """
    bands = grouping() @ power.flatten(0, 1).T
    return bands.clamp_min_(LEAST_POWER).view(BANDS, *power.shape[:2])


@functools.cache
def _spreading() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Level-independent parts of the spreading.

    Returns:
        ln of the upper slope at 0 dB a band; sum of the lower slope over the bands below;
        matrix of the lower slope (own band included), to the power `ADDITION`; the number of
        bands from each to the highest. All but the matrix are ``[BANDS, 1]``.
    """
    bands = np.arange(BANDS)
    upper = np.log(10) * BAND_BARK * (-2.4 - 23 / centre_frequencies())
    lower = 10 ** (-LOWER_SLOPE_DB / 10 * BAND_BARK)
    below = (1 - lower ** (bands + 1)) / (1 - lower) - 1
    distance = bands[None, :] - bands[:, None]
    matrix = np.where(distance >= 0, lower ** (ADDITION * np.maximum(distance, 0)), 0.0)
    from_here = _column((BANDS - bands).astype(np.float64))
    return _column(upper), _column(below), torch.from_numpy(matrix.astype(np.float32)), from_here


@functools.cache
def _unit_spread() -> torch.Tensor:
    """What spreading makes of 0 dB in every band, ``[BANDS, 1]``."""
    return _spread_raw(torch.ones(BANDS, 1))


def _spread_raw(power: torch.Tensor) -> torch.Tensor:
    upper_slope, below, lower_matrix, from_here = _spreading()
    level = power.log()
    slope = upper_slope + 0.2 * BAND_BARK * level
    above = (1 - (from_here * slope).exp_()) / (1 - slope.exp())
    term = level.sub_((above + below).log_()).mul_(ADDITION).exp_()
    decay = slope.mul_(ADDITION).exp_()
    spread = lower_matrix @ term
    for distance in range(1, BANDS):
        reaching = term[: BANDS - distance].mul_(decay[: BANDS - distance])
        spread[distance:].add_(reaching)
    return spread.square() * spread.sqrt()


def spread(power: torch.Tensor) -> torch.Tensor:
    """Excitation after spreading over frequency; steeper upwards for weak bands.

    Args:
        power: of the bands, internal noise included, ``[BANDS, R, F]``.
    """
    parts = torch.split(power.flatten(1), _COLUMNS, dim=1)
    excitation = torch.cat([_spread_raw(part) for part in parts], dim=1)
    return excitation.div_(_unit_spread()).view_as(power)


@functools.cache
def _recursion(longest_s: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A block's response to its input, ``[BANDS, _BLOCK, _BLOCK]``, and to the state before it."""
    time_s = SHORTEST_S + 100 / centre_frequencies() * (longest_s - SHORTEST_S)
    kept = np.exp(-1 / (FRAME_RATE * time_s))[:, None]
    steps = np.arange(_BLOCK)
    distance = steps[None, :] - steps[:, None]
    response = kept[..., None] ** np.maximum(distance, 0) * (1 - kept[..., None])
    response = np.where(distance >= 0, response, 0.0).astype(np.float32)
    fading = (kept ** (steps + 1))[:, None].astype(np.float32)
    return torch.from_numpy(response), torch.from_numpy(fading)


def smooth(values: torch.Tensor, longest_s: float) -> torch.Tensor:
    """First-order recursive mean over time, from rest.

    Args:
        values: ``[BANDS, R, F]``.
        longest_s: time constant at 100 Hz; it falls to `SHORTEST_S` at high frequencies.
    """
    frames = values.shape[-1]
    count = -(-frames // _BLOCK)
    padded = torch.nn.functional.pad(values, (0, count * _BLOCK - frames))
    response, fading = _recursion(longest_s)
    # Each block from rest, then what the block before left, fading.
    found = torch.bmm(padded.view(BANDS, -1, _BLOCK), response)
    found = found.view(*values.shape[:2], count, _BLOCK)
    for block in range(1, count):
        found[:, :, block] += found[:, :, block - 1, -1:] * fading
    return found.flatten(2)[..., :frames]


def smear(excitation: torch.Tensor) -> torch.Tensor:
    """Excitation after forward masking: it rises at once and decays slowly."""
    return torch.maximum(smooth(excitation, SMEARING_S), excitation)


@functools.cache
def _neighbours() -> torch.Tensor:
    """Matrix of the mean over neighbouring bands, ``[BANDS, BANDS]``."""
    matrix = np.zeros((BANDS, BANDS), np.float32)
    for band in range(BANDS):
        near = slice(max(band - NEIGHBOURS_BELOW, 0), band + NEIGHBOURS_ABOVE + 1)
        matrix[band, near] = 1 / matrix[band, near].size
    return torch.from_numpy(matrix)


def adapt(reference: torch.Tensor, coded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Excitations after the ear got used to a difference in level and in spectrum.

    Args:
        reference, coded: smeared excitations, ``[BANDS, N, F]``.
    """
    mean_reference, mean_coded = smooth(torch.cat([reference, coded], dim=1), ADAPTATION_S).chunk(
        2, 1
    )
    gain = (mean_reference * mean_coded).sqrt_().sum(0) / mean_coded.sum(0)
    gain = gain.square_()
    reference, coded = reference / gain.clamp_min(1), coded * gain.clamp_max(1)
    both = smooth(torch.cat([coded * reference, reference.square()], dim=1), ADAPTATION_S)
    across, own = both.chunk(2, 1)
    ratio = across / own
    ratios = torch.cat([ratio.clamp_max(1), ratio.reciprocal().clamp_max_(1)], dim=1)
    averaged = (_neighbours() @ ratios.flatten(1)).view_as(ratios)
    for_reference, for_coded = smooth(averaged, ADAPTATION_S).chunk(2, 1)
    return reference * for_reference, coded * for_coded


@dataclass(frozen=True)
class Modulation:
    """How the envelope in each band moves, and how loud it is.

    Args:
        depth: rate of change over mean loudness, ``[BANDS, R, F]``.
        loudness: mean of excitation ** 0.3, ``[BANDS, R, F]``.
    """

    depth: torch.Tensor
    loudness: torch.Tensor


def modulation(excitation: torch.Tensor) -> Modulation:
    """Modulation of unsmeared excitations, ``[BANDS, R, F]``."""
    loudness = excitation.log().mul_(0.3).exp_()
    before = torch.nn.functional.pad(loudness[..., :-1], (1, 0))
    change = (loudness - before).abs_().mul_(FRAME_RATE)
    smoothed = smooth(torch.cat([change, loudness], dim=1), ADAPTATION_S)
    mean_change, mean_loudness = smoothed.chunk(2, 1)
    return Modulation(mean_change / (1 + mean_loudness / 0.3), mean_loudness)

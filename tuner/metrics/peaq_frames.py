"""What PEAQ's basic version measures in every frame of a signal pair.

Source: ITU-R BS.1387-1 (model output variables of the basic version; data boundary, energy and
loudness thresholds). The patterns come from `tuner.metrics.peaq_ear`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields

import numpy as np
import torch

from tuner.metrics import peaq_ear as ear
from tuner.sound.audio import SAMPLE_RATE

#: The signal begins and ends where so many samples in a row sum up to more than this …
BOUNDARY_SAMPLES = 5
#: … full scale at 1 (200 of 16 bits).
BOUNDARY_SUM = 200 / 32768
#: Energy of the latter half of a frame from which the harmonic structure is measured.
LEAST_ENERGY = 8000 / 32768**2
#: Loudness of both signals from which noise loudness counts, sone.
LEAST_LOUDNESS = 0.1

#: First bin (21.6 kHz) of the coded signal's noise floor, over which bandwidth is measured.
FLOOR_BIN = 921
#: What the reference and the coded signal must rise above that floor: 10 dB, 5 dB, as power.
REFERENCE_RISE, CODED_RISE = 10.0, 10**0.5

#: Lags of the correlation of the error's spectrum, and so many bins are correlated.
LAGS = 256

#: An energy below this share of the whole is that of rounding errors.
_ROUNDING = 1e-6
#: Frames whose spectra are taken at once: they stay in the processor's cache.
_FRAMES = 256


@dataclass(frozen=True)
class Spectral:
    """What needs the spectra of a frame.

    Args:
        bands: power of the bands, ``[BANDS, 2 N, F]``: first the references, then the coded.
        noise: power of the bands of the difference of both magnitudes, ``[BANDS, N, F]``.
        bandwidth_reference, bandwidth_coded: FFT bins, ``[N, F]``; 0: none.
        harmonics: error harmonic structure, ``[N, F]``.
    """

    bands: torch.Tensor
    noise: torch.Tensor
    bandwidth_reference: torch.Tensor
    bandwidth_coded: torch.Tensor
    harmonics: torch.Tensor


@dataclass(frozen=True)
class Frames:
    """Measures of each frame, ``[N, F]`` unless told otherwise; rows are monaural pairs.

    Args:
        bandwidth_reference, bandwidth_coded: FFT bins; 0: none.
        noise_to_mask: mean over the bands, linear.
        worst_noise_to_mask: largest of the bands, linear.
        modulation: difference of modulation, per cent (the first variant).
        new_modulation: the same, mainly of what the reference lacks (the second variant).
        modulation_weight: weight of both in time.
        noise_loudness: partial loudness of the noise, sone.
        is_loud: both signals are louder than `LEAST_LOUDNESS`.
        harmonics: error harmonic structure.
        is_energetic: one of the signals has `LEAST_ENERGY`.
        detection: (level difference / its threshold) to the power of the slope,
            ``[BANDS, N, F]``; the probability of detection is 1 - 2 ** -detection.
        steps: level difference in whole dB over its threshold, ``[BANDS, N, F]``.
        first, last: frames where the reference begins and ends, ``[N]``; a reference that
            never does has last < first.
    """

    bandwidth_reference: torch.Tensor
    bandwidth_coded: torch.Tensor
    noise_to_mask: torch.Tensor
    worst_noise_to_mask: torch.Tensor
    modulation: torch.Tensor
    new_modulation: torch.Tensor
    modulation_weight: torch.Tensor
    noise_loudness: torch.Tensor
    is_loud: torch.Tensor
    harmonics: torch.Tensor
    is_energetic: torch.Tensor
    detection: torch.Tensor
    steps: torch.Tensor
    first: torch.Tensor
    last: torch.Tensor


def measure(signals: torch.Tensor) -> Frames:
    """Measure all frames of N monaural signal pairs.

    Args:
        signals: float32 ``[2 N, T]`` at 48 kHz, full scale at 1, T from
            `peaq_ear.whole_frames`: first the references, then the coded, aligned.
    """
    blocks = ear.blocks_of(signals)
    spectral = _all_spectral(blocks)
    unsmeared = ear.spread(spectral.bands + ear.internal_noise()[..., None])
    excitation = ear.smear(unsmeared)
    moving = ear.modulation(unsmeared)
    noise_to_mask = spectral.noise / (excitation.chunk(2, 1)[0] * mask_offset()[..., None])
    modulation, new_modulation = _modulation_differences(*moving.depth.chunk(2, 1))
    detection, steps = _detection(*excitation.chunk(2, 1))
    first, last = _boundary(signals.chunk(2)[0])
    return Frames(
        bandwidth_reference=spectral.bandwidth_reference,
        bandwidth_coded=spectral.bandwidth_coded,
        noise_to_mask=noise_to_mask.mean(0),
        worst_noise_to_mask=noise_to_mask.amax(0),
        modulation=modulation,
        new_modulation=new_modulation,
        modulation_weight=_modulation_weight(moving.loudness.chunk(2, 1)[0]),
        noise_loudness=_noise_loudness(excitation, moving.depth),
        is_loud=_are_loud(excitation),
        harmonics=spectral.harmonics,
        is_energetic=_are_energetic(signals),
        detection=detection,
        steps=steps,
        first=first,
        last=last,
    )


def _all_spectral(blocks: torch.Tensor) -> Spectral:
    """`Spectral` of all frames, so many at a time.

    Args:
        blocks: ``[2 N, F, FRAME]``: first the references, then the coded.
    """
    at_once = max(_FRAMES // blocks.shape[0], 1)
    parts = [_spectral(part) for part in torch.split(blocks, at_once, dim=1)]
    names = [field.name for field in fields(Spectral)]
    return Spectral(**{n: torch.cat([getattr(p, n) for p in parts], dim=-1) for n in names})


def _spectral(blocks: torch.Tensor) -> Spectral:
    power = ear.power_spectra(blocks)
    bandwidths = _bandwidths(*power.chunk(2))
    heard = power[..., : ear.BINS] * ear.outer_ear()
    reference, coded = heard.chunk(2)
    magnitude_reference, magnitude_coded = heard.sqrt().chunk(2)
    noise = (magnitude_reference - magnitude_coded).square_()
    return Spectral(ear.group(heard), ear.group(noise), *bandwidths, _harmonics(reference, coded))


def _bandwidths(reference: torch.Tensor, coded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Highest bins of both above the noise floor of the coded signal, ``[N, F]``; 0: none."""
    floor = coded[..., FLOOR_BIN:-1].amax(-1, keepdim=True)
    of_reference = _highest(reference[..., :FLOOR_BIN] > REFERENCE_RISE * floor)
    rises = coded[..., :FLOOR_BIN] > CODED_RISE * floor
    within = torch.arange(FLOOR_BIN) < of_reference[..., None]
    return of_reference, _highest(rises.logical_and_(within))


def _highest(found: torch.Tensor) -> torch.Tensor:
    """Number of bins up to the highest true one, 0 if there is none."""
    # NumPy's argmax of truth values stops at the first.
    from_end = found.numpy()[..., ::-1].argmax(-1)
    return torch.from_numpy(np.where(found.any(-1), found.shape[-1] - from_end, 0))


@functools.cache
def _lag_window() -> torch.Tensor:
    return torch.from_numpy((np.sqrt(8 / 3) * np.hanning(LAGS) / LAGS).astype(np.float32))


def _harmonics(reference: torch.Tensor, coded: torch.Tensor) -> torch.Tensor:
    """Largest peak, after the first valley, of the cepstrum-like spectrum of the error.

    Args:
        reference, coded: power spectra after the outer ear, ``[N, F, BINS]``.
    """
    used = slice(0, 2 * LAGS)
    least = ear.LEAST_POWER
    error = (coded[..., used].clamp_min(least) / reference[..., used].clamp_min(least)).log_()
    size = 2 * LAGS
    whole, start = torch.fft.rfft(error, size), torch.fft.rfft(error[..., :LAGS], size)
    correlation = torch.fft.irfft(whole * start.conj(), size)[..., :LAGS]
    energy = torch.nn.functional.pad(error.square().cumsum(-1), (1, 0))
    least_energy = _ROUNDING * energy[..., -1:]
    energy = torch.maximum(energy[..., LAGS : 2 * LAGS] - energy[..., :LAGS], least_energy)
    scale = (energy * energy[..., :1]).sqrt_().clamp_min_(1e-30)
    correlation = correlation.div_(scale)
    centred = (correlation - correlation.mean(-1, keepdim=True)) * _lag_window()
    spectrum = ear.squares(torch.fft.rfft(centred))
    rises = spectrum[..., 1:] > spectrum[..., :-1]
    return (spectrum[..., 1:] * rises).amax(-1)


@functools.cache
def mask_offset() -> torch.Tensor:
    """What the mask lies under the excitation, as a factor of power, ``[BANDS, 1]``."""
    bark = ear.BAND_BARK * np.arange(ear.BANDS)
    offset_db = np.where(bark <= 12, 3.0, 0.25 * bark)
    return torch.from_numpy((10 ** (-offset_db / 10)).astype(np.float32))[:, None]


def _modulation_differences(
    reference: torch.Tensor, coded: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both variants of the modulation difference, ``[N, F]``, from depths ``[BANDS, N, F]``."""
    difference = coded - reference
    magnitude = difference.abs()
    first = (magnitude / (1 + reference)).mean(0)
    weighted = torch.where(difference > 0, magnitude, 0.1 * magnitude)
    second = weighted.div_(0.01 + reference).mean(0)
    return 100 * first, 100 * second


def _modulation_weight(loudness: torch.Tensor) -> torch.Tensor:
    least = 100 * ear.internal_noise()[..., None] ** 0.3
    return (loudness / (loudness + least)).sum(0)


def _noise_loudness(excitation: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """Partial loudness of additive noise, ``[N, F]``, sone."""
    reference, coded = ear.adapt(*excitation.chunk(2, 1))
    factor = 0.15 * depth + 0.5
    factor_reference, factor_coded = factor.chunk(2, 1)
    noise = ear.internal_noise()[..., None]
    masking = (-1.5 * (coded / reference - 1)).exp_()
    added = (factor_coded * coded - factor_reference * reference).clamp_min_(0)
    ratio = added / (noise + factor_reference * reference * masking)
    partial = ratio.log1p_().mul_(0.23).expm1_()
    scale = (0.23 * (noise / factor_coded).log_()).exp_()
    return 24 * (partial * scale).mean(0)


@functools.cache
def _loudness_constants() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Threshold index s, excitation at threshold, scale; ``[BANDS, 1, 1]`` each."""
    hz = ear.centre_frequencies()
    index = 10 ** ((-2 - 2.05 * np.arctan(hz / 4000) - 0.75 * np.arctan((hz / 1600) ** 2)) / 10)
    threshold = 10 ** (0.364 * (hz / 1000) ** -0.8)
    scale = 24 * 1.07664 * (threshold / (index * 1e4)) ** 0.23
    index_, threshold_, scale_ = (
        torch.from_numpy(values.astype(np.float32))[:, None, None]
        for values in (index, threshold, scale)
    )
    return index_, threshold_, scale_


def loudness(excitation: torch.Tensor) -> torch.Tensor:
    """Overall loudness, ``[R, F]``, sone."""
    index, threshold, scale = _loudness_constants()
    relative = (excitation * (index / threshold)).add_(1 - index)
    return (relative.log_().mul_(0.23).expm1_() * scale).clamp_min_(0).mean(0)


def _are_loud(excitation: torch.Tensor) -> torch.Tensor:
    reference, coded = (loudness(excitation) > LEAST_LOUDNESS).chunk(2)
    return reference & coded


def _detection(reference: torch.Tensor, coded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """`Frames.detection` and `Frames.steps` from smeared excitations, ``[BANDS, N, F]``."""
    reference_db, coded_db = (10 * each.log10() for each in (reference, coded))
    level = 0.3 * torch.maximum(reference_db, coded_db) + 0.7 * coded_db
    threshold = _just_noticeable_db(level)
    difference = reference_db - coded_db
    steps = difference.trunc().abs_() / threshold
    square = (difference / threshold).square_()
    slope_4, slope_6 = square.square(), square * square * square
    return torch.where(difference > 0, slope_4, slope_6), steps


def _just_noticeable_db(level_db: torch.Tensor) -> torch.Tensor:
    """Difference in level that is detected half the time, dB; huge at no level."""
    level = level_db.clamp_min(1e-3)
    polynomial = 9.01033e-11 * level + 5.05622e-6
    for coefficient in (-0.00102438, 0.0550197, -0.198719):
        polynomial = polynomial.mul_(level).add_(coefficient)
    steep = (6.39468 / level).log_().mul_(1.71332).exp_()
    return torch.where(level_db > 0, polynomial + 5.95072 * steep, 1e30)


def _boundary(reference: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """`Frames.first` and `Frames.last` of each row, from ``[N, T]``."""
    spans = [_span(row) for row in reference]
    first, last = zip(*spans, strict=True)
    return torch.tensor(first), torch.tensor(last)


def _span(row: torch.Tensor) -> tuple[int, int]:
    """First frame that holds the beginning, last that holds the end; 0, -1: there is none."""
    start, from_end = _first_over(row), _first_over(row.flip(0))
    if start is None or from_end is None:
        return 0, -1
    end = len(row) - BOUNDARY_SAMPLES - from_end
    first = -((ear.FRAME - BOUNDARY_SAMPLES - start) // ear.HOP)
    return max(first, 0), min(end // ear.HOP, len(row) // ear.HOP - 2)


def _first_over(row: torch.Tensor) -> int | None:
    """Index of the first of `BOUNDARY_SAMPLES` that sum up to more than `BOUNDARY_SUM`."""
    # Most signals begin within a second: the rest need not be looked at.
    for start in range(0, len(row) - BOUNDARY_SAMPLES + 1, SAMPLE_RATE):
        part = row[start : start + SAMPLE_RATE + BOUNDARY_SAMPLES - 1].abs()
        over = part.unfold(0, BOUNDARY_SAMPLES, 1).sum(-1) > BOUNDARY_SUM
        if over.any():
            return start + int(over.to(torch.uint8).argmax())
    return None


def _are_energetic(signals: torch.Tensor) -> torch.Tensor:
    energy = signals.view(len(signals), -1, ear.HOP).square().sum(-1)[:, 1:]
    reference, coded = (energy >= LEAST_ENERGY).chunk(2)
    return reference | coded

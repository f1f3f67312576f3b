"""The front end: gammatone power spectrograms in two time resolutions, for L, R, M and S.

Fine: ViSQOL v3's 32 ERB-spaced bands through 10.7 ms Hann windows every 5 ms, made by STFT times
the squared magnitude responses of its gammatone filters. Coarse: the same through 80 ms, as
ViSQOL hears it, which cannot see pre-echo. Its low bands, which 10.7 ms cannot tell apart, come
from 80 ms windows of the signal at 6 kHz, its high ones from the fine planes' mean power.

A coded signal is heard twice: by its own magnitudes, which show what is missing or added, and by
its error, coded minus reference, against the reference in the same band (noise-to-signal ratio).
Noise 10 dB under the signal moves a magnitude by half a dB and the ratio by 30.

Filters: M. Slaney, "An efficient implementation of the Patterson-Holdsworth auditory filter
bank", Apple TR 35, 1993; parameters as in ViSQOL v3 (google/visqol).

Shape of a feature tensor: ``[B, 4, 18, 32, F]``: signals (L, R, M, S); nine magnitude planes
(coarse, then the eight fine frames within its hop), then nine error planes in the same order;
bands from low to high; frames of 40 ms. Magnitudes are dB over the signal's own mean level, 0 is
`FLOOR_DB` under it and 1 is that level. Errors are 0 at `LEAST_NSR_DB` and below, 1 where the
error is as loud as the reference. A constant and what lies under 20 Hz are not heard.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

#: Names the stored features of training; bump with `tuner.model.scorer.MODEL_VERSION`.
FRONT_END_VERSION = 2
SAMPLE_RATE = 48_000
BANDS = 32
LOW_HZ = 50.0
HOP = 1920  # 40 ms
FINE_PER_HOP = 8
FINE_HOP = HOP // FINE_PER_HOP  # 5 ms
FINE_WINDOW = 512  # 10.7 ms
#: Bands of which the coarse plane is made at 6 kHz: centres up to 1.6 kHz.
LOW_BANDS = 14
DECIMATION = 8
COARSE_WINDOW = 480  # 80 ms at 6 kHz
_TAPS, _DECIMATED = 129, 16
#: Planes of one kind: magnitudes, or errors.
PLANES = 1 + FINE_PER_HOP
SIGNALS = 4
#: Depth of the spectrogram under the mean level, dB per band. Programme played at 75 dB SPL puts
#: it at 5 dB SPL, about the threshold of hearing: 16-bit rounding and below is not heard.
FLOOR_DB = 70.0
#: Noise-to-signal ratios under this count as no error, dB: 40 dB under the signal in its own band
#: noise is masked by any programme (a tone masks noise from about 25 dB under it) …
LEAST_NSR_DB = -40.0
#: … and over this they are told apart no more.
MOST_NSR_DB = 20.0
#: Bins of the STFT that are not heard: those that hold a constant and what lies under 20 Hz,
#: spread by the Hann window: up to 25 Hz in the low bands' coarse plane, 94 Hz in the fine planes.
_UNHEARD_BINS = {COARSE_WINDOW: 3, FINE_WINDOW: 2}

#: Silence before the first sample, so that the first frame is centred in the first hop.
_BEFORE = (FINE_WINDOW - FINE_HOP) // 2

#: On a CPU so many samples of each channel are transformed at once: they stay in its cache.
_CACHED_SAMPLES = 65_536

# Glasberg and Moore (1990), as in Slaney (1993).
_EAR_Q = 9.26449
_MIN_BANDWIDTH = 24.7


def centre_frequencies(bands: int = BANDS, low_hz: float = LOW_HZ) -> npt.NDArray[np.float64]:
    """Centre frequencies in Hz, ascending, equally spaced in ERB up to 24 kHz (Slaney's ERBSpace).

    >>> [round(f) for f in centre_frequencies()[[0, 15, 31]]]
    [50, 2032, 20845]
    """
    offset = _EAR_Q * _MIN_BANDWIDTH
    high = SAMPLE_RATE / 2 + offset
    steps = np.arange(1, bands + 1) * (np.log(low_hz + offset) - np.log(high)) / bands
    return np.asarray((np.exp(steps) * high - offset)[::-1])


def power_responses(frequencies: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Squared magnitude responses of the gammatone filters, ``[BANDS, len(frequencies)]``.

    Args:
        frequencies: in Hz.

    Each filter is Slaney's cascade of four second-order sections, 0 dB at its centre.
    """
    centre = centre_frequencies()[:, None]
    period = 1 / SAMPLE_RATE
    bandwidth = 1.019 * 2 * np.pi * (centre / _EAR_Q + _MIN_BANDWIDTH)
    angle, decay = 2 * np.pi * centre * period, np.exp(-bandwidth * period)

    def response(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.complex128]:
        delay = np.exp(-2j * np.pi * hz * period)
        poles = 1 - 2 * np.cos(angle) * decay * delay + decay**2 * delay**2
        product = np.ones_like(poles)
        for root in (np.sqrt(3 + 2**1.5), np.sqrt(3 - 2**1.5)):
            for sign in (1, -1):
                zero = decay * (np.cos(angle) + sign * root * np.sin(angle))
                product = product * (1 - zero * delay) / poles
        return np.asarray(product)

    at_centre = np.abs(response(centre))
    return np.asarray((np.abs(response(frequencies[None, :])) / at_centre) ** 2)


# Outside inference mode, as gradients need them, too (`tuner.model.gradient`).
@functools.cache
@torch.inference_mode(False)
def _weights(window: int, rate: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Hann window and the matrix from squared magnitudes to band power, ``[bins, BANDS]``."""
    hann = torch.hann_window(window, periodic=False, dtype=torch.float32)
    frequencies = np.fft.rfftfreq(window, 1 / rate)
    # Both window lengths give a stationary signal the same band power.
    matrix = (
        2
        * power_responses(np.asarray(frequencies, np.float64)).T
        / (window * float(hann.square().sum()))
    )
    matrix[: _UNHEARD_BINS[window]] = 0.0
    return hann, torch.from_numpy(matrix.astype(np.float32))


@functools.cache
@torch.inference_mode(False)
def _decimator() -> torch.Tensor:
    """The matrix from a block of samples to one of `_DECIMATED`, every eighth after a low-pass.

    Windowed sinc: flat to 2 kHz, -3 dB at 3 kHz, -60 dB from 4 kHz.
    """
    place = torch.arange(_TAPS) - (_TAPS - 1) / 2
    sinc = torch.sinc(place / DECIMATION) * torch.kaiser_window(_TAPS, False, 6.0)
    matrix = torch.zeros(_TAPS + DECIMATION * (_DECIMATED - 1), _DECIMATED)
    for column in range(_DECIMATED):
        matrix[DECIMATION * column : DECIMATION * column + _TAPS, column] = sinc / sinc.sum()
    return matrix


def _frames(samples: int) -> int:
    """How many hops of a signal are heard: all whole ones, at least 1."""
    return max(samples // HOP, 1)


def _padded(pcm: torch.Tensor) -> torch.Tensor:
    """Signals without their constant, ``[B, C, _BEFORE + T + …]``, silence around them.

    Args:
        pcm: float32 ``[B, C, T]`` at 48 kHz, C = 1 or 2.
    """
    samples = pcm.shape[-1]
    fine = (_frames(samples) * FINE_PER_HOP - 1) * FINE_HOP + FINE_WINDOW - _BEFORE - samples
    low = (-samples) % (DECIMATION * _DECIMATED) + _TAPS // 2
    centred = pcm - pcm.mean(dim=-1, keepdim=True)
    return torch.nn.functional.pad(centred, (_BEFORE, max(fine, low)))


def _decimate(padded: torch.Tensor, samples: int) -> torch.Tensor:
    """Of `_padded` at least T / 8 samples at 6 kHz."""
    matrix, hop = _decimator().to(padded.device), DECIMATION * _DECIMATED
    count = -(-samples // hop)
    blocks = padded[..., _BEFORE - _TAPS // 2 :].unfold(-1, len(matrix), hop)[..., :count, :]
    return (blocks @ matrix).flatten(-2)


def _band_power(
    padded: torch.Tensor, rate: int, window: int, hop: int, frames: int, bands: int
) -> torch.Tensor:
    """Powers of the lowest bands of L, R, M, S, ``[B, 4, bands, frames]``.

    Args:
        padded: ``[B, C, T]`` at `rate` Hz, so that its first window is the first frame. Of a mono
            signal L, R and M are the same, and S is silent.
    """
    hann, matrix = (t.to(padded.device) for t in _weights(window, rate))
    blocks = padded.unfold(-1, window, hop)[..., :frames, :]
    at_once = frames if padded.is_cuda else max(_CACHED_SAMPLES // window, 1)
    # Real and imaginary parts of a bin count alike.
    twice = matrix[:, :bands].repeat_interleave(2, dim=0)
    powers = [_squares(part * hann) @ twice for part in torch.split(blocks, at_once, -2)]
    heard = torch.cat(powers, dim=-2).transpose(-1, -2).unbind(dim=1)
    if len(heard) == 1:
        return torch.stack([*heard * 3, torch.zeros_like(heard[0])], dim=1)
    left, right, side = heard
    # |L|^2 + |R|^2 = 2 (|M|^2 + |S|^2)
    mid = ((left + right) / 2 - side).clamp_min(0)
    return torch.stack([left, right, mid, side], dim=1)


def _squares(blocks: torch.Tensor) -> torch.Tensor:
    """Squares of the real and imaginary parts of L, R and S, ``[B, 3, frames, 2 bins]``, of
    blocks of L and R; of a mono signal's ``[B, 1, …]``."""
    parts = torch.view_as_real(torch.fft.rfft(blocks)).flatten(-2)
    if parts.shape[1] == 1:
        return parts.square()
    side = (parts[:, :1] - parts[:, 1:]) / 2
    return torch.cat([parts, side], dim=1).square()


def spectrograms(pcm: torch.Tensor) -> torch.Tensor:
    """Band powers in both resolutions, ``[B, 4, 9, 32, F]``, linear, F = T // 1920 (at least 1).

    Args:
        pcm: float32 ``[B, C, T]`` at 48 kHz, C = 1 or 2.
    """
    return _spectrograms(_padded(pcm), pcm.shape[-1])


def _spectrograms(padded: torch.Tensor, samples: int) -> torch.Tensor:
    """`spectrograms` of what `_padded` gives of so many samples."""
    frames = _frames(samples)
    many = frames * FINE_PER_HOP
    fine = _band_power(padded, SAMPLE_RATE, FINE_WINDOW, FINE_HOP, many, BANDS)
    hop = HOP // DECIMATION
    before = (COARSE_WINDOW - hop) // 2
    decimated = _decimate(padded, samples)
    after = max((frames - 1) * hop + COARSE_WINDOW - before - decimated.shape[-1], 0)
    low = _band_power(
        torch.nn.functional.pad(decimated, (before, after)),
        SAMPLE_RATE // DECIMATION,
        COARSE_WINDOW,
        hop,
        frames,
        LOW_BANDS,
    )
    coarse = torch.cat([low, _through_80_ms(fine[:, :, LOW_BANDS:], frames)], dim=2)
    fine = fine.reshape(*fine.shape[:3], frames, FINE_PER_HOP).permute(0, 1, 4, 2, 3)
    return torch.cat([coarse.unsqueeze(2), fine], dim=2)


def _through_80_ms(fine: torch.Tensor, frames: int) -> torch.Tensor:
    """Fine powers ``[..., frames * 8]`` by a squared Hann window of 80 ms, ``[..., frames]``."""
    window = torch.hann_window(2 * FINE_PER_HOP + 1, periodic=False, device=fine.device)[:-1] ** 2
    half = FINE_PER_HOP // 2
    padded = torch.nn.functional.pad(fine, (half, half))
    blocks = padded.unfold(-1, 2 * FINE_PER_HOP, FINE_PER_HOP)[..., :frames, :]
    return blocks @ (window / window.sum())


def mean_level(power: torch.Tensor) -> torch.Tensor:
    """Mean power of left and right, all bands, over time: ``[B, 1, 1, 1, 1]``.

    Args:
        power: from `spectrograms`.
    """
    level = power[:, :2, 0].sum(dim=2).mean(dim=(1, 2))
    return level.clamp_min(1e-10).reshape(-1, 1, 1, 1, 1)


def to_decibels(power: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
    """Band powers to features: 0 at `FLOOR_DB` under `level`, 1 at `level`."""
    relative = power / level + 10 ** (-FLOOR_DB / 10)
    return 1 + 10 * torch.log10(relative) / FLOOR_DB


@dataclass(frozen=True)
class Known:
    """A reference as the front end keeps it: coded signals are held against it.

    Args:
        padded: its channels without their constant, silence around them.
        samples: T.
        magnitudes: ``[B, 4, 9, 32, F]``.
        level: `mean_level` of its powers.
    """

    padded: torch.Tensor
    samples: int
    magnitudes: torch.Tensor
    level: torch.Tensor

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""
        return int(self.padded.nbytes + self.magnitudes.nbytes)

    @property
    def features(self) -> torch.Tensor:
        """Its features as of a coded signal without any error, ``[B, 4, 18, 32, F]``."""
        return torch.cat([self.magnitudes, torch.zeros_like(self.magnitudes)], dim=2)


def know(reference: torch.Tensor) -> Known:
    """What is kept of references, float32 ``[B, C, T]`` at 48 kHz."""
    padded, samples = _padded(reference), reference.shape[-1]
    power = _spectrograms(padded, samples)
    level = mean_level(power)
    return Known(padded, samples, to_decibels(power, level), level)


def join(known: Sequence[Known]) -> Known:
    """References of one shape as one batch."""
    if len(known) == 1:
        return known[0]
    padded, magnitudes, level = (
        torch.cat([getattr(each, name) for each in known])
        for name in ("padded", "magnitudes", "level")
    )
    return Known(padded, known[0].samples, magnitudes, level)


def features(pcm: torch.Tensor, known: Known) -> torch.Tensor:
    """Features of coded signals, ``[B, 4, 18, 32, F]``.

    Magnitudes are relative to the signal's own mean level, and the error is taken after levels
    are matched: so a gain over the whole clip is not heard, as a listener would turn it away,
    while an imbalance between channels is. Nor is polarity.

    Args:
        pcm: float32 ``[B, C, T]`` at 48 kHz, each aligned with its reference to the sample.
        known: their references; one for all, or one for each.
    """
    padded = _padded(pcm)
    power = _spectrograms(padded, known.samples)
    magnitudes = to_decibels(power, mean_level(power))
    # The constants are gone already, and what is silence stays it.
    error = padded * _matching_gain(padded, known.padded) - known.padded
    return torch.cat([magnitudes, _to_ratio(_spectrograms(error, known.samples), known)], dim=2)


def _matching_gain(coded: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """The gain that brings `coded` nearest to `reference` (least squares), ``[B, 1, 1]``."""
    both: torch.Tensor = torch.linalg.vecdot(coded, reference).sum(dim=1)
    own: torch.Tensor = torch.linalg.vecdot(coded, coded).sum(dim=1)
    return (both / own.clamp_min(1e-12))[:, None, None]


def _to_ratio(error: torch.Tensor, known: Known) -> torch.Tensor:
    """Powers of the error to noise-to-signal features: 0 at `LEAST_NSR_DB`, 1 at 0 dB."""
    relative = error / known.level + 10 ** ((LEAST_NSR_DB - FLOOR_DB) / 10)
    ratio_db = 10 * torch.log10(relative) - FLOOR_DB * (known.magnitudes - 1)
    return 1 - ratio_db.clamp(LEAST_NSR_DB, MOST_NSR_DB) / LEAST_NSR_DB

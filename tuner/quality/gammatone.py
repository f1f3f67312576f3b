"""The front end: gammatone power spectrograms in two time resolutions, for L, R, M and S.

Coarse: ViSQOL v3's spectrogram (32 ERB-spaced bands, 80 ms Hann windows every 20 ms), made by
STFT times the squared magnitude responses of the same gammatone filters. Fine: the same bands
through 10.7 ms windows every 5 ms, because 80 ms windows cannot see pre-echo.

Filters: M. Slaney, "An efficient implementation of the Patterson-Holdsworth auditory filter
bank", Apple TR 35, 1993; parameters as in ViSQOL v3 (google/visqol).

Shape of a feature tensor: ``[B, 4, 5, 32, F]``: signals (L, R, M, S), planes (coarse, then the
four fine frames within its hop), bands from low to high, frames of 20 ms. Values are dB over
the reference's mean level, mapped so that 0 is `FLOOR_DB` under it and 1 is that level.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import torch

#: Names the stored features of training; bump with `tuner.quality.scorer.MODEL_VERSION`.
FRONT_END_VERSION = 1
SAMPLE_RATE = 48_000
BANDS = 32
LOW_HZ = 50.0
HOP = 960  # 20 ms
COARSE_WINDOW = 3840  # 80 ms
FINE_PER_HOP = 4
FINE_HOP = HOP // FINE_PER_HOP  # 5 ms
FINE_WINDOW = 512  # 10.7 ms
PLANES = 1 + FINE_PER_HOP
SIGNALS = 4
#: Depth of the spectrogram under the mean level, dB per band. Programme played at 75 dB SPL puts
#: it at 5 dB SPL, about the threshold of hearing: 16-bit rounding and below is not heard.
FLOOR_DB = 70.0

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


@functools.cache
def _weights(window: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Hann window and the matrix from squares to band power, ``[size + 2, BANDS]``.

    The squares are those of the STFT's real and imaginary parts by turns: the product adds them.
    """
    hann = torch.hann_window(window, periodic=False, dtype=torch.float32)
    frequencies = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    # Both window lengths give a stationary signal the same band power.
    matrix = (
        2
        * power_responses(np.asarray(frequencies, np.float64)).T
        / (size * float(hann.square().sum()))
    )
    return hann, torch.from_numpy(matrix.astype(np.float32).repeat(2, axis=0))


def _band_power(pcm: torch.Tensor, window: int, hop: int, frames: int) -> torch.Tensor:
    """Band powers of L, R, M, S, ``[B, 4, BANDS, frames]``; frame i is centred in hop i.

    Args:
        pcm: ``[B, 2, T]``.
    """
    size = 1 << (window - 1).bit_length()
    hann, matrix = (t.to(pcm.device) for t in _weights(window, size))
    before = (window - hop) // 2
    after = max((frames - 1) * hop + window - before - pcm.shape[-1], 0)
    padded = torch.nn.functional.pad(pcm, (before, after))
    blocks = padded.unfold(-1, window, hop)[..., :frames, :]
    at_once = frames if pcm.is_cuda else max(_CACHED_SAMPLES // size, 1)
    powers = [_squares(part * hann, size) @ matrix for part in torch.split(blocks, at_once, -2)]
    return torch.cat(powers, dim=-2).transpose(-1, -2)


def _squares(blocks: torch.Tensor, size: int) -> torch.Tensor:
    """Squared parts of the STFT of L, R, M, S, ``[B, 4, frames, size + 2]``, of L and R."""
    parts = torch.view_as_real(torch.fft.rfft(blocks, size)).flatten(-2)
    left, right = parts.unbind(dim=1)
    return torch.stack([left, right, (left + right) / 2, (left - right) / 2], dim=1).square_()


def spectrograms(pcm: torch.Tensor) -> torch.Tensor:
    """Band powers in both resolutions, ``[B, 4, 5, 32, F]``, linear, F = T // 960 (at least 1).

    Args:
        pcm: float32 ``[B, C, T]`` at 48 kHz, C = 1 or 2.
    """
    if pcm.shape[1] == 1:
        pcm = pcm.expand(-1, 2, -1)
    frames = max(pcm.shape[-1] // HOP, 1)
    coarse = _band_power(pcm, COARSE_WINDOW, HOP, frames)
    fine = _band_power(pcm, FINE_WINDOW, FINE_HOP, frames * FINE_PER_HOP)
    fine = fine.reshape(*fine.shape[:3], frames, FINE_PER_HOP).permute(0, 1, 4, 2, 3)
    return torch.cat([coarse.unsqueeze(2), fine], dim=2)


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


def features(pcm: torch.Tensor) -> torch.Tensor:
    """Features of a signal relative to its own mean level, ``[B, 4, 5, 32, F]``.

    So a gain over the whole clip is not heard, as a listener would turn it away, while an
    imbalance between channels is.

    Args:
        pcm: float32 ``[B, C, T]`` at 48 kHz; a coded signal aligned with its reference.
    """
    power = spectrograms(pcm)
    return to_decibels(power, mean_level(power))

"""The quality model as a function that can be differentiated, to train codecs with.

The same sums as `tuner.model.scorer`, kept in torch from the samples to the score. Signals must
be aligned already: a delay has no gradient.
"""

from __future__ import annotations

import math

import torch

from tuner.model.gammatone import features, know
from tuner.model.insenet import stack
from tuner.model.scorer import SHIPPED_WEIGHTS, fused_members, weights_facts
from tuner.model.windows import WORST_EXPONENT, windows
from tuner.pcm import SAMPLE_RATE
from tuner.sound.stereo import SIDE_INAUDIBLE_DB, SIDE_LEAST_AUDIBLE, WIDTH_DECAY_DB

#: Keeps the root of the pooling differentiable where nothing is lost; it costs 0.01 points there.
LEAST_LOST = 1e-6
#: Silence that follows a signal before it is resampled, s: what rings at its end stays there.
GUARD_S = 0.05


def predict(
    reference: torch.Tensor, coded: torch.Tensor, weights: str = str(SHIPPED_WEIGHTS)
) -> torch.Tensor:
    """Predicted MUSHRA quality, 0 to 100, ``[B]``, differentiable with respect to `coded`.

    Args:
        reference, coded: float32 ``[B, C, T]`` at 48 kHz on one device, aligned; C = 1 or 2.
        weights: path of a safetensors file.

    Raises:
        WeightsError: the weights are missing or damaged.
    """
    members = fused_members(weights, str(coded.device))
    with torch.autocast(coded.device.type, enabled=False):
        with torch.no_grad():
            known = know(reference)
        pairs = stack(windows(known.features), windows(features(coded, known)))
        # Windows come in blocks of the batch.
        means = torch.stack([member.hear(*pairs).mean for member in members])
        means = means.reshape(len(members), -1, len(coded))
        kept = 1 - weights_facts(weights).width_underrated * _lost_width(reference, coded)
        lost = (100 - means * kept).clamp_min(LEAST_LOST) ** WORST_EXPONENT
        pooled: torch.Tensor = 100 - lost.mean(dim=1) ** (1 / WORST_EXPONENT)
        return pooled.mean(dim=0)


def _lost_width(reference: torch.Tensor, coded: torch.Tensor) -> torch.Tensor:
    """`tuner.sound.stereo.lost_width` of each pair, ``[B]``."""
    before, after = _side_level_db(reference), _side_level_db(coded)
    audible = (1 - torch.maximum(before, after) / SIDE_INAUDIBLE_DB).clamp(0, 1)
    audible = torch.where(audible >= SIDE_LEAST_AUDIBLE, audible, 0)
    return audible * (1 - torch.exp(-(before - after).abs() / WIDTH_DECAY_DB))


def _side_level_db(pcm: torch.Tensor) -> torch.Tensor:
    mid, side = (s.square().mean(dim=-1) for s in (pcm[:, 0] + pcm[:, -1], pcm[:, 0] - pcm[:, -1]))
    return 10 * torch.log10((side + 1e-6 * mid + 1e-15) / (mid + 1e-15))


def to_model_rate(pcm: torch.Tensor, rate: int) -> torch.Tensor:
    """Resample to 48 kHz by cutting or filling the spectrum: linear, so it passes gradients.

    Args:
        pcm: ``[..., T]`` at `rate` Hz.

    Returns:
        ``[..., ceil(T * 48000 / rate)]``.
    """
    if rate == SAMPLE_RATE:
        return pcm
    common = math.gcd(rate, SAMPLE_RATE)
    up, down = SAMPLE_RATE // common, rate // common
    blocks = math.ceil((pcm.shape[-1] + GUARD_S * rate) / down)
    spectrum = torch.fft.rfft(pcm, blocks * down)
    resampled: torch.Tensor = torch.fft.irfft(spectrum, blocks * up) * (up / down)
    return resampled[..., : math.ceil(pcm.shape[-1] * up / down)]

"""Clips of any length: heard in windows of the length that the networks were taught on, and
pooled the way listeners judge, the worst moment weighing more than its share of time.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from tuner.audio import SAMPLE_RATE
from tuner.errors import ScoreError
from tuner.quality.gammatone import HOP
from tuner.quality.insenet import LOGISTIC_STD
from tuner.scorer import WINDOW_S, Score

#: Weight of the worst window beside the mean of all.
WORST_WEIGHT = 0.25


def windows(features: torch.Tensor) -> torch.Tensor:
    """Features ``[B, 4, 5, 32, F]`` in W windows, ``[W * B, 4, 5, 32, frames]``.

    The last window ends with the clip and may overlap the one before it.
    """
    frames, length = features.shape[-1], round(WINDOW_S * SAMPLE_RATE / HOP)
    if frames <= length:
        return features
    starts = [*range(0, frames - length, length), frames - length]
    return torch.cat([features[..., start : start + length] for start in starts])


def pool(means: npt.NDArray[np.float64], scales: npt.NDArray[np.float64]) -> Score:
    """One score of all windows by all members.

    Args:
        means: 0 to 100, ``[members, windows]``.
        scales: of the logistic distributions, the same shape.

    Raises:
        ScoreError: one of them is not finite.
    """
    if not (np.isfinite(means).all() and np.isfinite(scales).all()):
        raise ScoreError(f"the model gave {means.mean()}: is there NaN in the signal?")
    worst = means.mean(axis=0).argmin()
    pooled = (1 - WORST_WEIGHT) * means.mean(axis=1) + WORST_WEIGHT * means[:, worst]
    # The opinions of one clip's windows rise and fall together: their deviations add up.
    spreads = LOGISTIC_STD * scales.mean(axis=1)
    disagreement = float(pooled.std())
    # The members are a mixture: its variance is their mean variance and that of their means.
    spread = math.sqrt(float(np.mean(spreads**2)) + disagreement**2)
    windows = tuple(float(mean) for mean in means.mean(axis=0))
    members = tuple(float(mean) for mean in pooled)
    return Score(float(pooled.mean()), spread, disagreement, windows, members)

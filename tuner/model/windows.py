"""Clips of any length: heard in windows of the length that the networks were taught on, and
pooled the way listeners judge, the worst moment weighing more than its share of time.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from tuner.errors import ScoreError
from tuner.model.gammatone import HOP
from tuner.model.insenet import LOGISTIC_STD
from tuner.scorer import WINDOW_S, Score
from tuner.sound.audio import SAMPLE_RATE

#: Exponent of the mean over windows of what each loses (Minkowski pooling). Windows alike give
#: their mean; one of two that is spoilt altogether leaves 21 points of 100.
WORST_EXPONENT = 3.0


def windows(features: torch.Tensor) -> torch.Tensor:
    """Features ``[B, 4, 18, 32, F]`` in W windows, ``[W * B, 4, 18, 32, frames]``.

    The last window ends with the clip and may overlap the one before it.
    """
    frames, length = features.shape[-1], round(WINDOW_S * SAMPLE_RATE / HOP)
    if frames <= length:
        return features
    starts = [*range(0, frames - length, length), frames - length]
    return torch.cat([features[..., start : start + length] for start in starts])


def pool(
    means: npt.NDArray[np.float64],
    scales: npt.NDArray[np.float64],
    families: npt.NDArray[np.float64],
) -> Score:
    """One score of all windows by all members.

    Args:
        means: 0 to 100, ``[members, windows]``.
        scales: of the logistic distributions, the same shape.
        families: each family's opinion, 0 to 100, ``[members, windows, 3]``.

    Raises:
        ScoreError: one of them is not finite.
    """
    if not all(np.isfinite(part).all() for part in (means, scales, families)):
        raise ScoreError(f"the model returned {means.mean()}: does the signal contain NaN?")
    pooled = _over_windows(means)
    # The opinions of one clip's windows rise and fall together: their deviations add up.
    spreads = LOGISTIC_STD * scales.mean(axis=1)
    disagreement = float(pooled.std())
    # The members are a mixture: its variance is their mean variance and that of their means.
    spread = math.sqrt(float(np.mean(spreads**2)) + disagreement**2)
    windows = tuple(float(mean) for mean in means.mean(axis=0))
    members = tuple(float(mean) for mean in pooled)
    opinions = tuple(float(opinion) for opinion in _over_windows(families).mean(axis=0))
    return Score(float(pooled.mean()), spread, disagreement, windows, members, opinions)


def _over_windows(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Points of all windows as one, ``[members, windows, ...]`` to ``[members, ...]``."""
    lost = np.mean((100 - points) ** WORST_EXPONENT, axis=1) ** (1 / WORST_EXPONENT)
    return np.asarray(100 - lost)

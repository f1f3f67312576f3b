"""What networks predict of rated signals, and how well that agrees with the listeners."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from tuner.model.insenet import LOGISTIC_STD
from tuner.model.windows import pool, windows
from tuner.training.finetune import pairs

#: Half the interval that holds 90 % of a logistic distribution, in scales.
INTERVAL_SCALES = math.log(0.95 / 0.05)


@dataclass(frozen=True)
class Prediction:
    """Mean and scale of the logistic distribution of N coded versions, float64 ``[N]``."""

    mean: np.ndarray
    scale: np.ndarray


def predict(models: Sequence[nn.Module], features_of: torch.Tensor) -> Prediction:
    """What an ensemble predicts: its members are a mixture, as in `tuner.model.scorer`.

    Args:
        features_of: ``[1 + N, 4, 18, 32, F]``; row 0 is the reference.
    """
    reference, coded = (windows(part) for part in pairs(features_of))
    with torch.inference_mode():
        said = zip(*(model.eval()(reference, coded) for model in models), strict=True)
    # Each of means, scales and families: [members, windows * N, …] to [N, members, windows, …]
    count = len(features_of) - 1
    stacked = [torch.stack(each).double() for each in said]
    parts = [each.reshape(len(each), -1, count, *each.shape[2:]) for each in stacked]
    scores = [
        pool(*each) for each in zip(*(part.movedim(2, 0).numpy() for part in parts), strict=True)
    ]
    spreads = np.array([score.spread for score in scores])
    return Prediction(np.array([score.mean for score in scores]), spreads / LOGISTIC_STD)


@dataclass(frozen=True)
class Figures:
    """How predictions agree with listeners.

    Args:
        pearson, spearman: of predicted and mean ratings over all coded versions.
        coverage: share of individual ratings in the predicted 90 % interval.
        error: mean absolute error against the mean ratings, points.
    """

    pearson: float
    spearman: float
    coverage: float
    error: float


def agreement(
    predictions: Sequence[Prediction], ratings: Sequence[Sequence[Sequence[float]]]
) -> Figures:
    """Figures over the coded versions of all references.

    Ratings end at 0 and 100, and so does the interval.

    Args:
        predictions: one for each reference.
        ratings: of each reference's coded versions, by listener.
    """
    from scipy.stats import pearsonr, spearmanr

    mean = np.concatenate([p.mean for p in predictions])
    reach = np.concatenate([p.scale for p in predictions]) * INTERVAL_SCALES
    given = [np.array(values) for versions in ratings for values in versions]
    expected = np.array([values.mean() for values in given])
    low, high = np.maximum(mean - reach, 0), np.minimum(mean + reach, 100)
    inside = [(a <= v) & (v <= b) for a, v, b in zip(low, given, high, strict=True)]
    return Figures(
        float(pearsonr(mean, expected).statistic),
        float(spearmanr(mean, expected).statistic),
        float(np.concatenate(inside).mean()),
        float(np.abs(mean - expected).mean()),
    )

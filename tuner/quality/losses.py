"""What a prediction costs in training.

The logistic likelihood of both teachers' opinions teaches mean and spread. A pairwise ranking
term within groups teaches order: of settings of one encoder at one bitrate, which is what the
search asks, and of ladders of severities, which is known.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from tuner.quality.shards import Batch

#: Settings that the mean opinion places closer than this (points) have no order to learn.
LEAST_DIFFERENCE = 1.0
#: Ranking margins are soft over this many points.
RANKING_SOFTNESS = 3.0


def likelihood_loss(
    mean: torch.Tensor, scale: torch.Tensor, opinions: torch.Tensor
) -> torch.Tensor:
    """Negative log likelihood of the opinions ``[N, 2]`` under logistic(mean, scale)."""
    z = (opinions - mean[:, None]) / scale[:, None]
    return (z.abs() + 2 * functional.softplus(-z.abs()) + scale[:, None].log()).mean()


def better(batch: Batch) -> torch.Tensor:
    """Where pair i is better than pair j, bool ``[N, N]``; only within a group.

    In a ladder the milder is better, whatever the opinions say; elsewhere the mean opinion
    decides, if it differs by more than `LEAST_DIFFERENCE`.
    """
    opinion = batch.opinions.mean(dim=1)
    same = (batch.of[:, None] == batch.of) & (batch.groups[:, None] == batch.groups)
    same &= batch.groups[:, None] >= 0
    ladder = (batch.severities[:, None] >= 0) & (batch.severities >= 0)
    milder = batch.severities[:, None] < batch.severities
    return same & torch.where(ladder, milder, opinion[:, None] - opinion > LEAST_DIFFERENCE)


def ranking_loss(mean: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """Soft pairwise ranking loss of means ``[N]`` against an order ``[N, N]`` from `better`."""
    loss = functional.softplus((mean - mean[:, None]) / RANKING_SOFTNESS)
    return (loss * order).sum() / order.sum().clamp_min(1)

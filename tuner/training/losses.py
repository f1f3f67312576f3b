"""What a prediction costs in training.

The logistic likelihood of the fused opinion teaches the mean; that of the families' opinions about
it teaches the spread. Each family's head learns its own opinion. A pairwise ranking term within
groups teaches order: of settings of one encoder at one bitrate, which is what the search asks, and
of ladders of severities, which is known.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from tuner.training.shards import Batch

#: An error of a family's head by so many points costs as much as 1 in log likelihood.
FAMILY_SOFTNESS = 10.0
#: Settings that the fused opinion places closer than this (points) have no order to learn.
LEAST_DIFFERENCE = 1.0
#: Ranking margins are soft over this many points.
RANKING_SOFTNESS = 3.0


def likelihood_loss(
    mean: torch.Tensor, scale: torch.Tensor, opinions: torch.Tensor
) -> torch.Tensor:
    """Negative log likelihood of the opinions ``[N, K]`` under logistic(mean, scale)."""
    z = (opinions - mean[:, None]) / scale[:, None]
    return (z.abs() + 2 * functional.softplus(-z.abs()) + scale[:, None].log()).mean()


def family_loss(families: torch.Tensor, opinions: torch.Tensor) -> torch.Tensor:
    """What the heads ``[N, 3]`` miss of the families' opinions ``[N, 3]``."""
    return functional.smooth_l1_loss(families, opinions, beta=3.0) / FAMILY_SOFTNESS


def better(batch: Batch) -> torch.Tensor:
    """Where pair i is better than pair j, bool ``[N, N]``; only within a group.

    In a ladder the milder is better, whatever the opinions say; elsewhere the fused opinion
    decides, if it differs by more than `LEAST_DIFFERENCE`.
    """
    opinion = batch.fused
    same = (batch.of[:, None] == batch.of) & (batch.groups[:, None] == batch.groups)
    same &= batch.groups[:, None] >= 0
    ladder = (batch.severities[:, None] >= 0) & (batch.severities >= 0)
    milder = batch.severities[:, None] < batch.severities
    return same & torch.where(ladder, milder, opinion[:, None] - opinion > LEAST_DIFFERENCE)


def ranking_loss(mean: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """Soft pairwise ranking loss of means ``[N]`` against an order ``[N, N]`` from `better`."""
    loss = functional.softplus((mean - mean[:, None]) / RANKING_SOFTNESS)
    return (loss * order).sum() / order.sum().clamp_min(1)

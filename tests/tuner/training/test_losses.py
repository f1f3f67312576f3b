"""What a prediction costs: likelihood of the opinions, order within groups."""

import numpy as np
import pytest
import torch

from tuner.training.losses import better, likelihood_loss, ranking_loss
from tuner.training.shards import Batch


def make_batch(
    opinions: list[float], groups: list[int], severities: list[float], of: list[int] | None = None
) -> Batch:
    """Labels alone; no features."""
    return Batch(
        reference=torch.empty(0),
        coded=torch.empty(0),
        of=torch.tensor(of or [0] * len(opinions)),
        opinions=torch.tensor(opinions)[:, None].repeat(1, 4),
        mid_opinions=torch.empty(0),
        groups=torch.tensor(groups),
        severities=torch.tensor(severities),
    )


def test_likelihood_is_least_at_the_opinions() -> None:
    """The best mean is between the opinions, the best scale grows with their distance."""
    opinions = torch.tensor([[60.0, 80.0]])
    means = torch.arange(40.0, 100.0)
    losses = [float(likelihood_loss(m[None], torch.tensor([5.0]), opinions)) for m in means]
    assert means[int(np.argmin(losses))] == pytest.approx(70, abs=1)

    def best_scale(opinions: torch.Tensor) -> float:
        scales = torch.arange(0.5, 30.0, 0.5)
        mean = torch.tensor([70.0])
        losses = [float(likelihood_loss(mean, s[None], opinions)) for s in scales]
        return float(scales[int(np.argmin(losses))])

    assert best_scale(opinions) > best_scale(torch.tensor([[69.0, 71.0]]))


def test_settings_are_ordered_by_opinion() -> None:
    """Within a group and a reference, where opinions differ by more than a point."""
    order = better(make_batch([90.0, 80.0, 79.5, 10.0], [0, 0, 0, -1], [-1.0] * 4))
    assert order.nonzero().tolist() == [[0, 1], [0, 2]]
    apart = better(make_batch([90.0, 80.0], [0, 0], [-1.0] * 2, of=[0, 1]))
    assert not apart.any()


def test_no_teacher_overrules_a_ladder() -> None:
    """The milder artefact is better, by however much the opinions prefer the other one."""
    order = better(make_batch([20.0, 90.0, 90.0], [0, 0, 0], [0.1, 0.5, 0.9]))
    assert order.nonzero().tolist() == [[0, 1], [0, 2], [1, 2]]


def test_ranking_prefers_the_right_order() -> None:
    """Right order costs less than wrong order; no order costs nothing."""
    mean = torch.tensor([70.0, 60.0, 50.0])
    order = better(make_batch([70.0, 60.0, 50.0], [0, 0, 0], [-1.0] * 3))
    assert ranking_loss(mean, order) < ranking_loss(mean.flip(0), order)
    assert float(ranking_loss(mean, torch.zeros_like(order))) == 0.0

"""What the search maximises."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuner.errors import ScoreError
from tuner.records import TrialRecord, TrialState
from tuner.scorer import Score
from tuner.study.objective import (
    gain_of,
    is_mean_score,
    is_objective,
    objective_of,
    pareto_front,
)
from tuner.testing import make_trial

SCORES = [Score(float(points)) for points in range(0, 101, 10)]


@pytest.mark.parametrize(
    ("objective", "value"),
    [("mean", 50.0), ("lower-bound", 50.0), ("worst-quarter", 10.0), ("p10", 10.0), ("p50", 50.0)],
)
def test_objectives(objective: str, value: float) -> None:
    """Eleven clips from 0 to 100: the worst quarter is three clips, p10 the second worst."""
    assert objective_of(SCORES, objective) == pytest.approx(value)


def test_lower_bound_charges_the_spread() -> None:
    """The pessimistic objective prefers what opinions agree on."""
    agreed, disputed = [Score(70, 1), Score(72, 1)], [Score(74, 9), Score(72, 9)]
    assert objective_of(agreed, "mean") < objective_of(disputed, "mean")
    assert objective_of(agreed, "lower-bound") > objective_of(disputed, "lower-bound")


def test_gains_by_an_objective() -> None:
    """Settings that lift the worst clips and nothing else gain by those; means stay paired."""
    before = np.linspace(40.0, 100.0, 40)
    after = before + np.where(np.arange(40) < 12, 1.0, 0.0)  # a step is 1.5: the order stays
    worst = gain_of(before, after, "worst-quarter", 0)
    assert worst.value == pytest.approx(1.0) and worst.low > 0
    assert gain_of(before, after, "p50", 0).value == 0.0
    mean = gain_of(before, after, "consensus", 0)
    assert mean.value == pytest.approx(0.3) and mean.low < 0.3 < mean.high
    same = gain_of(before, before, "p10", 0)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    assert gain_of(before[:1], after[:1], "p10", 0).high == 100.0


def test_what_is_no_more_than_the_mean() -> None:
    """A metric that speaks for itself alone has no consensus."""
    alone, three = [Score(70.0)], [Score(70.0, families=(60.0, 70.0, 80.0))]
    assert is_mean_score(alone, "consensus") and is_mean_score(three, "mean")
    assert not is_mean_score(three, "consensus")
    assert not is_mean_score(alone, "p10") and not is_mean_score(alone, "lower-bound")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("objective", ["mean", "worst-quarter", "p50"])
def test_what_is_not_finite_is_no_objective(bad: float, objective: str) -> None:
    """One clip without a finite score is an error, wherever it would rank."""
    with pytest.raises(ScoreError, match="not all finite"):
        objective_of([*SCORES, Score(bad)], objective)


@pytest.mark.parametrize("name", ["p0", "p51", "p100", "p5.5", "median", "P10", ""])
def test_unknown_objectives(name: str) -> None:
    """What is in no table is no objective."""
    assert not is_objective(name)


def trial(
    number: int, score: float, encode_s: float, state: TrialState = "complete"
) -> TrialRecord:
    return make_trial(number, state, score=score, encode_s=encode_s)


def test_pareto_set() -> None:
    """Fastest first; what is slower and no better, pruned or failed is not in it."""
    records = [
        trial(0, 60.0, 2.0),
        trial(1, 70.0, 4.0),
        trial(2, 65.0, 5.0),
        trial(3, 50.0, 1.0),
        trial(4, 60.0, 2.0),
        trial(5, 99.0, 0.5, "pruned"),
    ]
    assert pareto_front(records) == [3, 0, 1]

"""What the search maximises."""

from __future__ import annotations

import math

import pytest

from tuner.errors import ScoreError
from tuner.records import TrialRecord
from tuner.scorer import Score
from tuner.study.objective import is_objective, objective_of, pareto_front

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
    number: int, score: float | None, encode_s: float, state: str = "complete"
) -> TrialRecord:
    return TrialRecord(number, state, "abr", {}, score=score, encode_s=encode_s)  # type: ignore[arg-type]


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

"""The built-in metrics keep the contract; metrics that break a promise are caught."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from tuner.metric import About, Metric
from tuner.metrics.insenet import InsenetMetric
from tuner.metrics.peaq import PeaqMetric
from tuner.metrics.two_f import TwoFMetric
from tuner.metrics.visqol import VisqolMetric
from tuner.metrics.zimtohrli import ZimtohrliMetric
from tuner.scorer import Score
from tuner.testing import FakeScorer, MetricContract, find_breaches


class TestFake(MetricContract):
    metric = FakeScorer()


class TestVisqol(MetricContract):
    metric = VisqolMetric()


class TestZimtohrli(MetricContract):
    metric = ZimtohrliMetric()


class TestInsenet(MetricContract):
    metric = InsenetMetric()


class TestPeaq(MetricContract):
    metric = PeaqMetric()


class TestTwoF(MetricContract):
    metric = TwoFMetric()


class Constant(FakeScorer):
    def score(self, reference, coded):  # type: ignore[no-untyped-def]
        super().score(reference, coded)
        return Score(70.0)


class Upside(FakeScorer):
    def score(self, reference, coded):  # type: ignore[no-untyped-def]
        return Score(100.0 - super().score(reference, coded).mean)


class Deaf(FakeScorer):
    """Cuts to the shorter signal, and takes what is broken for nothing."""

    def score(self, reference, coded):  # type: ignore[no-untyped-def]
        length = min(reference.shape[1], coded.shape[1])
        reference, coded = np.nan_to_num(reference[:1, :length]), np.nan_to_num(coded[:1, :length])
        return super().score(reference, coded + reference * 1e-3)


class Careless(FakeScorer):
    def score(self, reference, coded):  # type: ignore[no-untyped-def]
        coded *= 1
        return super().score(reference, coded)


class Moody(FakeScorer):
    calls: ClassVar[list[int]] = []

    def score(self, reference, coded):  # type: ignore[no-untyped-def]
        self.calls.append(1)
        return Score(max(super().score(reference, coded).mean - len(self.calls) / 10, 0.0))


class Wide(FakeScorer):
    def score(self, reference, coded):  # type: ignore[no-untyped-def]
        score = super().score(reference, coded)
        return replace(score, mean=score.mean * 3)


class Restless(FakeScorer):
    calls: ClassVar[list[int]] = []

    @property
    def version(self) -> str:
        self.calls.append(1)
        return f"{len(self.calls)}"


@dataclass(frozen=True)
class Rooted:
    """Holds what does not travel."""

    name: str = "rooted"
    version: str = "1"
    about: About = FakeScorer().about
    hold: object = staticmethod(lambda: None)

    def score(self, reference, coded):  # type: ignore[no-untyped-def]
        return FakeScorer().score(reference, coded)

    def __reduce__(self) -> str:
        raise TypeError("cannot pickle this")


@pytest.mark.parametrize(
    ("metric", "test"),
    [
        (Constant(), "hears_damage"),
        (Upside(), "identity_is_best"),
        (Deaf(), "refuses_another_length"),
        (Deaf(), "refuses_other_channels"),
        (Deaf(), "refuses_what_is_not_finite"),
        (Careless(), "leaves_its_input_alone"),
        (Moody(), "repeats"),
        (Wide(), "identity_is_best"),
        (Restless(), "says_what_it_is"),
        (Rooted(), "travels_to_other_processes"),
    ],
    ids=lambda each: (getattr(each, "name", None) and type(each).__name__) or each,
)
def test_contract_catches(metric: Metric, test: str) -> None:
    """A metric that breaks one promise fails that promise's test."""
    suite = type("Suite", (MetricContract,), {"metric": metric})()
    with pytest.raises((AssertionError, ValueError, TypeError)):
        getattr(suite, f"test_{test}")()


def test_breaches_are_told_without_pytest() -> None:
    """Each promise with what is wrong; none of a sound metric."""
    assert all(problem is None for _, problem in find_breaches(FakeScorer()))
    told = {promise: problem for promise, problem in find_breaches(Constant()) if problem}
    assert list(told) == ["hears damage"]
    assert "costs only 0.00 points" in told["hears damage"]

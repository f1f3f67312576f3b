"""What is kept of finished trials."""

from __future__ import annotations

from typing import Any

import pytest

from tuner.records import Timing, TrialState
from tuner.search.attempts import pack_result, unpack_result
from tuner.search.evaluate import TrialResult
from tuner.search.history import History
from tuner.search.ranking import EARLY_TRIALS, rank
from tuner.search.rate_model import MEMORY
from tuner.study.space import make_space
from tuner.testing import FakeEncoder, make_trial

STATES: tuple[TrialState, ...] = ("complete", "pruned", "infeasible", "failed")


def tell(history: History, number: int, state: TrialState = "complete", **fields: Any) -> None:
    history.add(TrialResult(make_trial(number, state, **fields), rates=((64.0, 64.0),)))


@pytest.mark.parametrize("state", STATES)
def test_results_come_back_as_they_were(state: TrialState) -> None:
    """To the type of every number: in results.json 64 and 64.0 differ."""
    record = make_trial(3, state, values={"a": 1, "b": True, "c": 1.0, "d": "auto"})
    timing = Timing(1.5, 2.5, 3.5, 4.5, 5, 6, 7, 8)
    result = TrialResult(record, timing, ((64, 63.5), (65.0, 64.1)), machine=True)
    assert repr(unpack_result(pack_result(result))) == repr(result)


def test_more_trials_than_are_at_hand() -> None:
    """All are there, by number, of which the first and the default are at hand."""
    history = History(make_space(FakeEncoder(), {}), 64.0)
    default = history.space.defaults()[0]
    numbers = [*range(2, MEMORY + 20), 1, 0]
    for number in numbers:
        values = default.as_dict() if number in (0, 5) else {"shaping": 1}
        tell(history, number, rate_mode=default.rate_mode, values=values)
    assert len(history) == len(numbers)
    assert [result.record.number for result in history] == sorted(numbers)
    assert [record.number for record in history.early] == [*range(EARLY_TRIALS)]
    told = history.default()
    assert told is not None and told.number == 0


def test_the_best_before_a_trial() -> None:
    """Whichever was told first, as ranking all of them gives it."""
    objectives = [50.0, 50.0, 40.0, 55.0, 55.0, 54.0, 60.0, 10.0]
    for order in ([*range(8)], [*range(8)][::-1], [3, 6, 0, 4, 7, 1, 5, 2]):
        history = History(make_space(FakeEncoder(), {}), 64.0)
        for number in order:
            tell(history, number, objective=objectives[number])
            tell(history, number + 100, "pruned", objective=99.0)
        records = [result.record for result in history]
        for ordinal in range(9):
            ranked = rank(record for record in records if record.number < ordinal)
            assert history.best_before(ordinal) == (ranked[0] if ranked else None)
        assert history.best == rank(records)[0]

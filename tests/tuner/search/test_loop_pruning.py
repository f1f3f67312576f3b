"""The search loop with pruning: losers stop early, and what it saves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tuner.search.loop import Budget
from tuner.search.ranking import rank
from tuner.updates import SearchFinished

#: Makes searches on fakes; see `conftest.py`.
MakeRig = Callable[..., Any]


@pytest.fixture
def make_rig(make_rig: MakeRig) -> MakeRig:
    """Of one session, so that nothing is read from a database again."""
    return partial(make_rig, memory=True)


def test_pruned_trials_never_win(make_rig: MakeRig) -> None:
    """Losers stop early with an estimate under the best; whoever leads was heard on all clips."""
    (results,) = make_rig(sampler="tpe", count=12).run(Budget(30, None))
    pruned = [r for r in results if r.record.state == "pruned"]
    assert len(pruned) >= 5
    ranked = rank(r.record for r in results)
    for result in pruned:
        assert result.objective is not None and result.objective < ranked[0].objective
        assert result.record not in ranked


def test_pruning_saves_encodes_and_finds_as_good(make_rig: MakeRig) -> None:
    """With pruning fewer encodes find settings that are as good within a point."""
    found = {}
    for prune in (True, False):
        rig = make_rig(str(prune), sampler="tpe", count=12, prune=prune)
        (results,) = rig.run(Budget(30, None))
        found[prune] = (
            rank(r.record for r in results)[0].objective,
            sum(r.timing.encodes for r in results),
        )
    assert found[True][1] < 0.8 * found[False][1]
    assert found[True][0] == pytest.approx(found[False][0], abs=1.0)


def test_passes_after_the_first_trials(make_rig: MakeRig) -> None:
    """The search tells its encode passes per trial, 1.5 at most once the model has learned."""
    rig = make_rig(sampler="tpe", count=12)
    rig.run(Budget(40, None))
    (told,) = [update for update in rig.updates if isinstance(update, SearchFinished)]
    assert told.since == 30
    assert told.passes is not None and told.passes <= 1.5

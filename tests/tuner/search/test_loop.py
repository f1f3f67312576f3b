"""The search loop on fakes: what is tried, in which order, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tuner.encoder import Settings
from tuner.records import Complete
from tuner.rundir.database import close_storage, open_storage
from tuner.search.additive import PARENTS
from tuner.search.loop import SHARE_EVERY, SHARE_LAG, Budget, search, window_size
from tuner.search.ranking import rank
from tuner.search.trials import Trials
from tuner.study.objective import pareto_front
from tuner.study.space import make_space
from tuner.study.spec import Sampler
from tuner.updates import TrialFinished

#: Makes searches on fakes; see `conftest.py`.
MakeRig = Callable[..., Any]


@pytest.fixture
def make_rig(make_rig: MakeRig) -> MakeRig:
    """Of one session, so that nothing is read from a database again."""
    return partial(make_rig, memory=True)


def test_defaults_of_every_mode_come_first(make_rig: MakeRig) -> None:
    """Trial 0 is the encoder's default, trial 1 the default of its other mode."""
    (results,) = make_rig().run(Budget(4, None))
    assert [r.record.rate_mode for r in results[:2]] == ["abr", "vbr"]
    assert results[0].record.values == {"bandwidth_hz": "auto", "joint": True, "shaping": 3}
    assert [r.record.number for r in results] == [0, 1, 2, 3]


def test_starters_follow_the_defaults(make_rig: MakeRig) -> None:
    """Presets and earlier winners come next; those that do not fit are left out."""
    good = Settings.of("vbr", {"shaping": 7, "joint": True, "bandwidth_hz": "auto"})
    other = Settings.of("quality", {"shaping": 7})
    wild = Settings.of("abr", {"shaping": 99})
    (results,) = make_rig(options={"starters": [other, wild, good]}).run(Budget(4, None))
    assert results[2].record.settings == good
    (more,) = make_rig(options={"starters": [good]}).run(Budget(6, None))
    tried = [r.record.settings for r in more]
    assert tried.count(good) == 1


def test_complete_trials_are_matched(make_rig: MakeRig) -> None:
    """Every complete trial spends the target within 1 %; others say why not."""
    targets = (48.0, 96.0)
    lanes = make_rig(targets=targets).run(Budget(6, None))
    for target, results in zip(targets, lanes, strict=True):
        complete = [r.record for r in results if r.record.state == "complete"]
        assert len(results) == 6 and len(complete) >= 2
        assert [r.bitrate_kbps for r in complete] == pytest.approx(
            [target] * len(complete), rel=0.01
        )
        assert all(r.record.reason for r in results if not isinstance(r.record, Complete))


def test_search_beats_the_default(make_rig: MakeRig) -> None:
    """TPE finds settings that are much better than the fake's poor default."""
    rig = make_rig(sampler="tpe")
    (results,) = rig.run(Budget(30, None))
    told = [update for update in rig.updates if isinstance(update, TrialFinished)]
    assert [update.record.number for update in told] == [r.record.number for r in results]
    best = told[-1].best
    assert best is not None and best.score is not None
    default = results[0].record
    assert isinstance(default, Complete) and best.score > default.score + 5


def test_same_seed_same_trials(make_rig: MakeRig) -> None:
    """Two runs with one seed propose and measure the same, in TPE's phase too."""
    runs = []
    for name in ("one", "two"):
        (results,) = make_rig(name, sampler="tpe").run(Budget(16, None))
        runs.append([result.record for result in results])
    assert runs[0] == runs[1]


def test_good_trials_are_varied(make_rig: MakeRig) -> None:
    """With TPE three of four trials are one of the best that were known, but for a few values."""
    (results,) = make_rig(sampler="tpe", window=1).run(Budget(24, None))
    for number in (number for number in range(5, 24) if number % 4):
        record = results[number].record
        after = {"mode": record.rate_mode, **record.values}
        changes = []
        for best in rank(r.record for r in results[:number])[:PARENTS]:
            before = {"mode": best.rate_mode, **best.values}
            changes.append(sum(before[name] != after[name] for name in before.keys() & after))
        assert 1 <= min(changes) <= 3, number


def test_no_settings_are_tried_twice(make_rig: MakeRig) -> None:
    """Even with few choices left, where TPE alone would repeat its favourite."""
    rig = make_rig(sampler="tpe")
    fixed = {"rate_mode": "vbr", "bandwidth_hz": "auto"}
    storage = open_storage(rig.folder / "optuna.db")
    lane = Trials(storage, "t@64", make_space(rig.encoder, fixed), 64.0, "tpe", 7)
    search([lane], rig.evaluate, Budget(14, None), rig.executor, 2, rig.updates.append)
    tried = [(r.record.rate_mode, *sorted(r.record.values.items())) for r in lane.results]
    assert len(tried) == len(set(tried)) == 14
    close_storage(storage)


def test_neighbours_lend_their_best(make_rig: MakeRig) -> None:
    """At trial 15 a bitrate tries what its neighbour had found best by trial 10."""
    low, high = make_rig(targets=(48.0, 64.0), window=1).run(Budget(18, None))
    for lane, neighbour in ((low, high), (high, low)):
        best = rank(r.record for r in neighbour[: SHARE_EVERY - SHARE_LAG])[0]
        tried = [(r.record.rate_mode, r.record.values) for r in lane[: SHARE_EVERY + 1]]
        assert (best.rate_mode, best.values) in tried


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_two_objectives(make_rig: MakeRig, sampler: Sampler) -> None:
    """With encode time as the second objective the search runs, resumes, and has a front."""
    options = {"two_objectives": True}
    make_rig(sampler=sampler, options=options).run(Budget(14, None))
    (results,) = make_rig(sampler=sampler, options=options).run(Budget(16, None))
    assert len(results) == 16
    records = [r.record for r in results]
    front = pareto_front(records)
    best = rank(records)[0]
    assert best.score == max(r.score for r in rank(records) if r.number in front)


@pytest.mark.parametrize(
    ("workers", "clips", "bitrates", "window"),
    [(2, 15, 1, 2), (2, 15, 2, 1), (2, 15, 4, 1), (64, 15, 1, 6), (64, 15, 4, 2)],
)
def test_window_fills_the_cores(workers: int, clips: int, bitrates: int, window: int) -> None:
    """Enough trials are in flight for all workers, and hardly more."""
    assert window_size(workers, clips, bitrates) == window

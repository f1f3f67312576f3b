"""The search loop when trials fail, break limits, or cannot be matched: never a score."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tuner.encoder import RateMode
from tuner.errors import WorkerDied
from tuner.jobs.job import Job
from tuner.search.loop import Budget, search
from tuner.search.ranking import EARLY_TRIALS
from tuner.study.limits import Limits
from tuner.testing import FakeEncoder

#: Makes searches on fakes; see `conftest.py`.
MakeRig = Callable[..., Any]


@pytest.fixture
def make_rig(make_rig: MakeRig) -> MakeRig:
    """Of one session, so that nothing is read from a database again."""
    return partial(make_rig, memory=True)


def test_failures_are_recorded_not_scored(make_rig: MakeRig) -> None:
    """A crash fails its trial with a reason; the search goes on and never ranks it."""
    encoder = FakeEncoder(crash_on=(("joint", False),))
    (results,) = make_rig(encoder=encoder).run(Budget(12, None))
    failed = [r for r in results if r.record.state == "failed"]
    assert failed and len(results) == 12
    assert all(r.record.values["joint"] is False for r in failed)
    assert all(r.objective is None for r in failed)
    assert all("exit code 3" in (r.record.reason or "") for r in failed)


def test_dead_worker_fails_the_trial_only(make_rig: MakeRig) -> None:
    """Settings that kill the worker are a failed trial."""
    rig = make_rig()

    def die(job: Job) -> None:
        if job.settings.as_dict()["shaping"] == 3:
            raise WorkerDied("the worker process died 2 times")

    rig.executor.before = die
    (results,) = rig.run(Budget(1, None))
    assert results[0].record.state == "failed"
    assert "WorkerDied" in (results[0].record.reason or "")


def test_failing_default_stops_the_bitrate(make_rig: MakeRig) -> None:
    """Without a default there is nothing to compare with: stop and say why."""
    rig = make_rig(encoder=FakeEncoder(crash_on=(("shaping", 3),)))
    with rig.open() as (lane,):
        search([lane], rig.evaluate, Budget(20, None), rig.executor, 2, rig.updates.append)
        assert lane.finished <= 3
        problem = lane.problem()
    assert problem is not None
    assert "default settings fail at 64 kb/s" in problem and "exit code 3" in problem


def test_unreachable_default_stops_the_bitrate(make_rig: MakeRig) -> None:
    """A bitrate that the default cannot reach is told as such."""
    rig = make_rig(targets=(900.0,))
    with rig.open() as (lane,):
        search([lane], rig.evaluate, Budget(20, None), rig.executor, 1, rig.updates.append)
        problem = lane.problem()
        assert lane.finished == 1
    assert problem is not None and "cannot reach 900 kb/s" in problem


def test_many_equal_failures_stop_the_bitrate(make_rig: MakeRig) -> None:
    """More than half of the first trials failing alike is a fault, not bad settings."""
    crash = tuple(("shaping", value) for value in range(11) if value != 3)
    rig = make_rig(encoder=FakeEncoder(crash_on=crash))
    with rig.open() as (lane,):
        search([lane], rig.evaluate, Budget(50, None), rig.executor, 1, rig.updates.append)
        problem = lane.problem()
        assert lane.finished <= EARLY_TRIALS
    assert problem is not None and "failed with the same error: EncoderFailed: " in problem


class Narrow(FakeEncoder):
    """An encoder whose VBR mode cannot go down to 64 kb/s."""

    rate_modes = (
        RateMode("abr", "bitrate_kbps", low=8, high=320),
        RateMode("vbr", "quality", low=0, high=1, nominal=False, rising=False),
    )


def test_infeasible_trials_are_results(make_rig: MakeRig) -> None:
    """What cannot be matched counts, carries the closest bitrate, and has no score."""
    (results,) = make_rig(encoder=Narrow()).run(Budget(3, None))
    assert results[1].record.state == "infeasible"
    assert results[1].objective is None
    assert results[1].record.bitrate_kbps is not None
    assert "at least" in (results[1].record.reason or "")


def test_broken_limits_are_infeasible(make_rig: MakeRig) -> None:
    """What breaks a limit says so, has no score, and never leads; the default is exempt."""
    options = {"limits": Limits(peak_dbfs=-60.0)}
    rig = make_rig(options=options)
    (results,) = rig.run(Budget(6, None))
    assert results[0].record.state == "complete"
    assert {r.record.state for r in results[1:]} == {"infeasible"}
    assert all("decoded peak" in (r.record.reason or "") for r in results[1:])
    assert all(r.objective is None for r in results[1:])

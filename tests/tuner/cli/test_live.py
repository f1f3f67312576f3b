"""The state behind the live display."""

from __future__ import annotations

from typing import Any

import pytest

from tuner.cli.display.live import Board
from tuner.records import TrialState
from tuner.testing import make_trial
from tuner.updates import (
    PassFinished,
    PhaseStarted,
    SearchFinished,
    SearchStarted,
    TrialFinished,
    ValidationProgress,
)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def record(number: int, score: float | None, state: TrialState = "complete") -> Any:
    return make_trial(
        number, state, bitrate_kbps=64.1, score=score or 0.0, reason="exit code 3\nmore"
    )


def board(clock: Clock, trials: int | None = 10, hours: float | None = None) -> Board:
    made = Board(hours, clock)
    for kbps in (64.0, 96.0):
        made.update(SearchStarted(kbps, 0, trials, None, None))
    return made


def test_trials_are_told_against_the_default() -> None:
    """A finished trial gives a line with the best so far and its lead over the default."""
    made = board(Clock())
    best, default = record(3, 70.25), record(0, 60.0)
    line = made.update(TrialFinished(64.0, best, best, default, 0.1))
    assert line == (
        "64 kb/s: trial 1/10 scores 70.2 at 64.1 kb/s; best 70.2 (+10.2 over the default)"
    )


def test_failures_are_counted_and_told_in_one_line() -> None:
    """Pruned, infeasible and failed trials count, those of earlier sessions too."""
    made = Board(None, Clock())
    made.update(SearchStarted(64.0, 5, 10, None, None, infeasible=2, failed=1, pruned=2))
    line = made.update(TrialFinished(64.0, record(5, None, "failed"), None, None, 0.0))
    made.update(TrialFinished(64.0, record(6, None, "infeasible"), None, None, 0.0))
    assert line == "64 kb/s: trial 6/10 failed (exit code 3)"
    made.update(TrialFinished(64.0, record(7, 55.0, "pruned"), None, None, 0.0))
    row, search = made.rows[64.0], made.rows[64.0].search
    assert (search.infeasible, search.failed, search.pruned, row.progress) == (3, 2, 3, "8/10")


def test_speed_is_recent() -> None:
    """Encodes a second are those of the last minute; the cache's do not count."""
    clock = Clock()
    made = board(clock)
    clock.now += 30
    made.update(PassFinished(64.0, 64.0, encodes=15, cached=100))
    assert made.speed() == pytest.approx(0.5)
    clock.now += 300
    assert made.speed() == 0


def test_eta_follows_the_trials_left() -> None:
    """After one trial in 10 s, 19 of two bitrates take 190 s more."""
    clock = Clock()
    made = board(clock)
    assert made.eta_s() is None
    clock.now += 10
    made.update(TrialFinished(64.0, record(0, 60.0), None, None, 0.0))
    assert made.eta_s() == pytest.approx(190)
    made.update(SearchFinished(96.0, None))
    assert made.eta_s() == pytest.approx(90)


def test_eta_of_a_budget_in_hours() -> None:
    """With hours only, what is left of them is the ETA."""
    made = board(Clock(), trials=None, hours=2.0)
    made.update(TrialFinished(64.0, record(0, 60.0), None, None, 0.5))
    assert made.eta_s() == pytest.approx(5400)


def test_problems_and_stages_are_lines() -> None:
    """What stops a bitrate, and what comes after the search, is said."""
    made = board(Clock())
    assert made.update(SearchFinished(64.0, "no way")) == "64 kb/s: no way"
    assert made.rows[64.0].state == "stopped"
    assert made.update(ValidationProgress(96.0, 1, 4)) == "96 kb/s: validated 1/4"
    assert made.update(PhaseStarted("Checking")) == "Checking"

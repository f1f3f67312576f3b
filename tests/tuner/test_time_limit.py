"""Limits of time count what was waited, not what was slept."""

from __future__ import annotations

import pytest

from tuner.time_limit import LONGEST_TICK_S, TimeLimit


def test_it_counts_down() -> None:
    """Second by second, as the clock says."""
    clock = iter([100.0, 101.0, 102.5])
    limit = TimeLimit(2.0, lambda: next(clock))
    assert limit.left() == 1.0
    assert limit.left() == pytest.approx(-0.5)


def test_sleep_does_not_count() -> None:
    """An hour between two looks was a suspended machine: a tick of it counts."""
    clock = iter([0.0, 3600.0, 3601.0])
    limit = TimeLimit(10.0, lambda: next(clock))
    assert limit.left() == 10.0 - LONGEST_TICK_S
    assert limit.left() == 9.0 - LONGEST_TICK_S

"""What is computed of an array that cannot change is computed once."""

from __future__ import annotations

import gc

import numpy as np

from tuner.unchanging import Remembered, content_digest, freeze


def test_only_what_cannot_change_is_remembered() -> None:
    """A frozen array is looked at once; one that may change, or views such a one, every time."""
    seen: list[float] = []

    def total(array: np.ndarray) -> float:
        seen.append(float(array.sum()))
        return seen[-1]

    remembered = Remembered(total)
    frozen, loose = freeze(np.ones(3)), np.ones(4)
    view = loose[:2]
    view.flags.writeable = False
    assert [remembered(frozen), remembered(frozen)] == [3, 3]
    assert seen == [3]
    assert remembered(loose) == 4
    loose[0] = 0
    assert [remembered(loose), remembered(view)] == [3, 1]
    loose[1] = 5
    assert remembered(view) == 5


def test_the_dead_are_forgotten() -> None:
    """What is known of an array goes with it, and is never told of another in its place."""
    remembered = Remembered(lambda array: float(array[0]))
    for value in range(100):
        assert remembered(freeze(np.full(1000, float(value)))) == value
    gc.collect()
    assert len(remembered) == 0


def test_a_view_is_copied_before_it_is_frozen() -> None:
    """What its owner changes later is not seen."""
    owner = np.zeros(4, np.float32)
    frozen = freeze(owner[:2])
    digest = content_digest(frozen)
    owner[0] = 1
    assert frozen[0] == 0
    assert content_digest(frozen) == digest != content_digest(owner[:2])

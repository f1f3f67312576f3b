"""Arrays are remembered up to so many bytes."""

from __future__ import annotations

import numpy as np

from tuner.system.lru import Lru


def test_what_was_used_the_longest_ago_goes_first() -> None:
    """A value is made when it is new or was forgotten, and only then."""
    made = []
    lru: Lru[np.ndarray] = Lru(300)

    def get(key: str, size: int = 100) -> int:
        def make() -> np.ndarray:
            made.append(key)
            return np.zeros(size, np.uint8)

        return lru.get(key, make).nbytes

    for key in ("a", "b", "c", "a", "d", "a", "b"):
        assert get(key) == 100
    assert made == ["a", "b", "c", "d", "b"]
    assert get("large", 1000) == 1000
    assert get("large", 1000) == 1000
    get("a")
    assert made[5:] == ["large", "a"]


def test_what_cannot_be_made_leaves_no_trace() -> None:
    """The next one who asks has it made again."""
    lru: Lru[np.ndarray] = Lru(100)
    calls = []

    def fail() -> np.ndarray:
        calls.append(1)
        raise OSError

    for _ in range(2):
        try:
            lru.get("a", fail)
        except OSError:
            continue
    assert len(calls) == 2
    assert lru.get("a", lambda: np.ones(3)).sum() == 3

"""What is freed is kept, also by older C libraries."""

from __future__ import annotations

import pytest

from tuner.system.memory import set_thresholds

TRIM, MMAP = -1, -3
MIB = 1 << 20


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (1 << 40, {MMAP: 1 << 30, TRIM: 1 << 30}),
        (32 * MIB, {MMAP: 32 * MIB, TRIM: 1 << 30}),
        (0, {}),
    ],
    ids=["glibc 2.35", "older", "refuses"],
)
def test_both_thresholds_are_set_or_neither(most: int, expected: dict[int, int]) -> None:
    """With one alone, the other would no longer grow by itself, and more be given back."""
    taken: dict[int, int] = {}

    def mallopt(name: int, value: int) -> int:
        if name == MMAP and value > most:
            return 0
        taken[name] = value
        return 1

    set_thresholds(mallopt)
    assert taken == expected

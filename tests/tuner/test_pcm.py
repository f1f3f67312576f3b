"""What sample formats hold."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.pcm import find_depth, to_grid


def test_the_least_format_that_holds_the_samples() -> None:
    """16 and 24 bits to their ends; floats for what is finer or above full scale."""
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, (2, 500)).astype(np.float32)
    ends = np.array([[-1.0, 1 - 2.0**-15]], np.float32)
    assert [find_depth(to_grid(noise, bits)) for bits in (16, 24)] == [16, 24]
    assert find_depth(ends) == 16
    assert find_depth(noise * np.float32(1e-3)) == "float"
    assert find_depth(2 * ends) == "float"
    assert find_depth(np.ones((1, 3), np.float32)) == "float"  # one step above the highest
    assert find_depth(np.zeros((1, 0), np.float32)) == 16


def test_rounding_to_a_grid() -> None:
    """The nearest step, cut off at full scale."""
    step = 2.0**-23
    pcm = np.array([[0.4 * step, 0.6 * step, -3.0, 3.0]], np.float32)
    assert to_grid(pcm)[0].tolist() == pytest.approx([0.0, step, -1.0, 1 - step], abs=0)

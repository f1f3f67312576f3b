"""Where the default is measured besides the targets, so that its curve says what bits are worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

#: The curve reaches this far below the lowest and above the highest target, as a ratio: most gains
#: are worth less than half as many bits again.
REACH = 1.5
#: Points of the curve, the targets among them, at least.
LEAST_POINTS = 5
#: No point is measured nearer than this to a target or another point, as a ratio.
APART = 1.12


def default_points(targets_kbps: Sequence[float]) -> list[float]:
    """Bitrates beside the targets at which the default is to be measured, kb/s, ascending.

    Evenly spread over the logarithm of bitrate; with the targets they are five or more.
    """
    low, high = math.log(min(targets_kbps) / REACH), math.log(max(targets_kbps) * REACH)
    steps = LEAST_POINTS - 1
    grid = [math.exp(low + n * (high - low) / steps) for n in range(steps + 1)]
    points: list[float] = []
    for kbps in grid:
        known = [*targets_kbps, *points]
        if all(abs(math.log(kbps / each)) > math.log(APART) for each in known):
            points.append(_rounded(kbps))
    while len(points) + len(targets_kbps) < LEAST_POINTS:
        points.append(_rounded(_widest([*targets_kbps, *points])))
    return sorted(points)


def _widest(points: Sequence[float]) -> float:
    """The middle of the widest gap, kb/s."""
    ordered = sorted(points)
    low, high = max(pairwise(ordered), key=lambda gap: gap[1] / gap[0])
    return math.sqrt(low * high)


def _rounded(kbps: float) -> float:
    """A number that people can read: 43 rather than 42.67."""
    return round(kbps, 1) if kbps < 16 else float(round(kbps))

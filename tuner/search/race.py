"""Pruning by evidence: a trial races the best one so far, clip by clip in shuffled order.

After each block of clips a one-sided paired t-test asks whether the trial can still come out ahead
on all clips. They are few and known, so what is not yet heard can only make up for so much: the
standard error carries the finite population correction (W. G. Cochran, Sampling Techniques, 3rd
ed., 1977, section 2.6). Optuna's WilcoxonPruner cannot stand in: it compares stored values, which
mean nothing for a pruned trial (the traps in its documentation), and takes the clips for a sample
of endless many, so that after 12 of 15 clips it still gives a trial hope that has none.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: One-sided level of each look. Optuna's default, too.
P_THRESHOLD = 0.1
#: What a winner must be ahead by to be worth its encodes, points: a trial races the best so far
#: plus this much, so that its equals do not go all the way.
MARGIN = 0.1
#: Points that twice the bits are worth, almost at most and usually. The defaults of five encoders
#: gain 2 to 63 from one bitrate to the next, 14 in the middle (`python -m bench.bits`).
MOST_WORTH, USUAL_WORTH = 60.0, 15.0
#: Least clips in a block: three or fewer seldom tell.
MIN_BLOCK = 4
#: Most looks: more would only prune by chance more often.
MAX_LOOKS = 8


@dataclass(frozen=True)
class Hearing:
    """What a complete trial scored on each clip, in the order of the tune clips.

    Args:
        ordinal: its trial number.
        values: contributions to the objective (`tuner.study.objective.clip_values`), points.
        means: predicted mean quality, points.
    """

    ordinal: int
    values: tuple[float, ...]
    means: tuple[float, ...]


def jobs_at_once(clips: int) -> int:
    """How many jobs of one trial run side by side: the clips of one block."""
    return min(clips, block_size(clips))


def block_size(clips: int) -> int:
    """Clips between two looks."""
    return max(MIN_BLOCK, -(-clips // MAX_LOOKS))


def make_blocks(clips: int, seed: int) -> list[list[int]]:
    """Clip indices in shuffled order, cut into blocks; one block where there are few clips."""
    size = block_size(clips)
    order = [int(index) for index in np.random.default_rng(seed).permutation(clips)]
    return [order[start : start + size] for start in range(0, clips, size)]


def p_worse(values: Mapping[int, float], rival: Sequence[float], credit: float = 0.0) -> float:
    """The chance that a trial worth having looks as bad as this one.

    Args:
        values: clip index -> value of the trial; at least two, and not all clips.
        rival: the rival's value of every clip.
        credit: points that every clip of the trial is worth besides.

    Returns:
        1.0 where the trial is ahead by `MARGIN` on average.
    """
    from scipy.special import stdtr

    ahead = np.array([value + credit - rival[index] - MARGIN for index, value in values.items()])
    mean, heard = float(ahead.mean()), len(ahead)
    if mean >= 0:
        return 1.0
    unheard = 1 - heard / len(rival)
    error = float(ahead.std(ddof=1)) * math.sqrt(unheard / heard)
    return float(stdtr(heard - 1, mean / error)) if error > 0 else 0.0


def estimate(values: Mapping[int, float], rival: Sequence[float]) -> float:
    """The mean over all clips: the rival's, and the mean difference on the clips heard."""
    behind = statistics.fmean(value - rival[index] for index, value in values.items())
    return statistics.fmean(rival) + behind

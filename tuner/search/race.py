"""Pruning by evidence: a trial races the best one so far, clip by clip in shuffled order.

After each block of clips a one-sided Wilcoxon signed-rank test asks whether the trial is worse
on the clips that both were scored on (F. Wilcoxon, Individual Comparisons by Ranking Methods,
1945). Optuna's WilcoxonPruner does the same test, but reads the values it compares from the
study, where a pruned trial's stored value means nothing (the traps in its documentation).
"""

from __future__ import annotations

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
#: Least clips in a block: fewer than four cannot reach `P_THRESHOLD` (all worse: 2 ** -n).
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
        values: clip index -> value of the trial.
        rival: the rival's value of every clip.
        credit: points that every clip of the trial is worth besides.

    Returns:
        1.0 where the trial is ahead by `MARGIN` on average.
    """
    from scipy.stats import wilcoxon

    differences = [value + credit - rival[index] - MARGIN for index, value in values.items()]
    if statistics.fmean(differences) >= 0:
        return 1.0
    return float(wilcoxon(differences, alternative="less", zero_method="zsplit").pvalue)


def estimate(values: Mapping[int, float], rival: Sequence[float]) -> float:
    """The mean over all clips: the rival's, and the mean difference on the clips heard."""
    behind = statistics.fmean(value - rival[index] for index, value in values.items())
    return statistics.fmean(rival) + behind

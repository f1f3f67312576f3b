"""What the search maximises: one number from the scores of all clips, points.

============== ============================================================
mean           mean predicted quality over the clips
consensus      the same less `DISPUTE` standard deviations of what the three families of metrics
               would say of a clip: what one family loves and another rejects wins nothing
worst-opinion  mean over the clips of the least that a family would say
lower-bound    the same less `PESSIMISM` spreads of opinion a clip, so that what all
               opinions lift beats what one of them loves
worst-quarter  mean of the worst quarter of the clips
p1 to p50      that percentile over the clips (p10: nine clips of ten are better)
============== ============================================================
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tuner.bootstrap import paired_bootstrap, paired_statistic
from tuner.errors import ScoreError
from tuner.records import Complete, Estimate, TrialRecord
from tuner.scorer import Score

Floats = npt.NDArray[np.float64]

#: How many standard deviations of the families' opinions consensus lies under the mean. On a sweep
#: of AAC's bandwidth at 64 kb/s the mean less one standard deviation chose 14 kHz, as the ears of
#: Fraunhofer's engineers did; the mean alone could not tell 14 from 18.
DISPUTE = 1.0
#: How many standard deviations of opinion the lower bound lies under the mean.
PESSIMISM = 1.0
#: Share of the clips that "worst-quarter" looks at.
WORST = 0.25

#: What a search maximises if it is not told.
DEFAULT_OBJECTIVE = "consensus"
NAMED = ("mean", "consensus", "worst-opinion", "lower-bound", "worst-quarter")
#: For messages.
OBJECTIVES_IN_WORDS = (
    "consensus, mean, worst-opinion, lower-bound, worst-quarter, or a percentile from p1 to p50"
)
#: Those that are a mean over clips.
_MEANS = ("mean", "consensus", "worst-opinion", "lower-bound")


def is_objective(name: str) -> bool:
    """Whether `name` is one of the table above."""
    return name in NAMED or _percentile(name) is not None


def is_mean(objective: str) -> bool:
    """Whether it is a mean over clips, which paired differences can decide early."""
    return objective in _MEANS


def clip_values(scores: Sequence[Score], objective: str) -> list[float]:
    """What each clip contributes, points."""
    return [_value(score, objective) for score in scores]


def _value(score: Score, objective: str) -> float:
    if objective == "lower-bound":
        return score.mean - PESSIMISM * score.spread
    if objective == "consensus" and score.families:
        return score.mean - DISPUTE * statistics.pstdev(score.families)
    if objective == "worst-opinion" and score.families:
        return min(score.families)
    return score.mean


def objective_of(scores: Sequence[Score], objective: str) -> float:
    """What the search maximises, points.

    Raises:
        ScoreError: if it is not finite (Optuna would take infinity for the best).
    """
    values = clip_values(scores, objective)
    if not all(map(math.isfinite, values)):
        raise ScoreError(f"the scores of {len(scores)} clips are not all finite: {values}")
    return float(_together(np.array(values), objective))


def gain_of(before: Floats, after: Floats, objective: str, seed: int) -> Estimate:
    """What is gained by an objective, with its 95 % interval over clips, points.

    Args:
        before, after: `clip_values` of the default and of other settings, ``[N]``, same clips.
        objective: see above.
        seed: of the bootstrap.
    """
    if is_mean(objective):
        return paired_bootstrap((after - before).tolist(), seed)
    return paired_statistic(lambda values: _together(values, objective), before, after, seed)


def is_mean_score(scores: Sequence[Score], objective: str) -> bool:
    """Whether it is the mean score, as consensus is where a metric speaks for itself alone."""
    by_family = objective in ("consensus", "worst-opinion")
    return objective == "mean" or (by_family and not any(score.families for score in scores))


def _together(values: Floats, objective: str) -> Floats:
    """The objective of the clips' values, ``[..., N]`` to ``[...]``."""
    percentile = _percentile(objective)
    if percentile is not None:
        return np.asarray(np.percentile(values, percentile, axis=-1))
    if objective == "worst-quarter":
        count = math.ceil(WORST * values.shape[-1])
        values = np.sort(values, axis=-1)[..., :count]
    return np.asarray(values.mean(axis=-1))


def pareto_front(records: Sequence[TrialRecord]) -> list[int]:
    """Numbers of the complete trials that no other beats in both objective and encode time.

    Fastest first; of trials that are equal in both, the earliest.
    """
    timed = [
        (record.encode_s, -record.objective, record.number)
        for record in records
        if isinstance(record, Complete)
    ]
    front: list[int] = []
    lowest = math.inf
    for _, negative_score, number in sorted(timed):
        if negative_score < lowest:
            lowest = negative_score
            front.append(number)
    return front


def _percentile(objective: str) -> int | None:
    matched = re.fullmatch(r"p([1-9]\d?)", objective)
    return int(matched[1]) if matched and int(matched[1]) <= 50 else None

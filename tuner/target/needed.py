"""The bits that settings need for a target quality: measured, with intervals over clips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tuner.bootstrap import CONFIDENCE, bootstrap_statistic
from tuner.crossing import Floats, find_crossing
from tuner.encoder import Settings, find_rate_mode
from tuner.jobs.passes import Passes, spent_kbps
from tuner.quality_match import (
    MAX_PASSES,
    TOLERANCE,
    OutOfReach,
    Point,
    QualityMatch,
    match_quality,
)
from tuner.records import Estimate
from tuner.scorer import Scorer
from tuner.study.goal import Goal

#: Resamples for the interval of a share of the clips.
RESAMPLES = 1000


@dataclass(frozen=True)
class Probe:
    """All clips at one knob value.

    Args:
        point: bitrate and quality of them all.
        bits: ``[N]`` payload of each clip.
        values: ``[N]`` what each clip is worth (`Goal.values`).
        spread: mean spread of opinion.
        encode_s: CPU seconds of encoding them once.
    """

    point: Point
    bits: tuple[int, ...]
    values: tuple[float, ...]
    spread: float
    encode_s: float


@dataclass(frozen=True)
class Needed:
    """What settings need for a goal.

    Args:
        settings, goal: as said.
        match: the answer.
        probes: all that was measured, rising bitrate.
        seconds: ``[N]`` length of each clip.
    """

    settings: Settings
    goal: Goal
    match: QualityMatch | OutOfReach
    probes: list[Probe]
    seconds: tuple[float, ...]
    seed: int = field(default=0)

    @property
    def reached(self) -> bool:
        """Whether any bitrate reaches the goal."""
        return isinstance(self.match, QualityMatch)

    @property
    def probe(self) -> Probe:
        """The lowest bitrate that reaches the goal, or what came nearest."""
        match = self.match
        point = match.point if isinstance(match, QualityMatch) else match.best
        return next(probe for probe in self.probes if probe.point == point)

    @cached_property
    def crossing(self) -> Estimate | None:
        """Where the curve crosses the goal, kb/s, with its 95 % interval over clips.

        None where the goal is out of reach or below the lowest bitrate, or there is one clip only.
        """
        if not isinstance(self.match, QualityMatch) or self.match.at_floor:
            return None
        return _interval([self])

    def _log_kbps(self, chosen: npt.NDArray[np.intp]) -> float:
        """Logarithm of the crossing of a draw of clips."""
        seconds = np.array(self.seconds)[chosen].sum()
        kbps = [np.array(each.bits)[chosen].sum() / seconds / 1000 for each in self.probes]
        quality = [
            self.goal.reached(np.array(each.values)[chosen].tolist()) for each in self.probes
        ]
        return math.log(find_crossing(np.array(kbps), np.array(quality), self.goal.quality))

    def _log_of_means(self, means: Floats) -> float:
        """The same of the means of `_rows`."""
        seconds, (bits, values) = means[0], np.split(means[1:], 2)
        return math.log(find_crossing(bits / seconds / 1000, values, self.goal.quality))

    def _rows(self) -> Floats:
        """``[N, 1 + 2 P]``: seconds, bits and values of each clip."""
        bits, values = (np.array([getattr(p, name) for p in self.probes]) for name in _COLUMNS)
        return np.column_stack([self.seconds, bits.T, values.T])


_COLUMNS = ("bits", "values")


def find_needed(
    passes: Passes,
    settings: Settings,
    goal: Goal,
    scorer: Scorer,
    objective: str,
    guess: float,
    *,
    known: Sequence[Probe] = (),
    tolerance: float = TOLERANCE,
    max_passes: int = MAX_PASSES,
    near: float = 0.0,
    seed: int = 0,
) -> Needed:
    """Match the quality of settings over their clips.

    Args:
        passes: where they run.
        settings: what is encoded with.
        goal: what they must reach.
        scorer, objective: by what a clip is judged (`Goal.values`).
        guess: knob value to start from.
        known: what was measured before over the same clips.
        tolerance, max_passes, near: see `match_quality`.
        seed: of the bootstrap.

    Raises:
        TunerError: the first failing job's error.
    """
    probes = list(known)

    def measure(knob: float) -> tuple[float, float]:
        outcomes = list(passes.run(settings, knob, (scorer,)).values())
        scores = [outcome.scores[scorer.name] for outcome in outcomes]
        values = goal.values(scores, objective)
        kbps, quality = spent_kbps(passes.clips, outcomes), goal.reached(values)
        probes.append(
            Probe(
                Point(knob, kbps, quality),
                tuple(outcome.payload_bits for outcome in outcomes),
                tuple(values),
                float(np.mean([score.spread for score in scores])),
                sum(outcome.encoder_s for outcome in outcomes),
            )
        )
        return kbps, quality

    match = match_quality(
        find_rate_mode(passes.encoder, settings.rate_mode),
        goal.quality,
        measure,
        guess,
        tolerance=tolerance,
        max_passes=max_passes,
        known=[probe.point for probe in known],
        near=near,
    )
    probes.sort(key=lambda probe: probe.point.kbps)
    seconds = tuple(clip.duration_s for clip in passes.clips)
    return Needed(settings, goal, match, probes, seconds, seed)


def bits_ratio(test: Needed, anchor: Needed) -> Estimate | None:
    """Bits that `test` needs over those that `anchor` needs, paired over the same clips.

    None where one does not reach the goal, or there is one clip only (no interval).
    """
    if test.crossing is None or anchor.crossing is None:
        return None
    return _interval([test, anchor])


def _interval(sides: Sequence[Needed]) -> Estimate | None:
    """The crossing of one side, or the ratio of two, with its interval.

    Over the mean of clips by pseudo-values, as the report's Bjøntegaard deltas. Quantiles have none
    (the jackknife fails there), so a share of the clips is resampled, and the interval is that
    of the percentiles.
    """
    clips, seed = len(sides[0].seconds), sides[0].seed
    if clips < 2:
        return None
    signs = (1.0, -1.0)[: len(sides)]
    if sides[0].goal.share is None:
        rows = [side._rows() for side in sides]
        ends = np.cumsum([block.shape[1] for block in rows])[:-1]

        def log_ratio(means: Floats) -> float:
            parts = zip(sides, np.split(means, ends), signs, strict=True)
            return sum(sign * side._log_of_means(part) for side, part, sign in parts)

        found = bootstrap_statistic(log_ratio, np.hstack(rows), seed)
        return Estimate(*(math.exp(x) for x in (found.value, found.low, found.high)))
    rng = np.random.default_rng(seed)

    def of(chosen: npt.NDArray[np.intp]) -> float:
        return sum(sign * side._log_kbps(chosen) for side, sign in zip(sides, signs, strict=True))

    drawn = [of(rng.integers(0, clips, clips)) for _ in range(RESAMPLES)]
    value, tail = of(np.arange(clips)), (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(*(math.exp(x) for x in (value, min(low, value), max(high, value))))

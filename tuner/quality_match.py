"""Quality matching: the lowest bitrate at which settings reach a target quality.

Rate matching (`tuner.rate`) turned round. The search moves the rate parameter; each measurement
gives the bitrate and the quality of the whole clip set. The curve through them is taken to be
noisy but rising (`tuner.crossing`): the target is bracketed on its isotonic fit and approached by
secants.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tuner.crossing import find_crossing, fit_rising, stretch
from tuner.encoder import RateMode
from tuner.rate import KnobAxis, nearest_between, prior_slope

#: How much more than the interpolated crossing the accepted bitrate may spend, as a fraction.
TOLERANCE = 0.01
#: Bits that the next measurement adds to where the target should be, as a fraction: it is to
#: land just above.
MARGIN = 0.005
#: Most measurements of one match; twice as many where the target is not bracketed by then. Smooth
#: curves need 2 to 5.
MAX_PASSES = 6
#: The longest step outwards, as a ratio of bitrates.
LONGEST_STEP = 4.0


@dataclass(frozen=True)
class Point:
    """One measurement: the quality (points, 0 to 100) at a knob value, and what that spends."""

    knob: float
    kbps: float
    quality: float


@dataclass(frozen=True)
class QualityMatch:
    """The target is reached.

    Args:
        point: the lowest measured bitrate that reaches it.
        crossing_kbps: where the curve crosses the target, interpolated; the point's own bitrate
            where nothing cheaper was to be measured (`at_floor`).
        passes: how many measurements were made.
        at_floor: already the lowest bitrate of the encoder reaches the target.
    """

    point: Point
    crossing_kbps: float
    passes: int
    at_floor: bool = False


@dataclass(frozen=True)
class OutOfReach:
    """No measured bitrate reaches the target; a result, not an exception.

    Args:
        best: the measurement that came nearest.
        reason: a sentence for people, without a full stop.
        passes: how many measurements were made.
    """

    best: Point
    reason: str
    passes: int


def match_quality(
    mode: RateMode,
    target: float,
    measure: Callable[[float], tuple[float, float]],
    guess: float,
    *,
    tolerance: float = TOLERANCE,
    max_passes: int = MAX_PASSES,
    known: Sequence[Point] = (),
    near: float = 0.0,
) -> QualityMatch | OutOfReach:
    """Find the lowest bitrate that reaches the target.

    Args:
        mode: the rate mode, with the knob's range, grid or table.
        target: quality, points.
        measure: kb/s and quality of the whole clip set at a legal knob value.
        guess: where to start; snapped to a legal value.
        tolerance: how much more than the crossing may be spent, as a fraction.
        max_passes: most calls of `measure`, see `MAX_PASSES`.
        known: measurements that were made before.
        near: where the crossing alone is wanted: it is enough that the nearest measurement, of two
            or more, is as near to it as this fraction of the bitrate; it may then lie below the
            target. A single one must be four times as near.

    Raises:
        ValueError: if `measure` gives what is no bitrate or no quality.
    """
    search = _Search(mode, target, tolerance, near)
    for point in known:
        search.add(point)
    knob: float | None = search.propose() if known else mode.snap(guess)
    passes = 0
    while knob is not None and passes < max_passes * (1 if search.is_bracketed() else 2):
        kbps, quality = measure(knob)
        passes += 1
        if not (math.isfinite(kbps) and kbps > 0 and math.isfinite(quality)):
            raise ValueError(f"{mode.knob}={knob:g} measured {kbps} kb/s at quality {quality}")
        search.add(Point(knob, kbps, quality))
        knob = search.propose()
    return search.answer(passes)


@dataclass
class _Search:
    """What is known so far about one curve."""

    mode: RateMode
    target: float
    tolerance: float
    near: float = 0.0
    points: list[Point] = field(default_factory=list)
    #: Whether each measurement was under the target, in the order in which they came.
    sides: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.axis = KnobAxis(self.mode)
        self.wanted = float(stretch(np.array(self.target)))

    def add(self, point: Point) -> None:
        self.points.append(point)
        self.sides.append(point.quality < self.target)

    def bracket(self) -> tuple[Point | None, Point | None]:
        """The highest bitrate that does not reach the target and the lowest that does."""
        ordered = self._ordered()
        fit = fit_rising(stretch(np.array([point.quality for point in ordered])))
        above = int(np.searchsorted(fit, self.wanted))
        return (
            ordered[above - 1] if above > 0 else None,
            ordered[above] if above < len(ordered) else None,
        )

    def is_bracketed(self) -> bool:
        """Whether there is a measurement on either side of the target."""
        return len(set(self.sides)) == 2

    def crossing(self) -> float:
        rates = np.array([point.kbps for point in self.points])
        return find_crossing(rates, np.array([p.quality for p in self.points]), self.target)

    def nearest(self) -> Point | None:
        """The measurement that is near enough to the crossing, if that is what is wanted."""
        crossing = self.crossing()
        nearest = min(self.points, key=lambda point: abs(math.log(point.kbps / crossing)))
        limit = self.near if len(self.points) > 1 else self.near / 4
        return nearest if abs(math.log(nearest.kbps / crossing)) <= limit else None

    def propose(self) -> float | None:
        """The next knob value to measure; None when the answer is found or none is left."""
        if self.near and self.nearest() is not None:
            return None
        under, over = self.bracket()
        if under is not None and over is not None:
            crossing = self.crossing()
            if over.kbps <= crossing * (1 + self.tolerance):
                return None
            return self._inside(under, over)
        if over is not None:
            return self._outward(over, upward=False)
        assert under is not None
        return self._outward(under, upward=True)

    def answer(self, passes: int) -> QualityMatch | OutOfReach:
        under, over = self.bracket()
        if self.near and (nearest := self.nearest()) is not None:
            return QualityMatch(over or nearest, self.crossing(), passes)
        if over is None:
            best = max(self.points, key=lambda point: point.quality)
            said = f"quality reaches {best.quality:.1f} at {best.kbps:.1f} kb/s"
            end = self._outward(self._ordered()[-1], upward=True) is None
            what = "at most" if end else f"in {passes} measurements"
            return OutOfReach(best, f"{said} {what}; the target is {self.target:g}", passes)
        if under is None:
            end = self._outward(over, upward=False) is None
            return QualityMatch(over, over.kbps, passes, at_floor=end)
        return QualityMatch(over, self.crossing(), passes)

    def _ordered(self) -> list[Point]:
        return sorted(self.points, key=lambda point: (point.kbps, point.quality))

    def _inside(self, under: Point, over: Point) -> float | None:
        """Where the curve should cross the target.

        Once one end has moved twice, the other one's distance counts half (Illinois).
        """
        short, long = (abs(self._height(point)) for point in (under, over))
        repeats = len(list(itertools.takewhile(lambda s: s == self.sides[-1], self.sides[::-1])))
        if self.sides[-1]:
            long /= 2 ** max(repeats - 1, 0)
        else:
            short /= 2 ** max(repeats - 1, 0)
        low, high = math.log(under.kbps), math.log(over.kbps)
        share = min(short / (short + long) + math.log1p(MARGIN) / (high - low), 1.0)
        start, end = self.axis.place(under.knob), self.axis.place(over.knob)
        knob = self.axis.knob(start + share * (end - start))
        return nearest_between(self.mode, knob, under.knob, over.knob)

    def _height(self, point: Point) -> float:
        """How far over the target a point lies on the stretched scale."""
        return float(stretch(np.array(point.quality))) - self.wanted

    def _outward(self, last: Point, *, upward: bool) -> float | None:
        way = math.log(self.crossing() * (1 + MARGIN) / last.kbps)
        least = math.log1p(self.tolerance)
        step = min(max(abs(way), least), math.log(LONGEST_STEP)) / self._slope()
        more = upward == self.mode.rising
        knob = self.axis.knob(self.axis.place(last.knob) + (step if more else -step))
        beyond = math.inf if more else -math.inf
        return nearest_between(self.mode, knob, last.knob, beyond)

    def _slope(self) -> float:
        """How fast the bitrate moves along the knob's axis (`tuner.rate.prior_slope`)."""
        ordered, prior = self._ordered(), prior_slope(self.mode)
        one, other = ordered[0], ordered[-1]
        moved = abs(self.axis.place(other.knob) - self.axis.place(one.knob))
        if moved == 0:
            return prior
        return min(max(math.log(other.kbps / one.kbps) / moved, prior / 4), 4 * prior)

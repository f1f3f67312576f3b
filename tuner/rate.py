"""Rate matching: the knob value at which settings spend the target bitrate.

A pure search over a callable that measures kb/s (payload bits over seconds of the whole
clip set) at a knob value. Bitrate is compared on a logarithmic scale, and so is a knob that
cannot be 0 (a target bitrate, ffmpeg's -q:a), as bitrate goes with a power of it. Outside a bracket
the search follows the secant towards the target; inside one it interpolates, and bisects
as soon as interpolation moves the same end twice (the safeguard of Illinois-type methods,
Dowell and Jarratt 1971). A bracket is two knob values on either side of the target, in
whatever order, so a curve that is not monotone is still searched and only costs passes.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tuner.encoder import RateMode

#: Largest accepted distance from the target, as a fraction (convention of public
#: listening tests; DESIGN.md).
TOLERANCE = 0.01
#: Where two neighbouring steps of a knob straddle the target, quality is interpolated between
#: them as long as the nearer one is this near.
COARSE_TOLERANCE = 0.05
#: … and they are no further apart than this, as a ratio: MP3's widest steps are (64 and 80 kb/s).
COARSE_GAP = 1.25
#: Most measurements of one match. Smooth curves need 2 to 4.
MAX_PASSES = 10
#: Bitrate over the range of a quality knob, as a ratio, where nothing is measured yet
#: (lame -V 65 to 245 kb/s is 4, oggenc -q 45 to 500 is 11).
QUALITY_SPAN = 10.0
#: How much longer than the step before a step towards the target may be.
MAX_GROWTH = 4.0
#: The narrowest bracket of a continuous knob, as a fraction of its range.
RESOLUTION = 1e-4


@dataclass(frozen=True)
class RateMatch:
    """The target is reached: `kbps` is measured at `knob`, after `passes` measurements.

    Args:
        knob, kbps, passes: as said.
        beside: where the knob's steps straddle the target, the neighbouring step on its other
            side and what that spends; `knob` is then the nearer one.
    """

    knob: float
    kbps: float
    passes: int
    beside: tuple[float, float] | None = None

    def share_beside(self, target_kbps: float) -> float:
        """The weight of `beside` where figures are interpolated at the target, 0 to 1.

        Linear over the logarithm of bitrate; 0 without a step beside.
        """
        if self.beside is None:
            return 0.0
        return math.log(target_kbps / self.kbps) / math.log(self.beside[1] / self.kbps)


@dataclass(frozen=True)
class Unreachable:
    """No knob value reaches the target; a result, not an exception.

    Args:
        reason: a sentence for people.
        closest_knob, closest_kbps: the measurement that came nearest.
        passes: how many measurements were made.
    """

    reason: str
    closest_knob: float
    closest_kbps: float
    passes: int


def first_guess(
    mode: RateMode, target_kbps: float, matched: Sequence[tuple[float, float]]
) -> float:
    """Where to start, from what was matched before in the same mode.

    Args:
        mode: the rate mode.
        target_kbps: the target.
        matched: (knob, measured kb/s) of earlier matches.

    Returns:
        A legal knob value.
    """
    if matched and mode.nominal:
        return mode.snap(target_kbps * statistics.median(knob / kbps for knob, kbps in matched))
    if matched:
        return mode.snap(statistics.median(knob for knob, _ in matched))
    if mode.nominal:
        return mode.snap(target_kbps)
    axis = KnobAxis(mode)
    return mode.snap(axis.knob((axis.low + axis.high) / 2))


def match_rate(
    mode: RateMode,
    target_kbps: float,
    measure: Callable[[float], float],
    guess: float,
    tolerance: float = TOLERANCE,
    max_passes: int = MAX_PASSES,
    slope: float | None = None,
    known: Sequence[tuple[float, float]] = (),
    coarse: bool = False,
) -> RateMatch | Unreachable:
    """Find the knob value whose measured bitrate is the target's.

    Args:
        mode: the rate mode, with the knob's range, grid or table.
        target_kbps: the target.
        measure: kb/s of the whole clip set at a legal knob value; must be positive.
        guess: where to start; snapped to a legal value.
        tolerance: accepted relative distance.
        max_passes: most calls of `measure`.
        slope: how fast the bitrate moves at first, as far as it is known: natural logarithm
            of kb/s per unit of the knob's axis (`KnobAxis`), positive.
        known: (knob, kb/s) of which it is certain on which side of the target they lie;
            the search stays between them.
        coarse: where the knob's steps straddle the target, give both of them (`straddle`).

    Raises:
        ValueError: if `measure` gives something that is no bitrate.
    """
    search = _Search(mode, target_kbps, slope or prior_slope(mode))
    for point in known:
        search.add(*point)
    knob: float | None = mode.snap(guess)
    passes = 0
    while knob is not None and passes < max_passes:
        kbps = measure(knob)
        passes += 1
        if not (math.isfinite(kbps) and kbps > 0):
            raise ValueError(f"{mode.knob}={knob:g} measured {kbps} kb/s, which is not a bitrate")
        if abs(kbps / target_kbps - 1) <= tolerance:
            return RateMatch(knob, kbps, passes)
        search.add(knob, kbps)
        knob = search.propose()
    if coarse:
        points = [(point.knob, point.kbps) for point in search.points]
        found = straddle(mode, target_kbps, points, passes)
        if found is not None:
            return found
    closest = min(search.points, key=lambda point: abs(point.error))
    return Unreachable(search.explain(tolerance), closest.knob, closest.kbps, passes)


def straddle(
    mode: RateMode,
    target_kbps: float,
    points: Sequence[tuple[float, float]],
    passes: int,
    tolerance: float = COARSE_TOLERANCE,
    gap: float = COARSE_GAP,
) -> RateMatch | None:
    """Two neighbouring steps of the knob on either side of the target, the nearer one near enough.

    Args:
        mode: the rate mode.
        target_kbps: the target.
        points: (knob, measured kb/s).
        passes: how many measurements were made.
        tolerance: how far off the nearer one may be, as a fraction.
        gap: how far they may be apart, as a ratio.

    Returns:
        None where there are none such.
    """
    under = max((p for p in points if p[1] < target_kbps), key=lambda p: p[1], default=None)
    over = min((p for p in points if p[1] >= target_kbps), key=lambda p: p[1], default=None)
    if under is None or over is None:
        return None
    if nearest_between(mode, (under[0] + over[0]) / 2, under[0], over[0]) is not None:
        return None
    if over[1] / under[1] > gap + 1e-9:
        return None
    nearer, other = sorted((under, over), key=lambda p: abs(math.log(p[1] / target_kbps)))
    if abs(nearer[1] / target_kbps - 1) > tolerance:
        return None
    return RateMatch(*nearer, passes, other)


class KnobAxis:
    """The scale on which a knob is searched: logarithmic where it cannot be 0."""

    def __init__(self, mode: RateMode) -> None:
        self.mode = mode
        self.is_log = mode.low > 0
        self.low, self.high = self.place(mode.low), self.place(mode.high)

    def place(self, knob: float) -> float:
        """Where `knob` lies on the axis."""
        return math.log(knob) if self.is_log else knob

    def knob(self, place: float) -> float:
        """The knob value at `place`, within its range but not snapped."""
        if place <= self.low:
            return self.mode.low
        if place >= self.high:
            return self.mode.high
        return math.exp(place) if self.is_log else place


def prior_slope(mode: RateMode) -> float:
    """How fast the bitrate moves along the knob's axis where nothing is measured yet."""
    axis = KnobAxis(mode)
    if mode.nominal and axis.is_log:
        return 1.0
    return math.log(QUALITY_SPAN) / (axis.high - axis.low)


@dataclass(frozen=True)
class _Point:
    knob: float
    kbps: float
    error: float
    """Natural logarithm of measured over target bitrate."""


@dataclass
class _Search:
    """What is known so far about one knob's curve."""

    mode: RateMode
    target_kbps: float
    slope: float
    points: list[_Point] = field(default_factory=list)
    under: _Point | None = None
    over: _Point | None = None

    def __post_init__(self) -> None:
        self.axis = KnobAxis(self.mode)

    def add(self, knob: float, kbps: float) -> None:
        point = _Point(knob, kbps, math.log(kbps / self.target_kbps))
        self.points.append(point)
        if point.error < 0:
            self.under = point
        else:
            self.over = point

    def propose(self) -> float | None:
        """The next knob value to measure; None when no legal one is left."""
        if self.under is not None and self.over is not None:
            return self._inside(self.under, self.over)
        return self._outward()

    def _inside(self, under: _Point, over: _Point) -> float | None:
        last_three = [point.error < 0 for point in self.points[-3:]]
        share = under.error / (under.error - over.error)
        if len(last_three) == 3 and last_three[1] == last_three[2]:
            share = 0.5
        start, end = self.axis.place(under.knob), self.axis.place(over.knob)
        wanted = self.axis.knob(start + share * (end - start))
        return nearest_between(self.mode, wanted, under.knob, over.knob)

    def _outward(self) -> float | None:
        last = self.points[-1]
        upward = (last.error < 0) == self.mode.rising
        step = self._secant_step(last)
        wanted = self.axis.knob(self.axis.place(last.knob) + (step if upward else -step))
        # The end of the range may be tried itself: the open interval reaches past it.
        beyond = math.inf if upward else -math.inf
        return nearest_between(self.mode, wanted, last.knob, beyond)

    def _secant_step(self, last: _Point) -> float:
        """Length of the step on the knob's axis that should reach the target."""
        if len(self.points) == 1:
            return abs(last.error) / self.slope
        before = self.points[-2]
        moved = abs(self.axis.place(last.knob) - self.axis.place(before.knob))
        gained = abs(before.error) - abs(last.error)
        if gained <= 0:
            return MAX_GROWTH * moved
        return min(abs(last.error) / gained, MAX_GROWTH) * moved

    def explain(self, tolerance: float) -> str:
        """Why the target was not reached, as a sentence."""
        target = f"{self.target_kbps:g} kb/s"
        if self.under is not None and self.over is not None:
            return (
                f"no value of {self.mode.knob} in mode {self.mode.name} came within"
                f" {tolerance:.0%} of {target}: {self._spends(self.under)} and"
                f" {self._spends(self.over)}"
            )
        last = self.points[-1]
        side = "at least" if last.error > 0 else "at most"
        return f"mode {self.mode.name} gives {side} {self._spends(last)}; the target is {target}"

    def _spends(self, point: _Point) -> str:
        return f"{point.kbps:.1f} kb/s at {self.mode.knob}={point.knob:g}"


def nearest_between(mode: RateMode, wanted: float, one: float, other: float) -> float | None:
    """The legal knob value nearest to `wanted` strictly between two others.

    None when there is none: the two are neighbours on the knob's grid or table, or, for
    a continuous knob, closer than `RESOLUTION` of its range.
    """
    low, high = min(one, other), max(one, other)
    if mode.table:
        legal = [value for value in mode.table if low < value < high]
        return min(legal, key=lambda value: abs(value - wanted), default=None)
    inner = mode.step if mode.step is not None else RESOLUTION * (mode.high - mode.low)
    inside_low = max(low + inner, mode.low) if math.isfinite(low) else mode.low
    inside_high = min(high - inner, mode.high) if math.isfinite(high) else mode.high
    if inside_low > inside_high + 1e-9:
        return None
    snapped = mode.snap(min(max(wanted, inside_low), inside_high))
    return snapped if low < snapped < high else None

"""Rate matching on synthetic knob curves."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from tuner.encoder import RateMode
from tuner.rate import (
    MAX_PASSES,
    TOLERANCE,
    RateMatch,
    Unreachable,
    first_guess,
    match_rate,
)

ABR = RateMode("abr", "bitrate_kbps", 8, 320, step=1)
FREE = RateMode("vbr", "bitrate_kbps", 6, 510)
QUALITY = RateMode("vbr", "quality", -1, 10, step=0.01, nominal=False)
FALLING = RateMode("vbr", "quality", 0, 9.999, step=0.001, nominal=False, rising=False)
# ffmpeg's aac -q:a.
LOG_QUALITY = RateMode("vbr", "quality", 0.1, 10, nominal=False)
CBR = RateMode("cbr", "bitrate_kbps", 32, 320, table=(32, 40, 48, 56, 64, 80, 96, 128, 320))

Curve = Callable[[float], float]


class Meter:
    """Measures a curve and remembers which knob values were asked for."""

    def __init__(self, curve: Curve) -> None:
        self.curve = curve
        self.asked: list[float] = []

    def __call__(self, knob: float) -> float:
        self.asked.append(knob)
        return self.curve(knob)


def match(
    mode: RateMode, target: float, curve: Curve, guess: float | None = None
) -> tuple[RateMatch | Unreachable, Meter]:
    meter = Meter(curve)
    start = first_guess(mode, target, []) if guess is None else guess
    return match_rate(mode, target, meter, start), meter


SMOOTH: dict[str, tuple[RateMode, float, Curve]] = {
    "exact": (ABR, 64, lambda k: k),
    "overshoot": (FREE, 64, lambda k: 1.25 * k),
    "undershoot": (FREE, 24, lambda k: 0.7 * k),
    "offset": (FREE, 32, lambda k: k + 9),
    "saturating": (FREE, 180, lambda k: 260 * (1 - math.exp(-k / 150))),
    "quality": (QUALITY, 96, lambda k: 45 * math.exp(0.2 * (k + 1))),
    "quality, steep end": (QUALITY, 300, lambda k: 40 + 4 * (k + 1) ** 2),
    "quality, low end": (QUALITY, 46, lambda k: 45 * math.exp(0.2 * (k + 1))),
    "falling": (FALLING, 128, lambda k: 245 * math.exp(-0.13 * k)),
    "falling, far": (FALLING, 80, lambda k: 245 * math.exp(-0.13 * k)),
    "power": (LOG_QUALITY, 64, lambda k: 115 * k**0.6),
    "power, low end": (LOG_QUALITY, 30, lambda k: 115 * k**0.6),
    "staircase": (FREE, 100, lambda k: round(k / 0.9)),
    "table": (CBR, 64, lambda k: 1.002 * k),
}


@pytest.mark.parametrize("case", SMOOTH)
def test_reaches_every_smooth_curve(case: str) -> None:
    """A reachable target is met within 1 %, at a legal knob value, in few passes."""
    mode, target, curve = SMOOTH[case]
    result, meter = match(mode, target, curve)
    assert isinstance(result, RateMatch)
    assert result.kbps == curve(result.knob)
    assert abs(result.kbps / target - 1) <= TOLERANCE
    assert result.knob == pytest.approx(mode.snap(result.knob), abs=1e-9)
    assert result.passes == len(meter.asked) <= 5


def test_good_guess_costs_one_pass() -> None:
    """With the ratio of earlier matches the first measurement is the last."""
    guess = first_guess(FREE, 64, [(51.2, 64.0), (40.0, 50.0), (300.0, 64.0)])
    result, meter = match(FREE, 64, lambda k: 1.25 * k, guess)
    assert isinstance(result, RateMatch)
    assert meter.asked == [pytest.approx(51.2)]


def test_quality_guess_is_the_median_of_earlier_matches() -> None:
    """A quality knob starts where earlier trials ended, else in the middle of its range."""
    assert first_guess(QUALITY, 64, [(1.0, 64), (2.0, 64), (9.0, 64)]) == 2.0
    assert first_guess(QUALITY, 64, []) == 4.5


def test_table_tries_only_neighbours() -> None:
    """Between two values of a table nothing is tried, and both are named."""
    result, meter = match(CBR, 72, lambda k: k)
    assert isinstance(result, Unreachable)
    assert sorted(meter.asked) == [64, 80]
    assert "64.0 kb/s" in result.reason and "80.0 kb/s" in result.reason


def test_dead_zone_is_unreachable() -> None:
    """A jump of the curve ends the search at the knob's grid, with both edges named."""
    result, meter = match(QUALITY, 52, lambda k: 46.0 + k if k < 3.3 else 58.0 + k)
    assert isinstance(result, Unreachable)
    assert result.closest_kbps == pytest.approx(49.3, abs=0.5)
    assert "no value of quality" in result.reason
    assert len(meter.asked) <= MAX_PASSES


@pytest.mark.parametrize(
    ("curve", "target", "knobs"),
    [
        (lambda k: k, 62.0, (64, 56)),
        (lambda k: 0.96 * k, 62.5, (64, 80)),
        (lambda k: k, 83.0, (80, 96)),
    ],
)
def test_steps_on_either_side_of_the_target(
    curve: Curve, target: float, knobs: tuple[float, float]
) -> None:
    """Where it is wanted, both neighbours are given, the nearer one first."""
    result = match_rate(CBR, target, Meter(curve), target, coarse=True)
    assert isinstance(result, RateMatch) and result.beside is not None
    assert (result.knob, result.beside[0]) == knobs
    assert (result.kbps, result.beside[1]) == (curve(knobs[0]), curve(knobs[1]))
    share = result.share_beside(target)
    assert 0 < share < 0.5
    mixed = (1 - share) * math.log(result.kbps) + share * math.log(result.beside[1])
    assert math.exp(mixed) == pytest.approx(target)


def test_steps_too_far_from_the_target() -> None:
    """Beyond 5 % it is rejected all the same, and unless it is wanted."""
    for target, coarse in ((72.0, True), (62.0, False)):
        result = match_rate(CBR, target, Meter(lambda k: k), 64, coarse=coarse)
        assert isinstance(result, Unreachable)
    inside = match_rate(CBR, 64.0, Meter(lambda k: k), 64, coarse=True)
    assert isinstance(inside, RateMatch) and inside.beside is None
    assert inside.share_beside(64.0) == 0


def test_dead_zone_between_integers() -> None:
    """A coarse knob stops as soon as the two edges are neighbours."""
    result, meter = match(ABR, 100, lambda k: 0.8 * k if k <= 110 else 1.2 * k)
    assert isinstance(result, Unreachable)
    assert {110, 111} <= set(meter.asked)
    assert len(set(meter.asked)) == len(meter.asked)


@pytest.mark.parametrize(
    ("mode", "target", "curve", "words", "end"),
    [
        (ABR, 8, lambda k: max(k, 22.0), "at least 22.0 kb/s", 8),
        (FREE, 400, lambda k: min(k, 256.0), "at most 256.0 kb/s", 510),
        (FALLING, 300, lambda k: 245 - 15 * k, "at most 245.0 kb/s", 0),
        (CBR, 20, lambda k: k, "at least 32.0 kb/s", 32),
    ],
)
def test_clamped_end_is_unreachable(
    mode: RateMode, target: float, curve: Curve, words: str, end: float
) -> None:
    """When the end of the range is not enough, the reason gives the rate there."""
    result, meter = match(mode, target, curve)
    assert isinstance(result, Unreachable)
    assert words in result.reason
    assert meter.asked[-1] == end


def test_plateau_then_rise_is_crossed() -> None:
    """A knob that does nothing at first is followed with growing steps."""
    result, _ = match(FREE, 96, lambda k: max(40.0, 0.5 * k), guess=20)
    assert isinstance(result, RateMatch)
    assert result.kbps == pytest.approx(96, rel=0.01)


def test_curve_that_is_not_monotone_is_bounded() -> None:
    """Wiggles cost passes but neither loop nor repeat a measurement."""
    result, meter = match(QUALITY, 80, lambda k: 60 + 5 * k + 12 * math.sin(9 * k))
    assert len(meter.asked) <= MAX_PASSES
    assert len(set(meter.asked)) == len(meter.asked)
    if isinstance(result, RateMatch):
        assert abs(result.kbps / 80 - 1) <= TOLERANCE


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_refuses_what_is_no_bitrate(bad: float) -> None:
    """A measurement that cannot be a bitrate is an error, not a result."""
    with pytest.raises(ValueError, match="not a bitrate"):
        match_rate(ABR, 64, lambda _: bad, 64)


def test_known_slope_saves_passes() -> None:
    """With the slope told, the second measurement of a power law is the last."""

    def curve(knob: float) -> float:
        return 6.0 * math.exp(0.55 * knob)

    told = match_rate(QUALITY, 96, Meter(curve), 3.0, slope=0.55)
    alone = match_rate(QUALITY, 96, Meter(curve), 3.0)
    assert isinstance(told, RateMatch) and isinstance(alone, RateMatch)
    assert told.passes == 2 < alone.passes


def test_known_sides_bound_the_search() -> None:
    """A step that is known to be too low is not measured again."""
    meter = Meter(lambda knob: 1.02 * knob)
    result = match_rate(CBR, 96, meter, 96, known=[(80.0, 81.0)])
    assert isinstance(result, Unreachable)
    assert meter.asked == [96]
    assert "81.0 kb/s at bitrate_kbps=80" in result.reason

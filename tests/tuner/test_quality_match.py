"""Quality matching on synthetic, noisy curves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuner.crossing import find_crossing
from tuner.encoder import RateMode
from tuner.quality_match import (
    MAX_PASSES,
    TOLERANCE,
    OutOfReach,
    QualityMatch,
    match_quality,
)

FREE = RateMode("vbr", "bitrate_kbps", 6, 510)
FALLING = RateMode("vbr", "quality", 0, 9.999, step=0.001, nominal=False, rising=False)
CBR = RateMode("cbr", "bitrate_kbps", 32, 320, table=(32, 48, 64, 80, 96, 112, 128, 160, 320))
MODES = {"free": FREE, "falling": FALLING, "steps": CBR}


class Curve:
    """Quality 75 at 64 kb/s, the rest missing to `most` shrinking by a power of the bitrate.

    The noise changes with every knob value and repeats exactly.
    """

    def __init__(
        self, mode: RateMode, noise: float = 0.0, power: float = 2.2, most: float = 100
    ) -> None:
        self.mode, self.noise, self.power, self.most = mode, noise, power, most
        self.asked: list[float] = []

    def kbps(self, knob: float) -> float:
        return 1.07 * knob if self.mode.nominal else 245 * math.exp(-0.13 * knob)

    def __call__(self, knob: float) -> tuple[float, float]:
        self.asked.append(knob)
        kbps = self.kbps(knob)
        noise = np.random.default_rng(round(knob * 1e6)).uniform(-self.noise, self.noise)
        return kbps, self.most - 25 * (64 / kbps) ** self.power + noise

    def true_kbps(self, target: float) -> float:
        return 64 * (25 / (self.most - target)) ** (1 / self.power)


@pytest.mark.parametrize("mode", [FREE, FALLING], ids=["free", "falling"])
@pytest.mark.parametrize("power", [0.9, 2.2, 4.0])
@pytest.mark.parametrize("target", [70.0, 85.0, 93.0])
def test_finds_the_lowest_bitrate(mode: RateMode, power: float, target: float) -> None:
    """Within the tolerance of the true crossing, reached as measured, in six passes."""
    curve = Curve(mode, power=power)
    match = match_quality(mode, target, curve, 96 if mode.nominal else 5)
    truth = curve.true_kbps(target)
    if truth > curve.kbps(mode.high if mode.rising else mode.low):
        assert isinstance(match, OutOfReach)
        return
    assert isinstance(match, QualityMatch) and match.passes == len(curve.asked) <= 6
    if match.at_floor:
        assert truth < match.point.kbps
        return
    assert match.point.quality >= target
    assert match.crossing_kbps == pytest.approx(truth, rel=TOLERANCE)
    assert truth <= match.point.kbps <= truth * (1 + 2 * TOLERANCE)


@pytest.mark.parametrize("mode", [FREE, FALLING], ids=["free", "falling"])
def test_noise_moves_the_answer_by_no_more_than_its_worth(mode: RateMode) -> None:
    """A tenth of a point is worth 0.5 % of bits here; the answer moves by little more."""
    for target in np.linspace(78, 92, 15):
        curve = Curve(mode, noise=0.1)
        match = match_quality(mode, float(target), curve, 96 if mode.nominal else 5)
        assert isinstance(match, QualityMatch) and match.passes <= MAX_PASSES
        worth = 0.1 / (curve.power * (100 - target))
        truth = curve.true_kbps(float(target))
        assert match.crossing_kbps == pytest.approx(truth, rel=TOLERANCE + 2 * worth)
        assert match.point.quality >= target


def test_of_steps_the_first_that_reaches_is_taken() -> None:
    """The interpolated crossing lies between it and the one below, which misses."""
    curve = Curve(CBR)
    match = match_quality(CBR, 85, curve, 160)
    assert isinstance(match, QualityMatch)
    below = CBR.table[CBR.table.index(match.point.knob) - 1]
    assert curve(below)[1] < 85 <= match.point.quality
    assert curve.kbps(below) < match.crossing_kbps < match.point.kbps


def test_what_cannot_be_reached_says_how_far_it_comes() -> None:
    """A curve that ends at 90 points: the best measurement and a sentence."""
    found = match_quality(FREE, 95, Curve(FREE, most=90), 96)
    assert isinstance(found, OutOfReach)
    assert found.best.knob == FREE.high and 89 < found.best.quality < 90
    assert "quality reaches 89." in found.reason and "the target is 95" in found.reason


def test_the_lowest_bitrate_may_reach_already() -> None:
    """Then that is the answer, and said to be the floor."""
    match = match_quality(CBR, 40, Curve(CBR, power=0.5), 96)
    assert isinstance(match, QualityMatch)
    assert match.at_floor and match.point.knob == 32 and match.crossing_kbps == match.point.kbps


def test_what_is_known_saves_passes() -> None:
    """Measurements of a neighbour's search bracket the target at once."""
    first = Curve(FREE)
    start = match_quality(FREE, 85, first, 96)
    assert isinstance(start, QualityMatch)
    again = match_quality(FREE, 85, Curve(FREE), 96, known=[start.point])
    assert again.passes < start.passes


def test_a_quality_that_is_none_is_refused() -> None:
    """NaN must not steer the search."""
    with pytest.raises(ValueError, match="measured 96"):
        match_quality(FREE, 85, lambda knob: (knob, math.nan), 96)


def test_crossing_beyond_the_points_follows_their_whole_range() -> None:
    """Two points side by side, one of them noisy, do not set the slope."""
    curve = Curve(FREE)
    kbps = np.array([60.0, 90.0, 90.5])
    quality = 100 - 25 * (64 / kbps) ** 2.2 + np.array([0, 0, 0.2])
    truth = curve.true_kbps(91)
    assert find_crossing(kbps, quality, 91) == pytest.approx(truth, rel=0.02)


def test_where_only_the_crossing_is_wanted_fewer_passes_do() -> None:
    """Two or three measurements, the nearest within 5 %; the crossing is as good as 1 %."""
    for target in np.linspace(78, 93, 12):
        for mode, guess in ((FREE, 96.0), (FREE, 60.0), (FALLING, 5.0)):
            curve = Curve(mode, noise=0.05)
            match = match_quality(mode, float(target), curve, guess, near=0.05)
            assert isinstance(match, QualityMatch) and match.passes <= 4
            truth = curve.true_kbps(float(target))
            assert match.crossing_kbps == pytest.approx(truth, rel=0.015)

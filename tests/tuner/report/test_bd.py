"""Bjøntegaard deltas: known differences, and what has no figure."""

from dataclasses import replace

import bjontegaard
import numpy as np
import pytest

from tuner.report.bd import bd_quality, bd_rate
from tuner.report.curves import Curve

RATES = [48.0, 64.0, 96.0, 128.0]


def curve(means, rates=RATES, name="default aac", clips=15, seed=0):
    """A curve with the given means; its clips differ by a constant of their own."""
    offsets = np.random.default_rng(seed).normal(0, 5, clips)
    scores = np.asarray(means, float) + (offsets - offsets.mean())[:, None]
    names = [f"{n:02d}" for n in range(clips)]
    return Curve(name, list(rates), np.array(rates), names, scores, [True] * len(rates), 0 * scores)


ANCHOR = curve([40.0, 52.0, 68.0, 78.0])


def test_the_same_curve_at_nine_tenths_of_the_rate_saves_ten_per_cent():
    """Equal quality at 0.9 times the bits is a BD-rate of -10 %, for every clip."""
    test = curve([40.0, 52.0, 68.0, 78.0], [0.9 * rate for rate in RATES], "tuned aac")
    figure = bd_rate(ANCHOR, test, seed=0)
    assert (figure.value, figure.low, figure.high) == pytest.approx((-10, -10, -10))
    assert figure.note == ""


def test_a_curve_three_points_higher_gains_three_points():
    """A constant gain is the BD-quality, and the bits that it saves have the right sign."""
    test = curve([43.0, 55.0, 71.0, 81.0], name="tuned aac")
    quality = bd_quality(ANCHOR, test, seed=0)
    assert (quality.value, quality.low, quality.high) == pytest.approx((3, 3, 3))
    assert bd_rate(ANCHOR, test, seed=0).high < 0


def test_figures_are_those_of_the_reference_implementation():
    """Curves of other bitrates that share a part of their range, by the video coders' package."""
    rates, means = [40.0, 70.0, 100.0, 180.0], [45.0, 53.0, 72.0, 86.0]
    test = curve(means, rates, "tuned aac")
    points = (ANCHOR.rates, ANCHOR.scores.mean(axis=0), test.rates, test.scores.mean(axis=0))
    options = {"method": "pchip", "require_matching_points": False, "min_overlap": 0}
    assert bd_rate(ANCHOR, test, 0).value == pytest.approx(bjontegaard.bd_rate(*points, **options))
    assert bd_quality(ANCHOR, test, 0).value == pytest.approx(
        bjontegaard.bd_psnr(*points, **options)
    )


def test_swapping_the_curves_turns_the_figures_round():
    """Ratios invert, differences change sign."""
    test = curve([43.0, 54.0, 69.0, 80.0], name="tuned aac")
    there, back = bd_rate(ANCHOR, test, 0).value, bd_rate(test, ANCHOR, 0).value
    assert (1 + there / 100) * (1 + back / 100) == pytest.approx(1)
    assert bd_quality(ANCHOR, test, 0).value == pytest.approx(-bd_quality(test, ANCHOR, 0).value)


def test_gains_that_differ_between_clips_widen_the_interval():
    """Clips resampled: the more their gains differ, the less sure the average."""
    steady = curve([43.0, 55.0, 71.0, 81.0])
    moved = steady.scores + np.random.default_rng(1).normal(0, 3, (15, 1))
    varied = Curve("tuned aac", RATES, np.array(RATES), steady.clips, moved, [True] * 4, 0 * moved)
    figure = bd_quality(ANCHOR, varied, seed=0)
    assert figure.low < figure.value < figure.high
    assert figure.high - figure.low > 1


def test_what_single_clips_spend_is_resampled_with_their_scores():
    """Clips that owe their scores to the bits that they take from others leave no doubt."""
    taken = np.random.default_rng(2).normal(0, 0.1, (15, 1)) * np.ones(4)
    taken -= taken.mean(axis=0)
    # A straight line over the logarithm of bitrate: 30 points for e times the bits.
    means = 30 * np.log(RATES) - 70
    anchor = curve(means)
    steady = curve(means + 3, name="tuned aac")
    floating = replace(steady, scores=steady.scores + 30 * taken, excess=taken)
    as_known = replace(floating, excess=0 * taken)
    for figure_of in (bd_rate, bd_quality):
        figure, known = figure_of(anchor, floating, 0), figure_of(anchor, as_known, 0)
        assert figure.value == pytest.approx(known.value)
        assert figure.high - figure.low < 0.1 * (known.high - known.low)


def test_two_bitrates_are_enough_and_one_is_not():
    """Two points make a curve, one has no figure but a reason."""
    two = curve([43.0, 55.0], RATES[:2], "tuned aac")
    assert bd_rate(curve([40.0, 52.0], RATES[:2]), two, 0).value < 0
    one = curve([43.0], RATES[:1], "tuned aac")
    for figure in (bd_rate(ANCHOR, one, 0), bd_quality(ANCHOR, one, 0)):
        assert (figure.value, figure.note) == (None, "needs at least two bitrates")


def test_curves_that_do_not_overlap_say_so():
    """No extrapolation: a far better encoder has no BD-rate, a far cheaper one no BD-quality."""
    above = curve([80.0, 85.0, 90.0, 95.0], name="tuned opus")
    assert bd_rate(ANCHOR, above, 0).note == "the curves do not overlap"
    assert bd_rate(ANCHOR, above, 0).value is None
    assert bd_quality(ANCHOR, above, 0).value > 0
    cheap = curve([40.0, 52.0], [8.0, 16.0], "tuned opus")
    assert (bd_quality(ANCHOR, cheap, 0).value, bd_quality(ANCHOR, cheap, 0).note) == (
        None,
        "the curves do not overlap",
    )


def test_little_overlap_is_told():
    """A figure of a small common part speaks for that part only."""
    high = curve([70.0, 80.0, 88.0, 95.0], name="tuned opus")
    assert bd_rate(ANCHOR, high, 0).note == "the quality ranges overlap by 15 %"


def test_a_curve_that_falls_has_no_bd_rate():
    """More bits that sound worse are named; quality at equal bitrate still has a figure."""
    falling = curve([43.0, 55.0, 54.0, 81.0], name="tuned aac")
    assert bd_rate(ANCHOR, falling, 0).note == "tuned aac does not rise from 64 to 96 kb/s"
    assert bd_rate(ANCHOR, falling, 0).value is None
    assert bd_quality(ANCHOR, falling, 0).value is not None


def test_an_order_that_hangs_on_one_clip_has_no_interval():
    """Without one clip the curve falls: a figure, but no interval."""
    test = curve([43.0, 55.0, 55.4, 81.0], name="tuned aac")
    test.scores[0, 2] += 14
    test.scores[1:, 2] -= 1
    figure = bd_rate(ANCHOR, test, 0)
    assert figure.value is not None
    assert figure.low is None
    assert "one clip is left out" in figure.note


def test_curves_of_other_clips_have_no_figure():
    """Deltas are paired over clips."""
    other = curve([43.0, 55.0, 71.0, 81.0])
    other = replace(other, clips=[f"z{n}" for n in range(15)])
    assert bd_rate(ANCHOR, other, 0).note == "the curves have no clip in common"


def test_one_clip_has_a_figure_without_interval():
    """One clip says nothing of others."""
    figure = bd_rate(curve(ANCHOR.scores[0], clips=1), curve(ANCHOR.scores[0] + 3, clips=1), 0)
    assert figure.value < 0
    assert (figure.low, figure.note) == (None, "no interval from a single clip")

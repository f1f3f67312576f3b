"""The equivalent bitrate, and how the report says it."""

import numpy as np
import pytest

from tuner.report.bd import Undefined
from tuner.report.curves import Curve
from tuner.report.equivalent import equivalent_bitrate
from tuner.report.saving import find_saving

RATES = [48.0, 64.0, 96.0, 128.0]
MEANS = np.array([40.0, 52.0, 68.0, 78.0])


def curve(means, spread=0.0, rates=RATES, seed=0):
    """A curve of 15 clips; `spread` is the standard deviation of what each clip adds, points."""
    added = np.random.default_rng(seed).normal(0, 1, 15)
    added = spread * (added - added.mean()) / added.std()
    scores = np.asarray(means, float) + added[:, None]
    clips = [f"{n:02d}" for n in range(15)]
    return Curve(
        "default aac", list(rates), np.array(rates), clips, scores, [True] * len(rates), 0 * scores
    )


DEFAULT = curve(MEANS)


def test_a_quality_that_the_default_has_at_96_is_worth_96():
    """At a point of the curve the answer is that point's bitrate."""
    found = equivalent_bitrate(DEFAULT, curve([68.0, 68.0, 70.0, 79.0]), 64.0, seed=0)
    assert (found.kbps.value, found.spent_kbps) == pytest.approx((96.0, 64.0))
    assert found.saving(found.kbps.value) == pytest.approx(1 / 3)


def test_between_points_the_answer_lies_between_their_bitrates():
    """Monotone interpolation."""
    answers = [
        equivalent_bitrate(DEFAULT, curve([50, quality, 70, 79]), 64.0, seed=0).kbps.value
        for quality in (53.0, 58.0, 63.0, 67.0)
    ]
    assert answers == sorted(answers)
    assert 64 < answers[0] < answers[-1] < 96


def test_the_same_settings_save_nothing():
    """The default's own quality is worth its own bitrate, in every resample."""
    kbps = equivalent_bitrate(DEFAULT, curve(MEANS), 96.0, seed=0).kbps
    assert (kbps.value, kbps.low, kbps.high) == pytest.approx((96.0, 96.0, 96.0))


def test_the_saving_is_told_with_its_interval():
    """20 % of the bits of 80 kb/s: what the default needs, and what it need not spend."""
    saving = find_saving(DEFAULT, curve(MEANS + 9, spread=4.0), 64.0, seed=0)
    assert saving.value == "20 %"
    assert saving.detail == "the default needs 80 kb/s"
    assert saving.tone == "up"
    low, high = saving.interval.removesuffix(" %").split(" to ")
    assert int(low) < 20 < int(high)
    assert saving.low_kbps < saving.kbps < saving.high_kbps


def test_a_loss_is_a_negative_saving():
    """Worse settings need a real minus sign."""
    saving = find_saving(DEFAULT, curve(MEANS - 5), 96.0, seed=0)
    assert saving.value.startswith("\N{MINUS SIGN}")
    assert saving.tone == "down"


def test_beyond_the_curve_it_is_at_least_its_end():
    """At 96 kb/s better than the default at 128: a quarter or more, and no figure for it."""
    saving = find_saving(DEFAULT, curve([60.0, 70.0, 90.0, 95.0]), 96.0, seed=0)
    assert saving.value == "at least 25 %"
    assert saving.detail == "beyond the default’s curve (up to 128 kb/s)"
    assert saving.kbps is None


def test_at_the_end_of_the_curve_nothing_can_be_told():
    """At the highest bitrate "at least 0 %" would be no answer."""
    saving = find_saving(DEFAULT, curve(MEANS + 5), 128.0, seed=0)
    assert (saving.value, saving.kbps) == ("", None)
    assert "beyond the default’s curve" in saving.detail


def test_an_interval_beyond_the_curve_is_left_open():
    """The value is on the curve, its upper end is not."""
    saving = find_saving(DEFAULT, curve([50.0, 60.0, 77.0, 80.0], spread=8.0), 96.0, seed=0)
    assert saving.interval.endswith("or more")
    assert saving.high_kbps is None


def test_below_the_curve_there_is_no_saving():
    """Worse than the default's lowest bitrate."""
    saving = find_saving(DEFAULT, curve(MEANS - 5), 48.0, seed=0)
    assert saving.value == ""
    assert saving.detail == "below the default’s curve (from 48 kb/s)"


@pytest.mark.parametrize(
    ("default", "reason"),
    [
        (curve([40.0], rates=[64.0]), "two bitrates"),
        (curve([40.0, 52.0, 51.0, 78.0]), "does not rise"),
    ],
)
def test_a_curve_that_cannot_be_read_says_why(default, reason):
    """One bitrate, or more bits that sound worse: a reason instead of a figure."""
    with pytest.raises(Undefined, match=reason):
        equivalent_bitrate(default, curve(MEANS), 64.0, seed=0)
    assert reason in find_saving(default, curve(MEANS), 64.0, seed=0).detail


def test_without_held_out_scores_there_is_no_saving():
    """Nothing was scored: nothing is told."""
    assert find_saving(None, None, 64.0, 0).value == ""

"""Rate-quality curves, read from stored results."""

from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest

from tuner.report.curves import default_curve, shared_clips, tuned_curve
from tuner.results import MODEL


def test_a_curve_has_a_point_per_bitrate_at_its_measured_rate(rising_results):
    """Means and rates are those that the run stored for the held-out side."""
    curve = default_curve(rising_results, MODEL, "aac")
    sides = [b.candidates[0].sides["holdout"] for b in rising_results.bitrates]
    assert curve.rates.tolist() == [side.bitrate_kbps for side in sides]
    assert curve.scores.mean(axis=0) == pytest.approx(
        [fmean(s.scores[MODEL].values()) for s in sides]
    )
    assert curve.targets == [64.0, 96.0, 128.0]


def test_the_tuned_curve_holds_what_the_verdicts_are_about(rising_results):
    """Settings that are not recommended are points, too, and marked."""
    curve = tuned_curve(rising_results, MODEL, "aac")
    assert curve.recommended == [True, True, False]
    unproven = rising_results.bitrates[2].candidates[1].sides["holdout"].scores[MODEL]
    assert curve.scores[:, 2] == pytest.approx([unproven[clip] for clip in curve.clips])


def test_a_clip_without_every_point_is_left_out(rising_results):
    """Means over different clips would not compare."""
    bitrate = rising_results.bitrates[1]
    default = bitrate.candidates[0]
    side = default.sides["holdout"]
    lost = sorted(side.scores[MODEL])[0]
    kept = {clip: score for clip, score in side.scores[MODEL].items() if clip != lost}
    side = replace(side, scores={**side.scores, MODEL: kept})
    default = replace(default, sides={**default.sides, "holdout": side})
    bitrates = list(rising_results.bitrates)
    bitrates[1] = replace(bitrate, candidates=[default, *bitrate.candidates[1:]])
    curve = default_curve(replace(rising_results, bitrates=bitrates), MODEL, "aac")
    assert lost not in curve.clips
    assert curve.scores.shape == (14, 3)
    whole = tuned_curve(rising_results, MODEL, "aac")
    assert shared_clips(curve, whole) == curve.clips
    assert np.array_equal(curve.among(curve.clips), curve.scores)


def test_a_metric_that_was_not_asked_has_no_curve(rising_results):
    """None, not an empty curve."""
    assert default_curve(rising_results, "peaq", "aac") is None
    assert default_curve(replace(rising_results, bitrates=[]), MODEL, "aac") is None


def test_bands_hold_the_means_and_repeat(rising_results):
    """A band is an interval around each mean, the same for the same seed."""
    curve = default_curve(rising_results, MODEL, "aac")
    bands = curve.bands(seed=7)
    assert [band.value for band in bands] == pytest.approx(curve.scores.mean(axis=0).tolist())
    assert all(band.low < band.value < band.high for band in bands)
    assert curve.bands(seed=7) == bands

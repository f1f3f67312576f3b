"""Rate-quality curves, read from stored results."""

from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest

from tuner.records import MODEL, CurvePoint
from tuner.report.curves import default_curve, found_curve, recommended_curve, shared_clips
from tuner.report.equivalent import equivalent_bitrate


def test_a_curve_has_a_point_per_bitrate_at_its_measured_rate(rising_results):
    """Means and rates are those that the run stored for the held-out side."""
    curve = default_curve(rising_results, MODEL, "aac")
    sides = [b.candidates[0].sides["holdout"] for b in rising_results.bitrates]
    assert curve.rates.tolist() == [side.bitrate_kbps for side in sides]
    assert curve.scores.mean(axis=0) == pytest.approx(
        [fmean(s.scores[MODEL].values()) for s in sides]
    )
    assert curve.targets == [64.0, 96.0, 128.0]


def test_the_recommended_curve_is_the_default_where_that_won(rising_results):
    """What is not recommended lies on a curve of its own."""
    curve = recommended_curve(rising_results, MODEL, "aac")
    assert curve.recommended == [True, True, True]
    default, unproven = (
        rising_results.bitrates[2].candidates[index].sides["holdout"].scores[MODEL]
        for index in (0, 1)
    )
    assert curve.scores[:, 2] == pytest.approx([default[clip] for clip in curve.clips])
    found = found_curve(rising_results, MODEL, "aac")
    assert (found.targets, found.recommended) == ([128.0], [False])
    assert found.scores[:, 0] == pytest.approx([unproven[clip] for clip in found.clips])


def test_the_default_is_known_around_the_targets(rising_results):
    """A run at one bitrate has a curve of the default, and so an equivalent bitrate."""
    low, high = (
        CurvePoint(kbps, bitrate.candidates[0].sides["holdout"])
        for kbps, bitrate in zip((64.0, 128.0), rising_results.bitrates[::2], strict=True)
    )
    one = replace(rising_results, bitrates=rising_results.bitrates[1:2], default_points=[high, low])
    curve = default_curve(one, MODEL, "aac")
    assert curve.targets == [64.0, 96.0, 128.0]
    assert curve.scores == pytest.approx(default_curve(rising_results, MODEL, "aac").scores)
    tuned = recommended_curve(one, MODEL, "aac")
    assert tuned.targets == [96.0]
    assert equivalent_bitrate(curve, tuned, 96.0, 0).kbps.value > 64


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
    whole = recommended_curve(rising_results, MODEL, "aac")
    assert shared_clips(curve, whole) == curve.clips
    assert np.array_equal(curve.rows(curve.clips), np.hstack([curve.scores, curve.excess]))


def test_a_draw_of_clips_has_its_own_bitrate(rising_results):
    """As measured over the drawn clips, the long ones weighing more; else the set's is known."""
    curve = default_curve(rising_results, MODEL, "aac")
    assert not curve.excess.any()
    clips = [
        replace(clip, duration_s=6.0 + index % 5) for index, clip in enumerate(rising_results.clips)
    ]
    kilobits = {clip.digest: 450.0 + 6 * index for index, clip in enumerate(clips)}
    held_out = [clip for clip in clips if clip.side == "holdout"]

    def kbps(drawn):
        return sum(kilobits[c.digest] for c in drawn) / sum(c.duration_s for c in drawn)

    bitrate = rising_results.bitrates[0]
    default = bitrate.candidates[0]
    own = {clip.digest: kbps([clip]) for clip in held_out}
    side = replace(default.sides["holdout"], bitrate_kbps=kbps(held_out), clip_kbps=own)
    default = replace(default, sides={**default.sides, "holdout": side})
    bitrate = replace(bitrate, candidates=[default, *bitrate.candidates[1:]])
    bitrates = [bitrate, *rising_results.bitrates[1:]]
    curve = default_curve(replace(rising_results, clips=clips, bitrates=bitrates), MODEL, "aac")
    rates, scores = curve.points(curve.rows(curve.clips).mean(axis=0))
    assert rates == pytest.approx(curve.rates)
    assert scores == pytest.approx(curve.scores.mean(axis=0))
    drawn = [held_out[0], *held_out]
    rates, _ = curve.points(curve.rows([clip.digest for clip in drawn]).mean(axis=0))
    # To first order: the mean length changes, too.
    assert rates[0] == pytest.approx(kbps(drawn), rel=1e-3)
    assert rates[1:] == pytest.approx(curve.rates[1:])


def test_a_band_is_of_the_score_at_its_bitrate(rising_results):
    """Where a clip's score follows from its bits, the draw of clips adds no doubt."""
    curve = default_curve(rising_results, MODEL, "aac")
    taken = np.random.default_rng(3).normal(0, 0.1, (15, 1)) * np.ones(3)
    taken -= taken.mean(axis=0)
    line = np.broadcast_to(30 * np.log(curve.rates), curve.scores.shape)
    floating = replace(curve, scores=line + 30 * taken, excess=taken)
    for band, known in zip(
        floating.bands(0), replace(floating, excess=0 * taken).bands(0), strict=True
    ):
        assert band.value == pytest.approx(known.value)
        assert band.high - band.low < 0.1 * (known.high - known.low)


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

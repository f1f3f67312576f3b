"""Gains that count what bits are worth."""

from dataclasses import replace

import numpy as np
import pytest

from tuner.answer.worth import earned, slope_at, with_worth
from tuner.records import (
    Answer,
    Candidate,
    ClipRecord,
    CurvePoint,
    Estimate,
    MetricRecord,
    Provenance,
    Results,
    SideResult,
    Timing,
    Verdict,
)

CLIPS = [f"{index:02d}" for index in range(12)]
METRICS = {"insenet": "model", "visqol": "similarity", "zimtohrli": "distance"}
NOTHING = Estimate(0.0, 0.0, 0.0)


def side(kbps: float, lift: list[float], shares: list[float]) -> SideResult:
    scores = {
        name: {clip: 50 + 10 * np.log(kbps / 64) + up for clip, up in zip(CLIPS, lift, strict=True)}
        for name in METRICS
    }
    return SideResult(
        knob=kbps,
        bitrate_kbps=kbps,
        scores=scores,
        spreads={},
        gains={name: Estimate(1.0, 0.5, 1.5) for name in METRICS},
        clip_kbps={clip: kbps * share for clip, share in zip(CLIPS, shares, strict=True)},
        families={"similarity": NOTHING, "distance": NOTHING},
    )


def run(gain: list[float], shares: list[float]) -> Results:
    even = [1.0] * len(CLIPS)
    flat = [0.0] * len(CLIPS)
    clips = [ClipRecord(clip, clip, "holdout", 8.0, 2, f"/{clip}", 0.0) for clip in CLIPS]
    default = Candidate(0, "abr", {}, [], {s: side(64, flat, even) for s in ("tune", "holdout")})
    tuned = Candidate(1, "abr", {"x": 1}, [], {"tune": side(64, gain, shares)})
    tuned = replace(tuned, sides={**tuned.sides, "holdout": side(64, gain, shares)})
    bitrate = Answer(64.0, Verdict("confirmed", ""), 1, [default, tuned], [], Timing())
    made = Provenance("x", "", 0, {}, "fake", "", "", "", "", {}, "", "", "", None)
    metrics = [MetricRecord(name, name, family, "1") for name, family in METRICS.items()]
    points = [CurvePoint(kbps, side(kbps, flat, even)) for kbps in (48.0, 96.0)]
    return Results(clips, [bitrate], made, [], metrics, points)


def test_the_slope_of_a_straight_curve() -> None:
    """Ten points for a bitrate e times as high, also past its ends; falling is worth nothing."""
    rates = np.array([48.0, 64.0, 96.0])
    for kbps in (20.0, 64.0, 200.0):
        assert slope_at(rates, 10 * np.log(rates), kbps) == pytest.approx(10, rel=1e-6)
    assert slope_at(rates, -10 * np.log(rates), 64.0) == 0
    assert slope_at(rates[:1], rates[:1], 64.0) == 0


def test_bits_beyond_a_clips_share_are_taken_off() -> None:
    """What is left is what the settings did."""
    tuned = np.array([0.2, -0.2])
    left = earned(np.array([5.0, 1.0]), (np.zeros(2), tuned), 10.0)
    assert left.tolist() == [3.0, 3.0]
    assert left.mean() == 3.0


def test_intervals_count_bits_and_means_stay() -> None:
    """Gains that are all bits scatter less without them; the verdict follows."""
    shares = list(np.linspace(0.8, 1.2, len(CLIPS)))
    gain = [2.0 + 10 * (share - 1) for share in shares]
    found = with_worth(run(gain, shares))
    got = found.bitrates[0].candidates[1].sides["holdout"]
    for gains in (got.gains, got.families):
        for each in gains.values():
            assert each.value == pytest.approx(2.0, abs=1e-6)
            assert each.high - each.low < 0.05
    assert found.bitrates[0].verdict.kind == "confirmed"


def with_objective(results: Results, drop: float, per_bits: float) -> Results:
    """The run by consensus, `drop` points below the mean; tuned, less what surplus bits do."""

    def lowered(each: SideResult, tuned: bool) -> SideResult:
        share = {clip: each.clip_kbps[clip] / each.bitrate_kbps - 1 for clip in CLIPS}
        values = {
            clip: score - drop + tuned * per_bits * share[clip]
            for clip, score in each.scores["insenet"].items()
        }
        gain = Estimate(3.0, -1.0, 7.0) if tuned else NOTHING
        return replace(each, objective=values, objective_gain=gain)

    (bitrate,) = results.bitrates
    candidates = [
        replace(c, sides={name: lowered(side, c.trial > 0) for name, side in c.sides.items()})
        for c in bitrate.candidates
    ]
    points = [replace(p, side=lowered(p.side, False)) for p in results.default_points]
    bitrate = replace(bitrate, candidates=candidates)
    return replace(results, bitrates=[bitrate], default_points=points, objective="consensus")


def test_the_objective_is_weighed_as_the_mean_is() -> None:
    """By its own curve of the default; what all clips gain by it alike is sure."""
    shares = list(np.linspace(0.8, 1.2, len(CLIPS)))
    gain = [2.0 + 10 * (share - 1) for share in shares]
    results = with_objective(run(gain, shares), 5.0, 0.0)
    got = with_worth(results).bitrates[0].candidates[1].sides["holdout"].objective_gain
    assert got is not None and got.value == pytest.approx(2.0, abs=1e-6)
    assert got.high - got.low < 0.05
    wide = with_worth(with_objective(run(gain, shares), 5.0, 60.0)).bitrates[0]
    assert wide.verdict.kind == "not confirmed"
    assert "the gain by consensus may be chance" in wide.verdict.sentence


def test_hidden_worth_widens_the_interval() -> None:
    """Equal gains with unequal shares are not as sure as they look."""
    shares = list(np.linspace(0.8, 1.2, len(CLIPS)))
    got = with_worth(run([2.0] * len(CLIPS), shares)).bitrates[0].candidates[1].sides["holdout"]
    gain = got.gains["insenet"]
    assert gain.value == pytest.approx(2.0)
    assert gain.low < 1.5 and gain.high > 2.5


def test_without_bitrates_of_clips_nothing_changes() -> None:
    """Nor without a curve of the default."""
    results = run([2.0] * len(CLIPS), [1.0] * len(CLIPS))
    alone = replace(results, default_points=[])
    assert with_worth(alone) == alone

"""What a reader is told to distrust."""

import math
from dataclasses import replace

import pytest

from tuner.records import MODEL, Estimate
from tuner.report.doubts import find_doubts
from tuner.testing import make_trial


def doubts(results):
    return " ".join(find_doubts(results))


def with_winner(results, **changes):
    """The run with another winner of its first bitrate."""
    bitrate = results.bitrates[0]
    winner = replace(bitrate.candidates[1], **changes)
    candidates = [bitrate.candidates[0], winner, *bitrate.candidates[2:]]
    return replace(results, bitrates=[replace(bitrate, candidates=candidates)])


def with_gain(results, metric, gain):
    """The run with another held-out gain of its first bitrate's winner by one metric."""
    winner = results.bitrates[0].candidates[1]
    side = winner.sides["holdout"]
    side = replace(side, gains={**side.gains, metric: gain})
    return with_winner(results, sides={**winner.sides, "holdout": side})


def with_traits(results, *traits):
    """The run with these traits on its held-out clips, one after the other."""
    given = iter(traits)
    clips = [
        replace(c, traits=next(given, {})) if c.side == "holdout" else c for c in results.clips
    ]
    return replace(results, clips=clips)


@pytest.mark.parametrize(
    ("metric", "gain", "doubt"),
    [
        ("visqol", Estimate(-3.0, -4.0, -2.0), "ViSQOL disagrees with the quality model"),
        (MODEL, Estimate(1.0, 0.5, 1.5), "the predicted spread of opinions is"),
        (
            MODEL,
            Estimate(1.0, 0.5, 1.5),
            "the gain fell from +7.7 points on the tuning clips to +1.0",
        ),
    ],
)
def test_doubts_are_raised(small_results, metric, gain, doubt):
    """Objecting judges, wide opinions and a shrunken gain are told, else they are not."""
    assert doubt in " ".join(find_doubts(with_gain(small_results, metric, gain)))
    assert doubt not in " ".join(find_doubts(small_results))


def test_few_held_out_clips_are_a_doubt(small_results):
    """Nine held-out clips are few, fifteen are not."""
    few = [c for c in small_results.clips if c.side == "tune"]
    few += [c for c in small_results.clips if c.side == "holdout"][:9]
    assert find_doubts(replace(small_results, clips=few))[0].startswith("Only 9 held-out clips")
    assert "Only" not in " ".join(find_doubts(small_results))


def test_unequal_bitrates_are_a_doubt(small_results):
    """More than one per cent of bits more is an advantage that the reader must know."""
    bitrate = small_results.bitrates[0]
    winner = bitrate.candidates[1]
    side = winner.sides["holdout"]
    base = bitrate.candidates[0].sides["holdout"].bitrate_kbps
    for share, doubted in ((1.005, False), (1.03, True)):
        moved = replace(
            winner, sides={**winner.sides, "holdout": replace(side, bitrate_kbps=base * share)}
        )
        candidates = [bitrate.candidates[0], moved]
        results = replace(small_results, bitrates=[replace(bitrate, candidates=candidates)])
        assert (
            "part of the difference is due to bits" in " ".join(find_doubts(results))
        ) is doubted


def test_the_default_as_the_best_leaves_no_doubt_about_the_rest(hostile_results):
    """Where the default is the answer, the other settings' faults are not listed."""
    assert not [doubt for doubt in find_doubts(hostile_results) if doubt.startswith("160 kb/s")]


def test_one_bitrate_is_told(small_results, rising_results):
    """Without a curve there is neither equivalent bitrate nor BD-rate."""
    assert "One bitrate only" in doubts(small_results)
    assert "One bitrate only" not in doubts(rising_results)


def test_clips_without_attacks_or_stereo_are_told(small_results):
    """What the clips do not hold is not tested; clips without traits are not judged."""
    dull = {"attacks_per_s": 0.1, "side_db": -80.0}
    sharp = {"attacks_per_s": 2.0, "side_db": -6.0}
    told = doubts(with_traits(small_results, *[dull] * 13, sharp, sharp))
    assert "2 of 15 held-out clips have attacks" in told
    assert "2 of 15 held-out clips have a stereo image" in told
    assert "None of 15 held-out clips have attacks" in doubts(
        with_traits(small_results, *[dull] * 15)
    )
    for fine in (with_traits(small_results, *[dull] * 12, *[sharp] * 3), small_results):
        assert "barely tested" not in doubts(fine)


def test_clips_outside_the_teaching_are_told(small_results):
    """How many, and one by its name."""
    told = doubts(with_traits(small_results, {"outside_taught": 0}, {"outside_taught": 2}))
    assert (
        "1 of 15 held-out clips is outside the range that the quality model was trained on" in told
    )
    assert "“harpsichord 1.flac" in told


@pytest.mark.parametrize(
    ("state", "told"), [("pruned", "were pruned, so"), ("infeasible", "were infeasible at")]
)
def test_a_search_that_scored_few_trials_is_told(small_results, state, told):
    """Two thirds are many, one half is not."""
    bitrate = small_results.bitrates[0]
    for count, doubted in ((40, True), (30, False)):
        trials = [
            make_trial(t.number, state if t.number < count else "complete", like=t)
            for t in bitrate.trials
        ]
        results = replace(small_results, bitrates=[replace(bitrate, trials=trials)])
        assert (f"{count} of 60 trials {told}" in doubts(results)) is doubted


def test_a_winner_at_the_edge_of_what_was_tried_is_told(small_results):
    """The highest value of all trials may not be the best there is."""
    tried = sorted(t.values["cutoff_hz"] for t in small_results.bitrates[0].trials)
    for value, end in ((tried[-1], "highest"), (tried[0], "lowest"), (tried[5] + 1, None)):
        values = {**small_results.bitrates[0].candidates[1].values, "cutoff_hz": value}
        told = doubts(with_winner(small_results, values=values))
        assert (f"cutoff_hz = {value} is the {end} value tried;" in told) is bool(end)
        assert ("better values may lie beyond" in told) is bool(end)


def test_a_judge_that_prefers_another_finalist_is_told(small_results):
    """The judge's favourite is named with its lead; a judge that cannot tell is silent."""
    assert "ranks the finalists differently" not in doubts(small_results)
    bitrate = small_results.bitrates[0]
    second = bitrate.candidates[2]
    side = second.sides["holdout"]
    lifted = {clip: score + 5 for clip, score in side.scores["visqol"].items()}
    side = replace(side, scores={**side.scores, "visqol": lifted})
    second = replace(second, sides={**second.sides, "holdout": side})
    candidates = [*bitrate.candidates[:2], second]
    told = doubts(replace(small_results, bitrates=[replace(bitrate, candidates=candidates)]))
    assert "ViSQOL ranks the finalists differently: it prefers trial 34 by" in told


def with_members(results, default, tuned):
    """The run with these scores by network on its first held-out clips."""
    (bitrate,) = results.bitrates
    candidates = list(bitrate.candidates)
    for index, members in ((0, default), (1, tuned)):
        side = candidates[index].sides["holdout"]
        side = replace(side, members=dict(zip(side.scores[MODEL], members, strict=False)))
        sides = {**candidates[index].sides, "holdout": side}
        candidates[index] = replace(candidates[index], sides=sides)
    return replace(results, bitrates=[replace(bitrate, candidates=candidates)])


def test_networks_that_disagree_are_told(small_results):
    """On the sign of the mean, on that of a clip; nothing where they agree or were not stored."""
    default = [[50.0, 50.0, 50.0]] * 2
    split = doubts(with_members(small_results, default, [[53.0, 48.0, 51.0], [52.0, 49.5, 51.0]]))
    assert "disagree on the sign of the gain: +2.5, −1.2, +1.0" in split
    assert "on 1 of 2 held-out clips one network of the quality model predicts a gain" in split
    assert "(−2.0 and +3.0)" in split
    agreed = doubts(with_members(small_results, default, [[53.0, 51.0, 52.0], [52.0, 49.5, 51.0]]))
    for text in (agreed, doubts(small_results), doubts(with_members(small_results, default, []))):
        assert "network" not in text


def test_bits_shared_out_otherwise_are_told(small_results):
    """Where clips trade bits, what they gain is not settings alone; a few per cent are none."""

    def told(spent):
        (bitrate,) = small_results.bitrates
        candidates = list(bitrate.candidates)
        for index, kbps in enumerate(([64.0, 64.0, 64.0], spent)):
            side = candidates[index].sides["holdout"]
            side = replace(side, clip_kbps=dict(zip(side.scores[MODEL], kbps, strict=False)))
            sides = {**candidates[index].sides, "holdout": side}
            candidates[index] = replace(candidates[index], sides=sides)
        return doubts(replace(small_results, bitrates=[replace(bitrate, candidates=candidates)]))

    assert "(by 20 %, at the same total)" in told(
        [64.0, 64.0 * math.exp(0.2), 64.0 * math.exp(-0.2)]
    )
    assert "allocate bits" not in told([64.0, 65.0, 63.0]) + told([])

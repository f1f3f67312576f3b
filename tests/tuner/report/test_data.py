"""The views behind the page."""

from dataclasses import replace

import pytest

from tuner.report.candidates import Change, find_changes, shown_candidate
from tuner.report.charts import build_charts, plotly_text
from tuner.report.data import build_page
from tuner.report.doubts import find_doubts
from tuner.results import MODEL, Estimate, TrialRecord


def trial(**values):
    return TrialRecord(1, "complete", "abr", values)


def with_gain(results, metric, gain):
    """The run with another held-out gain of its first bitrate's winner by one metric."""
    bitrate = results.bitrates[0]
    winner = bitrate.candidates[1]
    side = winner.sides["holdout"]
    side = replace(side, gains={**side.gains, metric: gain})
    winner = replace(winner, sides={**winner.sides, "holdout": side})
    candidates = [bitrate.candidates[0], winner, *bitrate.candidates[2:]]
    return replace(results, bitrates=[replace(bitrate, candidates=candidates)])


def test_changes_name_only_what_differs():
    """Equal values are left out, absent ones are told, on and off are not 1 and 0."""
    default = trial(cutoff_hz=12000, tns=True, same=1.5, gone=3)
    other = replace(trial(cutoff_hz=12000.0, tns=1, same=1.5, new="fast"), rate_mode="vbr")
    assert find_changes(default, other) == [
        Change("rate mode", "abr", "vbr"),
        Change("gone", "3", "not used"),
        Change("new", "not used", "fast"),
        Change("tns", "on", "1"),
    ]


def test_the_shown_candidate_is_the_winner_or_the_best_whole_one(small_results):
    """Without a winner the first settings that were scored on both sides are shown."""
    bitrate = small_results.bitrates[0]
    candidates = bitrate.candidates
    assert shown_candidate(bitrate) is candidates[1]
    lame = replace(candidates[1], problem="no knob value reaches it")
    lost = replace(bitrate, winner=0, candidates=[candidates[0], lame, candidates[2]])
    assert shown_candidate(lost) is candidates[2]
    assert shown_candidate(replace(lost, candidates=[candidates[0], lame])) is lame
    assert shown_candidate(replace(lost, candidates=candidates[:1])) is None


def test_the_answer_gives_the_gain_of_the_winner(small_results):
    """The first paragraph holds the model's held-out gain and its interval."""
    results = with_gain(small_results, MODEL, Estimate(6.24, 4.06, 8.31))
    lead = build_page(results).lead
    assert lead == [
        "At 64 kb/s the tuned settings gain 6.2 points (95 % interval 4.1 to 8.3) on 15"
        " held-out clips: use them."
    ]


def test_gains_are_drawn_on_one_scale(hostile_results):
    """Zero is at one place in all drawings and each interval lies inside."""
    page = build_page(hostile_results)
    drawings = [g.forest for b in page.bitrates for g in b.gains if g is not None]
    assert len(drawings) == 4 * 3
    assert len({d.zero for d in drawings}) == 1
    assert all(0 <= d.low <= d.value <= d.high <= 100 for d in drawings)


def test_a_gains_tone_follows_its_interval(small_results):
    """Only an interval clear of zero counts as up or down."""
    for gain, tone in (
        (Estimate(1.0, 0.2, 1.8), "up"),
        (Estimate(1.0, -0.1, 2.1), "open"),
        (Estimate(-1.0, -1.8, -0.2), "down"),
    ):
        shown = build_page(with_gain(small_results, "visqol", gain)).bitrates[0].gains[1]
        assert (shown.label, shown.tone) == ("ViSQOL", tone)


def test_clips_are_plotted_with_the_worst_first(small_results):
    """Each held-out clip's gain is tuned minus default, in rising order by the model."""
    rows = build_charts(small_results)["bitrates"][0]["clips"]["holdout"]
    gains = [row["gains"][MODEL] for row in rows]
    assert gains == sorted(gains)
    default, winner = (
        c.sides["holdout"].scores[MODEL] for c in small_results.bitrates[0].candidates[:2]
    )
    assert sum(gains) == pytest.approx(sum(winner.values()) - sum(default.values()))


def test_the_quality_plot_holds_every_metric_and_bitrate(hostile_results):
    """Four bitrates by three metrics; only the confirmed one is marked as used."""
    quality = build_charts(hostile_results)["quality"]
    assert [len(points) for points in quality.values()] == [4, 4, 4]
    assert [point["tuned"]["used"] for point in quality[MODEL]] == [True, False, False, False]


def test_plotly_texts_show_markup_as_text():
    """Tags, entities and line ends of a name are not read by Plotly."""
    assert plotly_text("<a href='x'>&lt;\n b") == "&lt;a href='x'&gt;&amp;lt; b"


@pytest.mark.parametrize(
    ("metric", "gain", "doubt"),
    [
        ("visqol", Estimate(-3.0, -4.0, -2.0), "ViSQOL disagrees with the quality model"),
        (MODEL, Estimate(1.0, 0.5, 1.5), "the model expects opinions to spread by"),
        (MODEL, Estimate(1.0, 0.5, 1.5), "the gain fell from 7.7 points on the tune clips to 1.0"),
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
        assert ("part of the difference is bits" in " ".join(find_doubts(results))) is doubted


def test_the_default_as_the_best_leaves_no_doubt_about_the_rest(hostile_results):
    """Where the default is the answer, the other settings' faults are not listed."""
    assert not [doubt for doubt in find_doubts(hostile_results) if doubt.startswith("160 kb/s")]

"""The views behind the page."""

import csv
from dataclasses import replace

import pytest
from msgspec import structs

from tuner.records import MODEL, Estimate, NoAnswer, Scored, Verdict
from tuner.report.candidates import Change, find_changes, shown_candidate
from tuner.report.charts import build_charts
from tuner.report.comparison import find_curves
from tuner.report.data import build_page
from tuner.report.render import render
from tuner.report.tables import write_tables
from tuner.testing import make_trial


def trial(**values):
    return make_trial(1, values=values)


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
    other = make_trial(
        1, rate_mode="vbr", values={"cutoff_hz": 12000.0, "tns": 1, "same": 1.5, "new": "fast"}
    )
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


def test_the_answer_gives_the_gain_of_the_winner(small_results, as_runs):
    """The first paragraph holds the model's held-out gain and its interval."""
    results = with_gain(small_results, MODEL, Estimate(6.24, 4.06, 8.31))
    assert build_page(as_runs(results)).lead == [
        "At 64 kb/s use the tuned settings: the gain is +6.2 points (95 % interval +4.1 to +8.3)"
        " on 15 held-out clips."
    ]


def test_gains_are_drawn_on_one_scale(hostile_results, as_runs):
    """Zero is at one place in all drawings and each interval lies inside."""
    (run,) = build_page(as_runs(hostile_results)).runs
    drawings = [g.forest for b in run.bitrates for g in b.gains if g is not None]
    assert len(drawings) == 4 * 3
    assert len({d.zero for d in drawings}) == 1
    assert all(0 <= d.low <= d.value <= d.high <= 100 for d in drawings)


def test_a_gains_tone_follows_its_interval(small_results, as_runs):
    """Only an interval clear of zero counts as up or down."""
    for gain, tone in (
        (Estimate(1.0, 0.2, 1.8), "up"),
        (Estimate(1.0, -0.1, 2.1), "open"),
        (Estimate(-1.0, -1.8, -0.2), "down"),
    ):
        page = build_page(as_runs(with_gain(small_results, "visqol", gain)))
        shown = page.runs[0].bitrates[0].gains[1]
        assert (shown.label, shown.tone) == ("ViSQOL", tone)


def test_several_encoders_are_compared_at_each_common_bitrate(
    rising_results, other_encoder, as_runs
):
    """The better one is named with its lead; each by the settings that its run advises."""
    page = build_page(as_runs(rising_results, other_encoder))
    assert page.title == "Best settings of aac and opus at 64, 96 and 128 kb/s"
    assert [line.split(" (")[0] for line in page.lead] == [
        "At 64 kb/s tuned opus sounds best",
        "At 96 kb/s tuned opus sounds best",
        "At 128 kb/s default opus sounds best",
    ]
    assert all("5.0 points (5.0 to 5.0) ahead of" in line for line in page.lead)


def test_encoders_that_score_alike_cannot_be_told_apart(rising_results, as_runs):
    """Equal scores give no winner."""
    made = replace(rising_results.provenance, encoder="twin")
    page = build_page(as_runs(rising_results, replace(rising_results, provenance=made)))
    assert "are statistically tied" in page.lead[0]


def test_runs_without_a_common_bitrate_say_so(rising_results, other_encoder, as_runs):
    """There is nothing to compare, and the page still stands."""
    low = replace(rising_results, bitrates=rising_results.bitrates[:1])
    high = replace(other_encoder, bitrates=other_encoder.bitrates[1:])
    assert build_page(as_runs(low, high)).lead == ["The runs have no bitrate in common."]


def test_deltas_compare_tuned_with_default_and_encoders_with_each_other(
    rising_results, other_encoder, as_runs
):
    """One delta per run and one per pair, by each metric."""
    deltas = build_page(as_runs(rising_results, other_encoder)).deltas
    assert [each.metric for each in deltas] == [MODEL, "visqol", "zimtohrli"]
    assert [(d.test, d.anchor) for d in deltas[0].gained] == [
        ("recommended aac", "default aac"),
        ("recommended opus", "default opus"),
    ]
    (between,) = deltas[0].between
    assert (between.test, between.anchor) == ("recommended opus", "recommended aac")
    # Five points on every clip and at every bitrate.
    assert (between.quality.value, between.quality.low) == pytest.approx((5, 5))


def test_settings_that_only_an_adapter_reaches_name_the_command(small_results, as_runs):
    """A command that runs a Python module comes with `tuner encode`; others do not."""
    bitrate = small_results.bitrates[0]
    candidates = [
        replace(c, command=["python3", "-m", "encoders.some_api", "cbr", "64"])
        for c in bitrate.candidates
    ]
    results = replace(small_results, bitrates=[replace(bitrate, candidates=candidates)])
    (view,) = build_page(as_runs(results)).runs[0].bitrates
    assert view.shown.encode == "tuner encode 'runs/night 0@64' FILES -o FOLDER"
    assert "--settings trial-34" in view.finalists[2].encode
    (plain,) = build_page(as_runs(small_results)).runs[0].bitrates
    assert plain.shown.encode is None


def test_the_title_of_many_runs_counts_them(rising_results, as_runs):
    """A heading of five names would be no heading."""
    encoders = [
        replace(rising_results, provenance=replace(rising_results.provenance, encoder=f"e{n}"))
        for n in range(4)
    ]
    title = build_page(as_runs(*encoders)).title
    assert title == "Best settings of 4 encoders at 64, 96 and 128 kb/s"


def test_a_run_without_answers_has_no_best_settings(small_results, as_runs):
    """The title says so."""
    bitrate = small_results.bitrates[0]
    missing = NoAnswer(64.0, "the default cannot spend 64 kb/s", bitrate.trials, bitrate.timing)
    page = build_page(as_runs(replace(small_results, bitrates=[], unanswered=[missing])))
    assert page.title == "No answer for aac at 64 kb/s"


def test_a_bitrate_that_is_asked_for_and_another_that_is_spent(small_results, as_runs):
    """What the command says and what it costs, where they differ."""
    bitrate = small_results.bitrates[0]
    nominal = [replace(candidate, nominal=True) for candidate in bitrate.candidates]
    page = build_page(
        as_runs(replace(small_results, bitrates=[replace(bitrate, candidates=nominal)]))
    )
    (shown,) = [f for f in page.runs[0].bitrates[0].finalists if f.is_winner]
    assert shown.nominal.startswith("The command asks for 65.28 kb/s to get 6")
    page = build_page(as_runs(small_results))
    assert all(f.nominal is None for f in page.runs[0].bitrates[0].finalists)


def test_a_preliminary_answer_never_says_use_them(small_results, as_runs):
    """In the pill and in the headline."""
    verdict = Verdict("preliminary", "Preliminary, with 4 held-out clips: the settings gain.")
    bitrate = replace(small_results.bitrates[0], verdict=verdict, winner=0)
    page = build_page(as_runs(replace(small_results, bitrates=[bitrate])))
    assert page.runs[0].bitrates[0].kind == "preliminary"
    assert page.lead == [
        "At 64 kb/s the answer is preliminary: 15 held-out clips cannot settle it. Keep the"
        " default."
    ]


def test_an_objection_names_who_objects(hostile_results, as_runs):
    """The headline, too."""
    page = build_page(as_runs(hostile_results))
    assert (
        "At 96 kb/s keep the default: Zimtohrli hears a loss with the best settings found."
        in page.lead
    )


def by_consensus(results, gain):
    """The run as if its search had maximised the consensus, with this gain of the winner."""
    bitrate = results.bitrates[0]

    def told(side, tuned):
        values = {clip: score - 3 for clip, score in side.scores[MODEL].items()}
        found = gain if tuned else Estimate(0.0, 0.0, 0.0)
        return replace(side, objective=values, objective_gain=found)

    candidates = [
        replace(c, sides={name: told(side, index > 0) for name, side in c.sides.items()})
        for index, c in enumerate(bitrate.candidates)
    ]
    trials = [
        structs.replace(t, objective=t.score - 3) if isinstance(t, Scored) else t
        for t in bitrate.trials
    ]
    bitrate = replace(bitrate, candidates=candidates, trials=trials)
    return replace(results, bitrates=[bitrate], objective="consensus")


def test_what_was_maximised_stands_beside_the_mean(small_results, as_runs, tmp_path):
    """In the tables of gains, the trials, the CSV; runs by the mean say nothing of it."""
    plain = build_page(as_runs(small_results))
    assert plain.objective is None
    assert plain.runs[0].bitrates[0].gains[0].objective is None
    results = by_consensus(small_results, Estimate(4.4, 2.2, 6.6))
    (run,) = as_runs(results)
    page = build_page([run])
    assert page.objective == "Consensus"
    (bitrate,) = page.runs[0].bitrates
    own, *judges = bitrate.gains
    told = own.objective
    assert (told.label, told.value, told.interval) == ("Consensus", "+4.4", "2.2 to 6.6")
    assert own.value == "+6.2" and all(judge.objective is None for judge in judges)
    assert bitrate.finalists[1].gains["tune"][0].objective.value == "+4.4"
    trials = build_charts([run], find_curves([run], [MODEL]))["runs"][0]["trials"][0]
    assert float(trials[0][2]) == pytest.approx(float(trials[0][3]) - 3, abs=0.11)
    (tmp_path / "tables").mkdir()
    winners, *_ = write_tables([run], tmp_path / "tables")
    (row,) = csv.DictReader(winners.read_text().splitlines())
    assert (row["objective"], row["objective_gain"]) == ("consensus", "4.4")
    html = render([run])
    assert "the consensus of InSE-NET; settings must gain by it and by the mean to be" in html
    assert "by consensus</small>" in html and '<small class="of">Consensus</small>' in html

"""The CSV files."""

import csv
from dataclasses import replace

import pytest

from tuner.records import MODEL
from tuner.report.tables import write_tables


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def tables(tmp_path_factory, rising_results, other_encoder, as_runs):
    folder = tmp_path_factory.mktemp("tables") / "csv"
    paths = write_tables(as_runs(rising_results, other_encoder), folder)
    return {path.stem: read(path) for path in paths}


def test_winners_hold_gain_verdict_and_command(tables, rising_results):
    """A row per run and bitrate with the stored figures."""
    rows = tables["winners"]
    assert [(r["encoder"], r["target_kbps"]) for r in rows][:4] == [
        ("aac", "64.0"), ("aac", "96.0"), ("aac", "128.0"), ("opus", "64.0"),
    ]  # fmt: skip
    gain = rising_results.bitrates[0].candidates[1].sides["holdout"].gains[MODEL]
    assert float(rows[0][f"{MODEL}_gain_low"]) == pytest.approx(gain.low, abs=1e-4)
    assert rows[0]["verdict"] == "confirmed"
    assert [r["recommended"] for r in rows[:3]] == ["tuned", "tuned", "default"]
    assert float(rows[0]["equivalent_kbps"]) > 64
    assert "-aac_coder fast" in rows[0]["command"]


def test_trials_are_all_there(tables):
    """Two runs, three bitrates, sixty trials; absent figures are empty, not zero."""
    assert len(tables["trials"]) == 2 * 3 * 60
    infeasible = next(row for row in tables["trials"] if row["state"] == "infeasible")
    assert infeasible["score"] == ""
    assert infeasible["reason"].startswith("no knob value")


def test_clips_hold_both_scores_and_their_difference(tables):
    """A row per run, bitrate and clip of both sides."""
    rows = tables["clips"]
    assert len(rows) == 2 * 3 * 30
    row = rows[0]
    gain = float(row["visqol_tuned"]) - float(row["visqol_default"])
    assert float(row["visqol_gain"]) == pytest.approx(gain, abs=2e-4)
    assert len(row["digest"]) == 64


def test_deltas_compare_within_and_between_the_runs(tables):
    """By each metric, two runs and one pair."""
    rows = tables["deltas"]
    assert len(rows) == 3 * (2 + 1)
    assert rows[2]["test"] == "recommended opus"
    assert float(rows[2]["bd_quality_points"]) == pytest.approx(5)


def test_one_bitrate_has_no_deltas(tmp_path, small_results, as_runs):
    """An empty table, not rows without figures."""
    paths = write_tables(as_runs(small_results), tmp_path)
    assert read(next(path for path in paths if path.stem == "deltas")) == []


def test_no_cell_is_a_formula(tmp_path, small_results, as_runs):
    """A spreadsheet must not run a clip's name; negative numbers stay numbers."""
    clip = replace(small_results.clips[0], name="=HYPERLINK(1)", source="@SUM(1)", start_s=-2.0)
    results = replace(small_results, clips=[clip, *small_results.clips[1:]])
    paths = write_tables(as_runs(results), tmp_path)
    clips = next(path for path in paths if path.stem == "clips")
    row = read(clips)[0]
    assert (row["clip"], row["source"], row["start_s"]) == ("'=HYPERLINK(1)", "'@SUM(1)", "-2.0")


def test_one_bitrate_has_the_header_of_the_deltas(tmp_path, small_results, as_runs):
    """A script reads the same columns, and no row."""
    write_tables(as_runs(small_results), tmp_path)
    lines = (tmp_path / "deltas.csv").read_text(encoding="utf-8").splitlines()
    assert lines == [
        "metric,test,anchor,bd_rate_percent,bd_rate_percent_low,bd_rate_percent_high,"
        "bd_rate_percent_note,bd_quality_points,bd_quality_points_low,bd_quality_points_high,"
        "bd_quality_points_note"
    ]

"""The plots as files."""

from dataclasses import replace

import pytest

from tuner.report.plots import write_plots


def test_curves_and_gains_are_drawn(tmp_path, rising_results, other_encoder, as_runs):
    """A file for each metric and one for the gains, with the encoders in their texts."""
    runs = as_runs(rising_results, other_encoder)
    paths = write_plots(runs, tmp_path / "plots")
    assert [path.name for path in paths] == [
        "rate-quality-insenet.svg",
        "rate-quality-visqol.svg",
        "rate-quality-zimtohrli.svg",
        "gains.svg",
    ]
    text = paths[0].read_text(encoding="utf-8")
    assert "recommended opus" in text
    assert "opus, 128 kb/s" in paths[3].read_text(encoding="utf-8")


def test_the_same_run_gives_the_same_file(tmp_path, small_results, as_runs):
    """No date and no random name: a paper's repository sees no change."""
    runs = as_runs(small_results)
    first, again = (write_plots(runs, tmp_path / name)[0].read_bytes() for name in "ab")
    assert first == again


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_hostile_names_and_empty_runs_are_drawn(tmp_path, hostile_results, as_runs, kind):
    """Names are texts, not formulas or paths; nothing to draw is an empty plot."""
    made = replace(hostile_results.provenance, encoder="../$\\frac{1}{<b>$")
    hostile = replace(hostile_results, provenance=made)
    empty = replace(hostile, bitrates=[])
    for results in (hostile, empty):
        paths = write_plots(as_runs(results), tmp_path, kind)
        assert all(path.parent == tmp_path and path.stat().st_size for path in paths)

"""Runs of a report: named apart, and refused where they do not compare."""

from dataclasses import replace
from pathlib import Path

import pytest

from tuner.errors import RunError
from tuner.report.runs import check_comparable, find_judge_differences, name_runs, read_runs
from tuner.results import write_results


def test_runs_of_one_encoder_are_told_apart_by_their_folders(small_results):
    """The folder's name is added, or the whole path where the names are the same, too."""
    named = name_runs([(Path("a/one"), small_results, []), (Path("b/two"), small_results, [])])
    assert [(run.key, run.name) for run in named] == [("r0", "aac (one)"), ("r1", "aac (two)")]
    named = name_runs([(Path("a/one"), small_results, []), (Path("b/one"), small_results, [])])
    assert [run.name for run in named] == ["aac (a/one)", "aac (b/one)"]


def test_an_encoder_that_is_alone_keeps_its_name(rising_results, other_encoder, as_runs):
    """Nothing is added where nothing is to be told apart."""
    assert [run.name for run in as_runs(rising_results, other_encoder)] == ["aac", "opus"]


def test_other_clips_are_refused_and_named(small_results, as_runs):
    """Changed samples, and clips that only one run has, are told with their names."""
    clips = small_results.clips
    changed = replace(clips[0], digest="ff" * 32)
    with pytest.raises(RunError, match=r"night 1: uses other clips.*t samples in castanets 1"):
        check_comparable(
            as_runs(small_results, replace(small_results, clips=[changed, *clips[1:]]))
        )
    with pytest.raises(RunError, match=r"only runs/night 0 has.*and 2 more"):
        check_comparable(as_runs(small_results, replace(small_results, clips=clips[5:])))


def test_a_clip_that_changed_sides_is_refused(small_results, as_runs):
    """What one run tuned on cannot be another's held-out clip."""
    moved = replace(small_results.clips[0], side="tune")
    other = replace(small_results, clips=[moved, *small_results.clips[1:]])
    with pytest.raises(RunError, match=r"castanets 1.* \(held-out\)"):
        check_comparable(as_runs(small_results, other))


def test_a_renamed_clip_is_the_same_clip(small_results, as_runs):
    """Samples and side count, names do not."""
    renamed = replace(small_results.clips[0], name="castagnettes.flac", source="/elsewhere")
    check_comparable(
        as_runs(small_results, replace(small_results, clips=[renamed, *small_results.clips[1:]]))
    )


def test_runs_by_different_models_are_refused(small_results, as_runs):
    """Scores of two models are not on one scale."""
    made = replace(small_results.provenance, scorer_version="insenet 2")
    with pytest.raises(RunError, match=r"different quality models.*insenet 2"):
        check_comparable(as_runs(small_results, replace(small_results, provenance=made)))


def test_judges_of_different_versions_are_told(small_results, as_runs):
    """The runs still compare by the model, and the reader is told."""
    made = replace(
        small_results.provenance, judge_versions={"visqol": "3.9.0", "zimtohrli": "0.2.1"}
    )
    runs = as_runs(small_results, replace(small_results, provenance=made))
    check_comparable(runs)
    (sentence,) = find_judge_differences(runs)
    assert "visqol differs between the runs" in sentence
    assert "3.9.0" in sentence


def test_runs_are_read_in_the_order_given(tmp_path, rising_results, other_encoder):
    """The folders' order is the report's."""
    for name, results in (("b", rising_results), ("a", other_encoder)):
        (tmp_path / name).mkdir()
        write_results(results, tmp_path / name / "results.json")
    runs = read_runs([tmp_path / "b", tmp_path / "a"])
    assert [(run.name, run.folder.name) for run in runs] == [("aac", "b"), ("opus", "a")]

"""`tuner run --per-category`: kinds searched apart."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer

from tuner.cli.commands.run import run
from tuner.cli.per_category import conduct_each, forecast_each
from tuner.driver.parts import Parts
from tuner.errors import ClipError, MetricError
from tuner.records import Side
from tuner.results import read_results
from tuner.sound.audio import SAMPLE_RATE, sample_digest
from tuner.sound.clips import Clip, ClipSet
from tuner.study.files import read_study
from tuner.study.spec import ClipsSpec, StudySpec, parse_study
from tuner.testing import FakeEncoder, FakeScorer

SIDES: tuple[Side, Side] = ("tune", "holdout")
pytestmark = pytest.mark.usefixtures("in_place")


def make_clips(kind: str, count: int) -> list[Clip]:
    """So many clips of a second, by turns on both sides."""
    clips = []
    for number in range(count):
        rng = np.random.default_rng([number, *kind.encode()])
        pcm = (0.1 * rng.standard_normal((1, SAMPLE_RATE))).astype(np.float32)
        name = f"{kind} {number}"
        side = SIDES[number % 2]
        clips.append(Clip(sample_digest(pcm), name, side, f"/{name}", 0.0, pcm, kind))
    return clips


def make_parts(**kinds: int) -> Parts:
    clips = [clip for kind, count in kinds.items() for clip in make_clips(kind, count)]
    spec = StudySpec("fake", ClipsSpec("/music", per_category=True), (64.0,), trials=2, workers=1)
    judges = (FakeScorer("visqol"),)
    spec = replace(spec, hours=1.0, exhibits=0, search=replace(spec.search, ablation=False))
    return Parts(spec, FakeEncoder(), ClipSet(tuple(clips)), FakeScorer("insenet"), judges)


def test_each_kind_has_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a folder of its name, over its clips, with a study that runs it alone again."""
    conduct_each(make_parts(speech=6, music=6, mono=2), tmp_path / "run", "x", as_json=True)
    printed = capsys.readouterr()
    answers = json.loads(printed.out)["categories"]
    assert [each["category"] for each in answers] == ["music", "speech"]
    assert "mono: skipped (1 clip for tuning, 1 held out)" in printed.err
    for each in answers:
        kind = each["category"]
        assert each["run"] == str(tmp_path / "run" / kind)
        results = read_results(tmp_path / "run" / kind / "results.json")
        assert {clip.category for clip in results.clips} == {kind}
        assert (tmp_path / "run" / kind / "report.html").is_file()
        spec = parse_study(read_study(tmp_path / "run" / kind / "study.toml"), "stored")
        assert (spec.clips.category, spec.clips.per_category) == (kind, False)
        assert spec.hours == 0.5
    forecast_each(make_parts(speech=6, music=6), tmp_path / "run", 1, as_json=False)
    told = capsys.readouterr().out
    assert "music:\n" in told and "0 trials remaining (2 done)" in told


def test_a_kind_without_an_answer_stops_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told by name, and the exit status says so."""
    parts = make_parts(speech=6, music=6)
    parts = replace(parts, spec=replace(parts.spec, bitrates_kbps=(900.0,)))
    with pytest.raises(typer.Exit) as stopped:
        conduct_each(parts, tmp_path / "run", "x", as_json=False)
    assert stopped.value.exit_code == 1
    told = capsys.readouterr().err
    assert "music: " in told and "speech: " in told
    assert told.count("no result, so no report") == 2


def test_too_few_of_every_kind_is_told(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(ClipError, match="no category has 3 tuning and 3 held-out clips; add"):
        conduct_each(make_parts(speech=4, music=5), tmp_path / "run", "x", as_json=False)


def test_an_unknown_judge_is_told_before_clips_are_read(tmp_path: Path) -> None:
    """Reading a library takes minutes, a name a moment."""
    with pytest.raises(MetricError, match="no-such"):
        run(
            encoder="aac",
            clips=tmp_path / "not there",
            bitrates="64",
            judges="visqol,no-such",
            out=tmp_path / "run",
        )

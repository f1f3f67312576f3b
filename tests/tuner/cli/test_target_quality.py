"""`tuner run --target-quality` on fakes: the lowest bitrate that is good enough."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tuner.cli.arguments.study import parse_qualities
from tuner.cli.commands.run import conduct
from tuner.cli.display.forecast import print_forecast
from tuner.driver.parts import Parts
from tuner.errors import StudyError
from tuner.records import Missed, QualityTarget, Reached
from tuner.report.runs import read_runs
from tuner.report.tables import write_tables
from tuner.results import read_results
from tuner.study.spec import parse_study


def with_target(parts: Parts, *qualities: float) -> Parts:
    """The run with targets of quality instead of bitrates, and nothing else after the search."""
    search = replace(parts.spec.search, ablation=False)
    spec = replace(
        parts.spec, bitrates_kbps=(), target_quality=qualities, search=search, exhibits=0
    )
    return replace(parts, spec=spec)


def test_a_target_of_quality(
    tmp_path: Path, make_parts: Callable[..., Parts], capsys: pytest.CaptureFixture[str]
) -> None:
    """Default and best are measured at the bits that they need, again in a second session."""
    parts = with_target(make_parts(6), 60.0)
    conduct(parts, tmp_path / "run", "tuner run", as_json=True)
    printed = json.loads(capsys.readouterr().out)
    results = read_results(tmp_path / "run" / "results.json")
    (good,) = results.quality_targets
    # 60 points are 30 dB by the fake scorer's 2 for each: 2.5 octaves over 16 kb/s.
    assert good.default.kbps == pytest.approx(16 * 2 ** (30 / 12), rel=0.02)
    assert results.bitrates[0].target_kbps == good.searched_kbps
    assert isinstance(good.best, Reached) and good.best.trial > 0
    assert good.best.quality >= 60 and good.best.kbps < good.default.kbps
    assert good.bits is not None and good.bits.low <= good.bits.value <= good.bits.high < 1
    assert good.bits.value == pytest.approx(good.best.kbps / good.default.kbps, rel=0.02)
    assert good.recommended and "% bits at equal quality (95 % interval -" in good.sentence
    assert set(good.judges) == {"similarity", "distance"}
    assert tomllib.loads(results.provenance.study)["target_quality"] == [60.0]
    assert printed["quality_targets"][0]["sentence"] == good.sentence

    conduct(parts, tmp_path / "run", "tuner run")
    again = capsys.readouterr().out
    assert (
        read_results(tmp_path / "run" / "results.json").quality_targets == results.quality_targets
    )
    assert " ".join(good.sentence.split()) in " ".join(again.split())

    page = (tmp_path / "run" / "report.html").read_text()
    assert good.sentence in page and '"target":60' in page.replace(" ", "")
    write_tables(read_runs([tmp_path / "run"]), tmp_path / "csv")
    rows = (tmp_path / "csv" / "targets.csv").read_text().splitlines()
    assert rows[0].startswith("run,encoder,quality") and len(rows) == 2


def test_how_far_it_comes(tmp_path: Path, make_parts: Callable[..., Parts]) -> None:
    """95 points by one for each dB are more than 320 kb/s give."""
    parts = with_target(make_parts(2), 95.0)
    scorer = replace(parts.scorer, slope=1.0)  # type: ignore[type-var]
    parts = replace(parts, scorer=scorer)
    conduct(parts, tmp_path / "run", "x")
    (target,) = read_results(tmp_path / "run" / "results.json").quality_targets
    assert isinstance(target, QualityTarget) and isinstance(target.default, Missed)
    assert "quality reaches" in target.sentence and not target.recommended


def test_the_study(make_parts: Callable[..., Parts], tmp_path: Path) -> None:
    """Written and read back; either bitrates or targets are needed; a dry run tells the goal."""
    spec = with_target(make_parts(2), 85.0).spec
    raw = {"encoder": "fake", "target_quality": 85, "clips": {"folder": "x"}}
    assert parse_study(raw, "t").target_quality == (85.0,)
    assert parse_study(raw, "t").bitrates_kbps == ()
    assert spec.digest() != replace(spec, target_share=0.9).digest()
    with pytest.raises(StudyError, match="bitrates_kbps: missing"):
        parse_study({"encoder": "fake", "clips": {"folder": "x"}}, "t")
    with pytest.raises(StudyError, match=r"got \[?120\]?\)"):
        parse_study({**raw, "target_quality": 120}, "t")
    with pytest.raises(StudyError, match="target_quality: missing"):
        parse_study({**raw, "target_quality": [], "target_share": 0.9}, "t")
    assert parse_qualities("80,90") == [80.0, 90.0]
    with pytest.raises(StudyError, match="separated by commas"):
        parse_qualities("good")


def test_a_dry_run_tells_the_goal(
    make_parts: Callable[..., Parts], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bitrate is not known yet."""
    print_forecast(with_target(make_parts(2), 85.0), tmp_path / "run", 1)
    assert "at quality 85" in capsys.readouterr().out

"""`tuner ladder` on a run of fakes, and how its rungs are chosen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tuner.apply import player
from tuner.cli.commands import run as cli_run
from tuner.cli.commands.ladder import ladder
from tuner.cli.commands.run import conduct
from tuner.driver.parts import Parts
from tuner.encoder import Settings
from tuner.errors import RunError
from tuner.results import read_results
from tuner.rungs import noticeable_step
from tuner.target.ladder import Corner, Wanted, choose_qualities, find_hull
from tuner.target.transparency import find_transparent
from tuner.testing import FakeEncoder, FakeScorer


def corner(kbps: float, quality: float, spread: float = 5.0, run: int = 0) -> Corner:
    return Corner(run, "default", Settings("abr"), kbps, kbps, quality, spread)


def test_hull_leaves_out_what_others_beat() -> None:
    """What costs more and gives less, and what lies under the line between its neighbours."""
    good = [corner(32, 40), corner(64, 70), corner(128, 90)]
    bad = [corner(64, 60, run=1), corner(96, 77, run=1), corner(140, 90, run=1)]
    assert find_hull([*bad, *good]) == good


def test_steps_are_equal_and_noticeable() -> None:
    """As many as asked for where they can be told apart, else fewer, and told."""
    hull = [corner(32, 40), corner(64, 70), corner(128, 90)]
    steps, notes = choose_qualities(hull, Wanted(4))
    assert steps == pytest.approx([40, 40 + 50 / 3, 40 + 100 / 3, 90]) and len(notes) == 1
    steps, notes = choose_qualities(hull, Wanted(40))
    gaps = [high - low for low, high in pairwise(steps)]
    assert max(gaps) == pytest.approx(min(gaps)) and min(gaps) >= noticeable_step(5, 5) == (
        pytest.approx(4.77, abs=0.01)
    )
    assert "40 rungs were requested" in notes[1]
    steps, _ = choose_qualities(hull, Wanted(3, low_kbps=64, high=85))
    assert steps == pytest.approx([70, 77.5, 85])
    with pytest.raises(RunError, match="no ladder from quality 95"):
        choose_qualities(hull, Wanted(3, low=95))
    with pytest.raises(RunError, match="too close"):
        choose_qualities(hull, Wanted(3, low=88))


def test_a_ladder_of_a_run(
    make_parts: Callable[..., Parts],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Quality rises at every rung by a noticeable step; table, CSV and page hold the same."""
    parts = make_parts(1)
    search = replace(parts.spec.search, ablation=False)
    rates = (24.0, 48.0, 96.0)
    parts = replace(parts, spec=replace(parts.spec, bitrates_kbps=rates, search=search, exhibits=0))
    conduct(parts, tmp_path / "run", "x")
    capsys.readouterr()
    monkeypatch.setattr(player, "load_encoder", lambda name, binary=None: FakeEncoder())
    monkeypatch.setattr(cli_run, "load_metrics", lambda *_: (FakeScorer("insenet"), ()))
    page, table = tmp_path / "ladder.html", tmp_path / "ladder.csv"
    ladder([tmp_path / "run"], 4, html=page, csv=table, workers=1, as_json=True)
    rungs = json.loads(capsys.readouterr().out)["rungs"]
    assert len(rungs) == 4
    for low, high in pairwise(rungs):
        assert low["kbps"] < high["kbps"] and high["step"]["low"] > 0
        assert high["step"]["value"] >= high["noticeable"]
    steps = [rung["step"]["value"] for rung in rungs[1:]]
    assert max(steps) - min(steps) < 2
    assert page.read_text().count('<th scope="row">') == 4
    assert "fake --abr=" in page.read_text() and "<script" not in page.read_text()
    assert len(table.read_text().splitlines()) == 5

    results = read_results(tmp_path / "run" / "results.json")
    told = find_transparent(results, tmp_path / "run", 0.5)
    # 97.7 points are noticeably below 100 no more: 49.5 dB.
    assert told.kbps is None and "not transparent up to" in told.sentence
    lifted = [
        replace(p, side=replace(p.side, spreads={d: 30.0 for d in p.side.spreads}))
        for p in results.default_points
    ]
    again = find_transparent(replace(results, default_points=lifted), tmp_path / "run", 0.5)
    assert re.search(r"transparent (from|already at) \d", again.sentence)

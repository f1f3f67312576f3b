"""What a run that must not be believed says of itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tuner.cli.commands.run import conduct
from tuner.records import Scored
from tuner.results import read_results
from tuner.testing import FakeScorer


def test_no_bitrate_and_a_model_upside_down(
    rig: Any, music: Path, make_parts: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bitrate out of reach has no answer and says why; the other one goes on.

    A model that scores some coded clip above the reference itself fails the identity check.
    """
    parts = make_parts(music, 2, scorer=FakeScorer("insenet", slope=-1.0))
    parts = replace(parts, spec=replace(parts.spec, bitrates_kbps=(64.0, 900.0)))
    report = conduct(parts, rig.run, "tuner run")
    told = capsys.readouterr()
    results = read_results(rig.run / "results.json")
    (fine,), (unreachable,) = results.bitrates, results.unanswered
    assert [trial.state for trial in fine.trials] == ["complete"] * 2
    assert "cannot reach 900 kb/s" in unreachable.problem
    assert not isinstance(unreachable.trials[0], Scored)
    assert "no answer" in told.out and "cannot reach 900 kb/s" in told.out
    assert results.notes[0].startswith("Identity check failed: the quality model scores a coded")
    assert "Identity check failed" in report.read_text(encoding="utf-8")

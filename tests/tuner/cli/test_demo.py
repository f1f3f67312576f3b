"""`tuner demo`: the whole main job with real encoder, model and judges."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tuner.results import read_results


def test_demo_searches_validates_and_reports(tmp_path: Path) -> None:
    """Three trials on its own clips end in an answer, a report, and equal measured bitrates."""
    command = [sys.executable, "-m", "tuner", "demo", "--out", str(tmp_path / "run")]
    done = subprocess.run([*command, "--trials", "3", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    results = read_results(tmp_path / "run" / "results.json")
    (bitrate,) = results.bitrates
    assert len(bitrate.trials) == 3
    assert bitrate.problem is None
    default = bitrate.candidates[0]
    for side in default.sides.values():
        assert side.bitrate_kbps == pytest.approx(64, rel=0.01)
        assert set(side.scores) == {"insenet", "visqol", "zimtohrli", "2f"}
    assert any("Identity check passed" in note for note in results.notes)
    assert any("Anchor check passed" in note for note in results.notes)
    assert "<html" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")[:200]

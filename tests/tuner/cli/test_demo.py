"""`tuner demo`: the whole main job with real encoder, model and judges."""

import json
from pathlib import Path

import pytest

from tuner.cli.commands import demo
from tuner.results import read_results

#: Seconds of each clip: the least that is allowed.
CLIP_S = 2.5
#: How many of the dozen clips.
CLIPS = 4


def test_demo_searches_validates_and_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two trials on its own clips end in an answer, a report, and equal measured bitrates."""
    write = demo.write_demo_clips

    def write_few(folder: Path) -> list[Path]:
        kept, others = (paths := write(folder, CLIP_S))[:CLIPS], paths[CLIPS:]
        for path in others:
            path.unlink()
        return kept

    monkeypatch.setattr(demo, "write_demo_clips", write_few)
    demo.demo(out=tmp_path / "run", trials=2, workers=1, as_json=True)
    assert json.loads(capsys.readouterr().out)
    results = read_results(tmp_path / "run" / "results.json")
    (bitrate,) = results.bitrates
    assert len(bitrate.trials) == 2
    default = bitrate.candidates[0]
    for name, side in default.sides.items():
        assert side.bitrate_kbps == pytest.approx(64, rel=0.01)
        judges = {"visqol", "zimtohrli", "2f"} if name == "holdout" else set()
        assert set(side.scores) == {"insenet", *judges}
    assert any("Identity check passed" in note for note in results.notes)
    assert any("Anchor check passed" in note for note in results.notes)
    assert "<html" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")[:200]

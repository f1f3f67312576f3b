"""What people say of a run stands above all metrics in its results and its report."""

import json
from pathlib import Path

import pytest

from tuner.cli.arguments.listen_verdict import RUN_FILE, note_run, tell_run
from tuner.errors import RunError
from tuner.listening.analysis import Analysis
from tuner.listening.crossed import Mean
from tuner.listening.plan import Plan, Stimulus, Trial
from tuner.listening.ratings import Comparison
from tuner.results import read_results, write_results
from tuner.testing import FakeEncoder

PLAN = Plan(
    kind="mushra",
    title="t",
    seed=0,
    baseline="default",
    trials=tuple(
        Trial(
            f"{clip} 96",
            clip,
            96.0,
            "r.wav",
            (Stimulus("reference", "a.wav"), Stimulus("default", "b.wav"), Stimulus("tuned", "c")),
        )
        for clip in "xy"
    ),
)


def said(value: float, half: float | None, kbps: float = 96.0) -> Analysis:
    low, high = (None, None) if half is None else (value - half, value + half)
    difference = Mean(value, low, high, 0.01)
    compared = (Comparison(kbps, "tuned", "default", difference, 0.01),)
    return Analysis("mushra", ("anna", "ben", "cleo"), {}, {}, comparisons=compared)


@pytest.fixture
def test_of_run(tmp_path: Path, write_run) -> tuple[Path, Path]:  # type: ignore[no-untyped-def]
    """A test's folder and its run."""
    run = write_run(tmp_path / "run", FakeEncoder(), {"shaping": 7}, winner=0)
    test = tmp_path / "test"
    test.mkdir()
    note_run(test, run)
    return test, run


def test_people_confirm(test_of_run: tuple[Path, Path]) -> None:
    """Verdict, winner and report follow, and what they said is kept."""
    test, run = test_of_run
    told = tell_run(test, PLAN, said(8.0, 3.0))
    assert told[0].startswith("96 kb/s: Confirmed by listening: 3 listeners rated 2 clips;")
    assert told[1].endswith("report.html")
    (bitrate,) = read_results(run / "results.json").bitrates
    assert (bitrate.verdict.kind, bitrate.winner) == ("confirmed", 1)
    assert bitrate.listening is not None and bitrate.listening.gain.value == 8.0
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "a listening test decides. Confirmed by listening: 3 listeners rated 2 clips" in page


def test_people_object(test_of_run: tuple[Path, Path]) -> None:
    """The default is what to use, though metrics had confirmed."""
    test, run = test_of_run
    tell_run(test, PLAN, said(8.0, 3.0))
    (sentence, _) = tell_run(test, PLAN, said(-8.0, 3.0))
    assert "Objected by listening" in sentence
    (bitrate,) = read_results(run / "results.json").bitrates
    assert (bitrate.verdict.kind, bitrate.winner) == ("objected", 0)


def test_other_settings_since_are_told(test_of_run: tuple[Path, Path]) -> None:
    """A run that went on found others, of which people said nothing."""
    test, run = test_of_run
    content = json.loads((test / RUN_FILE).read_text())
    (test / RUN_FILE).write_text(json.dumps({**content, "tuned": {"96": 17}}))
    before = read_results(run / "results.json")
    (sentence,) = tell_run(test, PLAN, said(8.0, 3.0))
    assert "has found other settings since" in sentence
    assert read_results(run / "results.json") == before


def test_what_says_nothing_of_the_run(test_of_run: tuple[Path, Path], tmp_path: Path) -> None:
    """No interval, another bitrate, no run, a run elsewhere: nothing changes."""
    test, run = test_of_run
    assert tell_run(test, PLAN, said(8.0, None)) == []
    assert tell_run(test, PLAN, said(8.0, 3.0, kbps=64.0)) == []
    assert tell_run(tmp_path, PLAN, said(8.0, 3.0)) == []
    write_results(read_results(run / "results.json"), tmp_path / "elsewhere.json")
    (run / "results.json").unlink()
    (sentence,) = tell_run(test, PLAN, said(8.0, 3.0))
    assert "is not on this machine" in sentence


def test_a_damaged_note_is_told(test_of_run: tuple[Path, Path]) -> None:
    """With the way out."""
    test, _ = test_of_run
    (test / RUN_FILE).write_text("{}")
    with pytest.raises(RunError, match=r"run.json: damaged.*make the test again"):
        tell_run(test, PLAN, said(8.0, 3.0))

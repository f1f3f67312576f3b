"""Winners of finished runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.driver.warm import find_winners
from tuner.encoder import Settings
from tuner.errors import RunError, StudyError
from tuner.records import (
    MODEL,
    Answer,
    Candidate,
    ClipRecord,
    Estimate,
    Provenance,
    Results,
    SideResult,
    Timing,
    Verdict,
)
from tuner.results import write_results

CLIP = ClipRecord("d1", "a.wav", "tune", 8.0, 2, "/clips/a.wav", 0.0)


def candidate(shaping: int) -> Candidate:
    gains = {MODEL: Estimate(0.0, 0.0, 0.0)}
    side = SideResult(64.0, 64.0, {MODEL: {CLIP.digest: 70.0}}, {CLIP.digest: 1.0}, gains)
    return Candidate(1, "abr", {"shaping": shaping}, ["fake"], {"tune": side}, "no match")


def finished(folder: Path, encoder: str = "fake") -> Path:
    """A run at 48, 96 and 192 kb/s, each with one winner beside the default."""
    bitrates = [
        Answer(
            kbps, Verdict("confirmed", "Good."), 1, [candidate(3), candidate(best)], [], Timing()
        )
        for kbps, best in ((48.0, 4), (96.0, 7), (192.0, 9))
    ]
    made = Provenance("", "", 0, {}, encoder, "1", "", "", "", {}, "", "", "", None)
    write_results(Results([CLIP], bitrates, made), folder / "results.json")
    return folder


def test_the_nearest_bitrates_lend_their_winners(tmp_path: Path) -> None:
    """Two bitrates, the nearest first, without their defaults."""
    winners = find_winners([finished(tmp_path)], "fake")
    assert winners.near(80.0) == [
        Settings.of("abr", {"shaping": 7}),
        Settings.of("abr", {"shaping": 4}),
    ]
    assert winners.near(320.0)[0] == Settings.of("abr", {"shaping": 9})


def test_another_encoders_run_is_refused(tmp_path: Path) -> None:
    """Settings mean nothing to another encoder."""
    with pytest.raises(StudyError, match="a run of fake cannot warm-start other"):
        find_winners([finished(tmp_path)], "other")


def test_a_run_without_results_is_refused(tmp_path: Path) -> None:
    """A run that has not finished is named."""
    with pytest.raises(RunError, match="resumes an unfinished run"):
        find_winners([tmp_path], "fake")


def test_nothing_to_start_from() -> None:
    """Without runs there are no winners."""
    assert find_winners([], "fake").near(64.0) == []

"""A run's clips and coded versions: from its cache, encoded again, or refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tuner.apply.player import RunPlayer, find_bitrate, find_candidate, parse_run
from tuner.errors import RunError
from tuner.results import read_results
from tuner.sound.audio import SAMPLE_RATE
from tuner.testing import FakeEncoder

WriteRun = Callable[..., Path]


@pytest.fixture
def run(tmp_path: Path, write_run: WriteRun) -> Path:
    """A run of the fake encoder."""
    return write_run(tmp_path / "run", FakeEncoder(), {"shaping": 7})


def test_what_was_scored_is_played(run: Path) -> None:
    """From the cache, aligned, with the knob of the clip's own side; and the same without it."""
    results = read_results(run / "results.json")
    default, tuned = results.bitrates[0].candidates
    player = RunPlayer(run, results, FakeEncoder(delay=100))
    tune, holdout = results.clips
    reference = player.load(holdout)
    cached = player.encoded(holdout, tuned)
    assert cached != player.encoded(holdout, default)
    coded = player.coded(holdout, reference, tuned)
    assert coded.shape == reference.shape
    # The noise alone remains: late by 100 samples it would be as strong as the signal.
    assert np.abs(coded - reference).max() < 0.1
    shutil.rmtree(run / "cache")
    again = RunPlayer(run, results, FakeEncoder())
    assert again.encoded(holdout, tuned).data == cached.data
    other = again.encoded(tune, tuned)
    assert other.payload_bits != cached.payload_bits  # knob 96, not 97


def test_another_build_only_gives_what_is_cached(run: Path) -> None:
    """With the cache it plays, without it refuses rather than encode something else."""
    results = read_results(run / "results.json")
    player = RunPlayer(run, results, FakeEncoder(build="2"))
    clip, candidate = results.clips[0], results.bitrates[0].candidates[1]
    assert player.encoded(clip, candidate).data
    shutil.rmtree(run / "cache")
    with pytest.raises(RunError, match="differs from the build used"):
        player.encoded(clip, candidate)


def test_a_lost_clip_and_a_missing_side_are_told(run: Path) -> None:
    """Each with what to do."""
    results = read_results(run / "results.json")
    player = RunPlayer(run, results, FakeEncoder())
    clip, candidate = results.clips[1], results.bitrates[0].candidates[1]
    one_sided = replace(candidate, sides={"tune": candidate.sides["tune"]}, problem="too quiet")
    with pytest.raises(RunError, match=r"no result on the holdout clips \(too quiet"):
        player.encoded(clip, one_sided)
    (run / "clips" / f"{clip.digest}.npy").unlink()
    with pytest.raises(RunError, match="run the study again"):
        player.load(clip)


def test_a_damaged_clip_is_made_again_from_its_source(run: Path, tmp_path: Path) -> None:
    """Its samples are not played as they lie there; without the source that is told."""
    results = read_results(run / "results.json")
    path = run / "clips" / f"{results.clips[0].digest}.npy"
    whole = np.load(path)
    source = tmp_path / "tune.wav"
    clip = replace(results.clips[0], source=str(source), duration_s=whole.shape[1] / SAMPLE_RATE)
    player = RunPlayer(run, results, FakeEncoder())
    np.save(path, whole * np.float32(0.5))
    with pytest.raises(
        RunError, match=r"damaged .*tune\.wav does not contain it either; restore that"
    ):
        player.load(clip)
    soundfile.write(source, whole.T, SAMPLE_RATE, subtype="FLOAT")
    assert np.array_equal(player.load(clip), whole)
    assert np.array_equal(np.load(path), whole)


def test_candidates_by_name(run: Path) -> None:
    """The default, what the verdict is about, a trial; else the names that there are."""
    results = read_results(run / "results.json")
    answer = find_bitrate(run, results, 96.0)
    assert find_candidate(run, answer, "default").trial == 0
    assert find_candidate(run, replace(answer, winner=0), "tuned").trial == 1
    assert find_candidate(run, answer, "trial-1").trial == 1
    with pytest.raises(RunError, match="available: default, trial-0, trial-1, tuned"):
        find_candidate(run, answer, "best")
    with pytest.raises(RunError, match="available: 96"):
        find_bitrate(run, results, 64.0)


@pytest.mark.parametrize(
    ("text", "path", "kbps"),
    [
        ("runs/a@96", "runs/a", 96.0),
        ("runs/a@9.5", "runs/a", 9.5),
        ("runs/a", "runs/a", None),
        ("me@home/run", "me@home/run", None),
        ("me@home/run@64", "me@home/run", 64.0),
    ],
)
def test_run_at_bitrate(text: str, path: str, kbps: float | None) -> None:
    """RUN@96, and folders with an @ of their own."""
    assert parse_run(text) == (Path(path), kbps)

"""A command line is proved by running it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tuner.apply.player import RunPlayer
from tuner.apply.proof import prove
from tuner.encoder import converting
from tuner.jobs.cache import Cache, encode_key
from tuner.plugins import load_encoder
from tuner.records import Candidate, ClipRecord, Results
from tuner.results import read_results
from tuner.sound.audio import SAMPLE_RATE, sample_digest
from tuner.testing import FakeEncoder

Run = tuple[RunPlayer, Results, list[Candidate]]


@pytest.fixture
def run(tmp_path: Path, write_run: Callable[..., Path]) -> Run:
    """A run of an encoder inside ffmpeg, which is always there."""
    encoder = load_encoder("aac")
    folder = write_run(tmp_path / "run", encoder, {"pns": False, "tns": False})
    results = read_results(folder / "results.json")
    return RunPlayer(folder, results), results, results.bitrates[0].candidates


def test_the_same_payload_is_verified(run: Run) -> None:
    """The default's and the winner's command lines make what was scored."""
    player, results, candidates = run
    for candidate in candidates:
        proof = prove(player, results, candidate)
        assert proof.kind == "verified", proof
        assert "24-bit" in proof.detail


def test_a_study_at_a_rate_of_its_own_is_proved(run: Run) -> None:
    """Its command reads what the conversion before it wrote."""
    player, results, (default, _) = run
    convert = converting(SAMPLE_RATE)
    knob = default.sides["tune"].knob
    words = player.encoder.command_line(default.settings, knob, convert[-1], "output.m4a")
    proof = prove(player, results, replace(default, command=list(words), convert=convert))
    assert proof.kind == "verified", proof


def store(run: Run, pcm: np.ndarray, knob: float) -> Results:
    """Make `pcm`, encoded at `knob`, what the default's tune clip is and what was scored of it."""
    player, results, (default, _) = run
    clip: ClipRecord = replace(results.clips[0], digest=sample_digest(pcm))
    np.save(player.run / "clips" / f"{clip.digest}.npy", pcm)
    encoded = player.encoder.encode(pcm, SAMPLE_RATE, default.settings, knob)
    key = encode_key(clip.digest, "aac", player.version, default.settings, 96.0)
    Cache(player.run / "cache").put_encode(key, encoded)
    return replace(results, clips=[clip, *results.clips[1:]])


def test_another_payload_differs(run: Run) -> None:
    """What was scored at another bitrate is not what the command line makes."""
    player, results, candidates = run
    store(run, player.load(results.clips[0]), 80.0)
    assert prove(player, results, candidates[0]).kind == "differs"


def test_finer_samples_need_a_file_of_floats(run: Run) -> None:
    """A clip that was resampled does not fit 24 bits, but it is found to be the same."""
    player, results, candidates = run
    fine = player.load(results.clips[0]) * np.float32(0.123456789) + np.float32(1e-8)
    results = store(run, fine, 96.0)
    proof = prove(player, results, candidates[0])
    assert (proof.kind, "float" in proof.detail) == ("verified", True)


def test_a_command_that_is_another_one_now_differs(run: Run) -> None:
    """The adapter has changed since: what the run printed is not proved."""
    player, results, (default, _) = run
    old = replace(default, command=["ffmpeg", "-old"])
    assert "command line has changed" in prove(player, results, old).detail


def test_a_command_that_does_not_run_is_no_difference(
    tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    """The fake's program does not exist."""
    folder = write_run(tmp_path / "fake", FakeEncoder(), {"shaping": 7})
    results = read_results(folder / "results.json")
    player = RunPlayer(folder, results, FakeEncoder())
    proof = prove(player, results, results.bitrates[0].candidates[0])
    assert proof.kind == "cannot"
    assert "does not run here: fake" in proof.detail

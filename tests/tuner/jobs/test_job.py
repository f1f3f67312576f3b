"""A job encodes, decodes, aligns and scores, each once."""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tuner.encoder import Encoded, Encoder, Settings, Version
from tuner.errors import (
    AlignmentError,
    ClipError,
    DecodeFailed,
    EncoderError,
    EncoderFailed,
    MachineError,
    RunError,
    ScoreError,
)
from tuner.jobs.cache import Cache
from tuner.jobs.job import Job, run_job
from tuner.scorer import Score, Scorer
from tuner.sound.audio import Pcm, resample
from tuner.testing import FakeEncoder, FakeScorer


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def test_a_job_encodes_decodes_aligns_and_scores(job: Job, cache: Cache) -> None:
    """The codec's delay is removed before scoring, so that it costs no points."""
    outcome = run_job(job, cache)
    late = run_job(replace(job, encoder=FakeEncoder(delay=1105, build="late")), cache)
    assert (outcome.delay, late.delay) == (0, 1105)
    # 64 kb/s over half a second, with the fake's overshoot.
    assert 0.9 * 32_000 < outcome.payload_bits < 1.2 * 32_000
    assert 10 < outcome.scores["fake"].mean < 90
    assert late.scores["fake"].mean == pytest.approx(outcome.scores["fake"].mean, abs=1e-3)
    assert (outcome.encodes, outcome.scored) == (1, 1)
    assert (outcome.cached_encodes, outcome.cached_scores) == (0, 0)
    assert outcome.encode_s == 0.001
    assert outcome.decode_s > 0 and outcome.score_s > 0


def test_the_same_job_again_computes_nothing(job: Job, cache: Cache) -> None:
    """Everything comes from the cache, at no cost, even without the clip's file."""
    first = run_job(job, cache)
    Path(job.clip.path).unlink()
    second = run_job(job, cache)
    assert (second.payload_bits, second.scores) == (first.payload_bits, first.scores)
    assert (second.encodes, second.scored) == (0, 0)
    assert (second.cached_encodes, second.cached_scores) == (1, 1)
    assert (second.encode_s, second.decode_s, second.score_s) == (0, 0, 0)
    assert second.delay is None


def test_a_job_without_scorers_only_encodes(job: Job, cache: Cache) -> None:
    """A pass of rate matching decodes nothing, and its encode serves the scoring job."""
    matching = run_job(replace(job, scorers=()), cache)
    assert (matching.encodes, matching.scores, matching.delay) == (1, {}, None)
    scoring = run_job(job, cache)
    assert (scoring.encodes, scoring.cached_encodes, scoring.scored) == (0, 1, 1)


def test_only_missing_scores_are_computed(job: Job, cache: Cache) -> None:
    """A second scorer, or a new version of the first, finds the encode but no score."""
    run_job(job, cache)
    outcome = run_job(replace(job, scorers=(*job.scorers, FakeScorer("judge"))), cache)
    assert set(outcome.scores) == {"fake", "judge"}
    assert (outcome.encodes, outcome.scored, outcome.cached_scores) == (0, 1, 1)
    outcome = run_job(replace(job, scorers=(FakeScorer(build="2"),)), cache)
    assert (outcome.encodes, outcome.scored, outcome.cached_scores) == (0, 1, 0)


def test_another_build_shares_nothing(job: Job, cache: Cache) -> None:
    """A new version of the encoder encodes and scores again."""
    run_job(job, cache)
    outcome = run_job(replace(job, encoder=FakeEncoder(build="2")), cache)
    assert (outcome.encodes, outcome.scored, outcome.cached_scores) == (1, 1, 0)


@dataclass(frozen=True)
class _Upgraded(FakeEncoder):
    """Its version is what a file says."""

    file: str = ""

    @property
    def version(self) -> Version:
        text = Path(self.file).read_text()
        return Version(text, "fake", text)


def test_an_upgrade_in_the_middle_ends_the_run(job: Job, cache: Cache, tmp_path: Path) -> None:
    """What the new build made is not stored as the old one's."""
    (tmp_path / "build").write_text("1.0")
    old = replace(job, encoder=_Upgraded(file=str(tmp_path / "build")))
    run_job(old, cache)
    (tmp_path / "build").write_text("1.1")
    for _ in range(2):
        with pytest.raises(RunError, match=r"replaced during the run: 1\.0 .* -> 1\.1"):
            run_job(replace(old, knob=48.0), cache)
    (tmp_path / "build").write_text("1.0")
    assert run_job(replace(old, knob=48.0), cache).encodes == 1


def test_a_damaged_encode_is_made_again(job: Job, cache: Cache) -> None:
    """The entry is replaced, and its scores still hold."""
    run_job(job, cache)
    (path,) = (p for p in (cache.folder / "encodes").rglob("*") if p.is_file())
    path.write_bytes(path.read_bytes()[:-1])
    outcome = run_job(job, cache)
    assert (outcome.encodes, outcome.cached_scores) == (1, 1)
    assert run_job(job, cache).cached_encodes == 1


@dataclass(frozen=True)
class _Strange(FakeEncoder):
    """Does what its field says instead of decoding its own samples."""

    strangeness: str = ""

    def encode(self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float) -> Encoded:
        encoded = super().encode(pcm, sample_rate, settings, knob)
        if self.strangeness == "crash":
            raise ZeroDivisionError("divided by zero")
        return replace(encoded, data=b"") if self.strangeness == "empty" else encoded

    def decode(self, encoded: Encoded) -> tuple[Pcm, int]:
        pcm, rate = super().decode(encoded)
        if self.strangeness == "garbage":
            raise KeyError("no such atom")
        if self.strangeness == "other signal":
            pcm = np.random.default_rng(7).uniform(-0.5, 0.5, pcm.shape).astype(np.float32)
        if self.strangeness == "96 kHz":
            return resample(pcm, rate, 96_000), 96_000
        return pcm, rate


def test_a_decode_at_another_rate_is_resampled(job: Job, cache: Cache) -> None:
    """To 96 kHz and back leaves the clip, whose band ends at 11 kHz, as it is.

    The resampler takes away a tenth of the codec's white noise, half a dB; the fake scorer
    gives 2 points for each dB.
    """
    score = run_job(job, cache).scores["fake"].mean
    outcome = run_job(replace(job, encoder=_Strange(strangeness="96 kHz", build="96k")), cache)
    assert outcome.delay == 0
    assert outcome.scores["fake"].mean == pytest.approx(score, abs=2)


@dataclass(frozen=True)
class _Substituting(FakeEncoder):
    """Sends noise for steady noise, and anything else as it is; late by 700 samples."""

    def decode(self, encoded: Encoded) -> tuple[Pcm, int]:
        pcm, rate = super().decode(encoded)
        if pcm.shape[1] > 48_000:
            return pcm, rate
        other = np.random.default_rng(5).uniform(-0.5, 0.5, (2, 12_350)).astype(np.float32)
        return resample(other, 24_000), rate


def test_the_delay_of_a_codec_is_measured_where_a_clip_does_not_tell(
    job: Job, cache: Cache
) -> None:
    """Noise for noise has no delay of its own: the codec is as late as it is with music."""
    outcome = run_job(replace(job, encoder=_Substituting(delay=700, build="noise")), cache)
    assert outcome.delay == 700
    assert outcome.scores["fake"].mean < 50


@pytest.mark.parametrize(
    ("encoder", "error", "message"),
    [
        (_Strange(strangeness="crash"), EncoderError, "ZeroDivisionError: divided by zero"),
        (_Strange(strangeness="empty"), EncoderError, "produced no data"),
        (_Strange(strangeness="garbage"), DecodeFailed, "KeyError: 'no such atom'"),
        (_Strange(strangeness="other signal"), AlignmentError, r"^fake .* at 64 on clip \w{12}: "),
        (FakeEncoder(crash_on=(("joint", True),)), EncoderFailed, "exit code 3"),
        (FakeEncoder(binary="/nowhere/fake"), MachineError, "/nowhere/fake"),
    ],
)
def test_an_encoders_failure_is_an_encoder_error_and_is_not_stored(
    job: Job, cache: Cache, encoder: Encoder, error: type[EncoderError], message: str
) -> None:
    """Whatever it raises comes out as its `EncoderError`, the second time too."""
    for _ in range(2):
        with pytest.raises(error, match=message):
            run_job(replace(job, encoder=encoder), cache)
    assert run_job(job, cache).scored == 1


@dataclass(frozen=True)
class _BadScorer(FakeScorer):
    """Gives `mean`, or raises when it is None."""

    mean: float | None = None

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        if self.mean is None:
            raise RuntimeError("no convergence")
        return Score(self.mean, 1.0)


@pytest.mark.parametrize(
    ("scorer", "message"),
    [
        (_BadScorer(mean=float("nan")), "not finite"),
        (_BadScorer(mean=float("inf")), "not finite"),
        (_BadScorer(), "RuntimeError: no convergence"),
    ],
)
def test_a_scorers_failure_is_a_score_error_and_never_a_score(
    job: Job, cache: Cache, scorer: Scorer, message: str
) -> None:
    """No score is stored, the encode is."""
    for _ in range(2):
        with pytest.raises(ScoreError, match=message):
            run_job(replace(job, scorers=(scorer,)), cache)
    outcome = run_job(job, cache)
    assert (outcome.cached_encodes, outcome.cached_scores) == (1, 0)


@pytest.mark.parametrize("damage", ["missing", "cut", "other samples"])
def test_a_clip_file_that_is_not_the_clip_is_refused(job: Job, cache: Cache, damage: str) -> None:
    """Nothing is ever stored under the digest of other samples."""
    path = Path(job.clip.path)
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:1000])
    else:
        np.save(path, np.load(path) * np.float32(0.5))
    with pytest.raises(ClipError, match=r"clip\.npy"):
        run_job(job, cache)
    assert not cache.folder.exists()


@dataclass(frozen=True)
class Unlucky(FakeEncoder):
    """Meets a fault of the system, as an adapter that runs a program would."""

    code: int = errno.EMFILE

    def encode(self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float) -> Encoded:
        raise OSError(self.code, os.strerror(self.code))


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENOSPC, errno.EROFS, errno.ENOMEM])
def test_a_fault_of_the_machine_fails_no_settings(job: Job, cache: Cache, code: int) -> None:
    """It ends the run with words; what to do is told."""
    with pytest.raises(MachineError, match="run the same command again") as caught:
        run_job(replace(job, encoder=Unlucky(code=code)), cache)
    assert os.strerror(code) in str(caught.value)


def test_a_failure_while_nothing_can_be_written_is_the_machines(
    job: Job, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the encoder says, where its temporary folder is gone."""
    crashing = replace(job, encoder=FakeEncoder(crash_on=(("joint", True),)))
    with pytest.raises(EncoderFailed):
        run_job(crashing, cache)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(MachineError, match="gone"):
        run_job(crashing, cache)


def test_an_encoder_that_is_gone_fails_no_settings(job: Job, cache: Cache, tmp_path: Path) -> None:
    """Its program was removed, or its network drive is away: no other setting would do better."""
    program = tmp_path / "fake"
    program.touch()
    encoder = FakeEncoder(binary=str(program), build="gone")
    run_job(replace(job, encoder=encoder), cache)
    program.unlink()
    with pytest.raises(MachineError, match="no such file"):
        run_job(replace(job, encoder=encoder, knob=65.0), cache)

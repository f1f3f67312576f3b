"""Two sides over the same clips at equal measured bitrate, and the gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from tuner.apply.compare import Comparison, Subject, compare
from tuner.apply.gate import find_failures, summarise
from tuner.artefacts import ARTEFACTS
from tuner.encoder import Encoded, RateMode, Settings, default_settings
from tuner.errors import AlignmentError, CacheError
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef
from tuner.jobs.passes import Passes
from tuner.sound.audio import SAMPLE_RATE, Pcm, sample_digest
from tuner.testing import FakeEncoder, FakeScorer, make_clip

METRICS = (FakeScorer("insenet", slope=1.0), FakeScorer("visqol", slope=0.5))


@dataclass(frozen=True)
class Coarse(FakeEncoder):
    """Its knob has three values."""

    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        RateMode("abr", "bitrate_kbps", low=8, high=320, table=(64.0, 93.0, 128.0)),
    )


@pytest.fixture
def clips(tmp_path: Path) -> list[ClipRef]:
    """Six clips of a second, unlike in colour."""
    refs = []
    for index in range(6):
        pcm = make_clip(2).copy()
        pcm[:, 1:] += np.float32(index / 6) * pcm[:, :-1]
        path = tmp_path / f"{index}.npy"
        np.save(path, pcm)
        refs.append(ClipRef(sample_digest(pcm), str(path), 2, pcm.shape[1] / SAMPLE_RATE))
    return refs


@pytest.fixture
def executor(make_passes: Callable[..., Passes]) -> Executor:
    """Runs jobs at once."""
    return make_passes().executor


def subject(label: str, encoder: FakeEncoder | None = None, **values: object) -> Subject:
    default = default_settings(FakeEncoder())
    settings = Settings.of(default.rate_mode, {**default.as_dict(), **values})  # type: ignore[dict-item]
    return Subject(
        label, encoder or FakeEncoder(), dict.fromkeys((64.0, 80.0, 96.0), settings), {96.0: 90.0}
    )


def run(
    clips: list[ClipRef], executor: Executor, b: Subject, rates: tuple[float, ...] = (96.0,)
) -> list[Comparison]:
    return compare(subject("old"), b, rates, clips, executor, METRICS, 0)


def test_better_settings_win_at_equal_bitrate(clips: list[ClipRef], executor: Executor) -> None:
    """The fake's noise falls by 4 dB with shaping 7, though that spends more at one knob."""
    first, second = run(clips, executor, subject("new", shaping=7), (64.0, 96.0))
    for comparison in (first, second):
        a, b = comparison.a, comparison.b
        assert a is not None and b is not None
        assert a.bitrate_kbps == pytest.approx(comparison.target_kbps, rel=0.01)
        assert b.bitrate_kbps == pytest.approx(comparison.target_kbps, rel=0.01)
        assert b.knob < a.knob
        gain = comparison.gains["insenet"]
        assert gain.value == pytest.approx(4.0, abs=0.1)
        assert gain.low > 3.5
        assert comparison.gains["visqol"].value == pytest.approx(gain.value / 2)
        # Less noise is better noise, in the artefact's own unit.
        assert comparison.artefacts["noise_db"].value == pytest.approx(4.0, abs=1.0)
        assert comparison.artefacts.keys() == {each.key for each in ARTEFACTS}
        assert comparison.by_clip.keys() == {clip.digest for clip in clips}
        assert all("better" in said for said in comparison.said.values())
        assert comparison.time_ratio == pytest.approx(1.0)
    sentence = summarise(first, ("old", "new"))
    assert sentence.startswith("At 64 kb/s B (new) sounds better than A (old): +4.0 points (")
    assert "on 6 clips; ViSQOL hears +2.0. B takes 1.00 times A's encode time." in sentence
    assert find_failures([first, second], 3.0, strict=True) == []
    assert len(find_failures([first, second], 5.0, strict=False)) == 2


def test_worse_settings_fail(clips: list[ClipRef], executor: Executor) -> None:
    """Certainly worse: below zero, but not below what is tolerated."""
    (comparison,) = run(clips, executor, subject("new", joint=False))
    assert "sounds worse than A (old): -2.0 points" in summarise(comparison, ("old", "new"))
    (failure,) = find_failures([comparison], 0.0, strict=False)
    assert failure.target_kbps == 96.0
    assert failure.reason.startswith("the gain of B is -2.0 points")
    assert find_failures([comparison], -3.0, strict=True) == []


def test_the_same_is_neither(clips: list[ClipRef], executor: Executor) -> None:
    """Another build that codes the same passes even the strict gate."""
    (comparison,) = run(clips, executor, subject("new", FakeEncoder(build="2")))
    assert "scores the same as A (old) on 6 clips" in summarise(comparison, ("old", "new"))
    assert find_failures([comparison], 0.0, strict=True) == []


def test_a_side_that_fails_is_no_bad_score(clips: list[ClipRef], executor: Executor) -> None:
    """A crash and an unreachable bitrate are told, and the gate stays shut."""
    crash = subject("new", FakeEncoder(crash_on=(("shaping", 7),)), shaping=7)
    (comparison,) = run(clips, executor, crash)
    assert (comparison.b, comparison.gains) == (None, {})
    assert "no comparison was possible: B (new): EncoderFailed" in summarise(
        comparison, ("old", "new")
    )
    (failure,) = find_failures([comparison], -100.0, strict=False)
    assert failure.reason.startswith("not compared: B (new): EncoderFailed")
    default = default_settings(FakeEncoder())
    high = Subject("new", FakeEncoder(), {900.0: default}, {})
    (comparison,) = compare(high, high, [900.0], clips, executor, METRICS, 0)
    assert str(comparison.problem).count("mode abr gives at most") == 2


def test_b_spends_what_a_spends(clips: list[ClipRef], executor: Executor) -> None:
    """Where A's knob has steps it stays off the target, and B is matched to A."""

    coarse = Subject("old", Coarse(), subject("").settings, {})
    fine = subject("new")
    (comparison,) = compare(coarse, fine, [96.0], clips, executor, METRICS, 0)
    a, b = comparison.a, comparison.b
    assert a is not None and b is not None
    assert abs(a.bitrate_kbps / 96.0 - 1) > 0.01
    assert b.bitrate_kbps == pytest.approx(a.bitrate_kbps, rel=0.001)
    (comparison,) = compare(coarse, fine, [80.0], clips, executor, METRICS, 0)
    assert str(comparison.problem).startswith("A (old): no value of bitrate_kbps in mode abr")


def test_what_ends_everything_is_raised(clips: list[ClipRef], executor: Executor) -> None:
    """A full disk is no result."""

    class Full:
        workers = 1
        closed = False

        def submit(self, job: object) -> None:
            raise CacheError("full")

        def close(self, *, cancel: bool = False) -> None:
            self.closed = cancel

    full = Full()
    with pytest.raises(CacheError, match="full"):
        run(clips, full, subject("new"))  # type: ignore[arg-type]
    assert full.closed


@dataclass(frozen=True)
class Breaking(FakeEncoder):
    """Decodes longer clips to something else."""

    def decode(self, encoded: Encoded) -> tuple[Pcm, int]:
        pcm, rate = super().decode(encoded)
        if pcm.shape[1] > SAMPLE_RATE * 1.1:
            raise AlignmentError("the decoded signal does not line up with the reference")
        return pcm, rate


def test_a_clip_that_neither_side_can_be_scored_on_is_left_out(
    clips: list[ClipRef], executor: Executor, tmp_path: Path
) -> None:
    """By name and for both, its bits too; one that only B breaks is B's failure."""
    pcm = make_clip(2, 1.2)
    np.save(tmp_path / "long.npy", pcm)
    long = ClipRef(sample_digest(pcm), str(tmp_path / "long.npy"), 2, 1.2)
    a, b = subject("old", Breaking()), subject("new", Breaking(build="2"))
    (both,) = compare(a, b, (96.0,), [*clips, long], executor, METRICS, 0)
    (without,) = compare(a, b, (96.0,), clips, executor, METRICS, 0)
    assert both.left_out == {long.digest: "the decoded signal does not line up with the reference"}
    assert replace(both, left_out={}) == without
    assert "on 6 clips (1 left out, as neither side can be scored)" in summarise(both, ("o", "n"))
    (one,) = compare(subject("old"), b, (96.0,), [*clips, long], executor, METRICS, 0)
    assert one.problem is not None and one.left_out == {}
    assert one.problem.startswith("B (new): AlignmentError: ")

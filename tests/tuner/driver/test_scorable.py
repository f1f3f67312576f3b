"""A clip that cannot be scored is left out for every candidate, and takes no answer away."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tuner.driver.parts import Parts
from tuner.driver.run import run_study
from tuner.driver.scorable import leave_out
from tuner.errors import ScoreError, TunerError, WorkerDied
from tuner.jobs.cache import Cache
from tuner.jobs.job import ClipRef
from tuner.records import Side
from tuner.rundir.folder import open_run
from tuner.scorer import Score
from tuner.sound.audio import Pcm, sample_digest
from tuner.sound.clips import Clip, ClipSet, store_clips
from tuner.study.spec import ClipsSpec, SearchSpec, StudySpec
from tuner.testing import AtOnce, FakeEncoder, FakeScorer
from tuner.updates import PhaseStarted, Update


@dataclass(frozen=True)
class _Deaf(FakeScorer):
    """Cannot score what is quieter than a level."""

    level: float = 0.05
    error: type[TunerError] = ScoreError

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        if np.std(reference) < self.level:
            raise self.error("nothing to hear")
        return super().score(reference, coded)


def make_parts(scorer: FakeScorer, judge: FakeScorer) -> Parts:
    """Eight clips of noise, by turns of either side; the last one of each side is quiet."""
    rng, clips = np.random.default_rng(3), []
    for n in range(8):
        pcm = ((0.01 if n > 5 else 0.1) * rng.standard_normal((1, 9600))).astype(np.float32)
        side: Side = "holdout" if n % 2 else "tune"
        clips.append(Clip(sample_digest(pcm), f"{n}.wav", side, f"/{n}.wav", 0.0, pcm))
    search = SearchSpec(ablation=False)
    spec = StudySpec("fake", ClipsSpec("/"), (48.0, 96.0), trials=2, exhibits=0, search=search)
    return Parts(spec, FakeEncoder(), ClipSet(tuple(clips)), scorer, (judge,))


def look(parts: Parts, folder: Path) -> tuple[Parts, list[str], list[Update], AtOnce]:
    """What is left out, and what was told and run."""
    store_clips(parts.clips, folder)
    refs: dict[Side, list[ClipRef]] = {"tune": [], "holdout": []}
    for clip in parts.clips.clips:
        path = str(folder / f"{clip.digest}.npy")
        refs[clip.side].append(ClipRef(clip.digest, path, 1, clip.duration_s))
    updates: list[Update] = []
    executor = AtOnce(Cache(folder / "cache"))
    return *leave_out(parts, executor, refs, updates.append), updates, executor


@pytest.mark.parametrize("by_judge", [False, True])
def test_the_clip_is_named_and_left_out(tmp_path: Path, by_judge: bool) -> None:
    """On both sides, whichever metric fails on it; the progress is told."""
    metrics = [FakeScorer("insenet"), _Deaf("zimtohrli")]
    kept, told, updates, _ = look(make_parts(*(metrics if by_judge else metrics[::-1])), tmp_path)
    assert [clip.name for clip in kept.clips.clips] == [f"{n}.wav" for n in range(6)]
    assert [sentence.partition(" is left")[0] for sentence in told] == [
        "6.wav (tuning)",
        "7.wav (held-out)",
    ]
    assert all("at 48 kb/s: nothing to hear" in sentence for sentence in told)
    stages = [(each.done, each.total) for each in updates if isinstance(each, PhaseStarted)]
    assert stages[0] == (0, 16) and stages[-1] == (16, 16)


def test_what_fails_everywhere_is_no_clips_fault(tmp_path: Path) -> None:
    """Nothing is left out then, nor where a worker died: the search tells what is wrong."""
    for deaf in (_Deaf("insenet", level=1.0), _Deaf("insenet", error=WorkerDied)):
        parts = make_parts(deaf, FakeScorer("zimtohrli"))
        kept, told, *_ = look(parts, tmp_path / deaf.error.__name__)
        assert (kept.clips, told) == (parts.clips, [])


def test_a_run_with_such_a_clip_has_its_answers(tmp_path: Path) -> None:
    """At every bitrate, over the clips that remain; what was tried is not computed again."""
    parts = make_parts(FakeScorer("insenet"), _Deaf("zimtohrli"))
    executor = AtOnce(Cache(tmp_path / "run" / "cache"))
    with open_run(tmp_path / "run", parts.identity(), "") as folder:
        results = run_study(parts, folder, executor, lambda _: None, "tuner run")
    assert len(results.bitrates) == 2 and not results.unanswered
    assert {clip.name for clip in results.clips} == {f"{n}.wav" for n in range(6)}
    assert [note.split()[0] for note in results.notes[:2]] == ["6.wav", "7.wav"]
    held = [clip.digest for clip in results.clips if clip.side == "holdout"]
    for bitrate in results.bitrates:
        assert set(bitrate.candidates[0].sides["holdout"].scores["zimtohrli"]) == set(held)
        assert bitrate.trials[0].state == "complete"

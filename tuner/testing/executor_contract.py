"""The contract that every executor must keep, as a test class.

A subclass gives `make`, and its module a fixture `executor`: one that runs two jobs at once and
that the tests share, as some take seconds to start.
"""

from __future__ import annotations

from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from tuner.encoder import default_settings
from tuner.errors import EncoderFailed, TunerError, WorkerDied
from tuner.jobs.cache import Cache
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef, Job, run_job
from tuner.sound.audio import sample_digest
from tuner.testing.clips import make_clip
from tuner.testing.fakes import FakeEncoder, FakeScorer, Trigger

#: How long to wait for what must happen, s: far longer than it takes on a busy machine.
PATIENCE_S = 60.0
#: Triggers the fake encoder's troubles by its default settings.
ALWAYS: Trigger = (("joint", True),)


class ExecutorContract:
    """What any executor must do. Subclass it and give `make`; its name starts with Test."""

    def make(self, cache_folder: Path) -> Executor:
        """A new executor with one worker, beside the shared one."""
        raise NotImplementedError

    def test_outcomes_are_those_of_the_pure_job(self, executor: Executor, tmp_path: Path) -> None:
        """More jobs than run at once, from several threads, each with its own outcome."""
        jobs = _jobs(tmp_path, "outcomes", 12)
        with ThreadPoolExecutor(4) as threads:
            futures = list(threads.map(executor.submit, jobs))
        for job, future in zip(jobs, futures, strict=True):
            expected = run_job(job, Cache(tmp_path / "other"))
            outcome = future.result(PATIENCE_S)
            assert (outcome.payload_bits, outcome.scores) == (
                expected.payload_bits,
                expected.scores,
            )
            assert outcome.encodes == 1

    def test_several_scorers(self, executor: Executor, tmp_path: Path) -> None:
        """Each of several scorers has its score."""
        job = _jobs(tmp_path, "scorers", 1, (FakeScorer(), FakeScorer("judge", slope=-1.0)))[0]
        assert set(executor.submit(job).result(PATIENCE_S).scores) == {"fake", "judge"}

    def test_nothing_is_computed_twice(self, executor: Executor, tmp_path: Path) -> None:
        """The same job again comes from the cache, whichever worker had it."""
        job = _jobs(tmp_path, "twice", 1)[0]
        first = executor.submit(job).result(PATIENCE_S)
        again = [executor.submit(job) for _ in range(4)]
        for outcome in (future.result(PATIENCE_S) for future in again):
            assert (outcome.encodes, outcome.scored) == (0, 0)
            assert outcome.scores == first.scores

    def test_an_error_comes_through_as_itself(self, executor: Executor, tmp_path: Path) -> None:
        """Class, command, exit code and stderr cross the border; the next job runs."""
        job, after = _jobs(tmp_path, "error", 2)
        failing = replace(job, encoder=FakeEncoder(crash_on=ALWAYS, build="error"))
        raised = executor.submit(failing).exception(PATIENCE_S)
        assert type(raised) is EncoderFailed, f"{raised!r}"
        assert (raised.exit_code, raised.command[0]) == (3, "fake")
        assert "crash on demand" in raised.stderr
        assert executor.submit(after).result(PATIENCE_S).encodes == 1

    def test_a_job_that_kills_its_worker_fails_alone(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        """It is given up as `WorkerDied`; the jobs around it do not notice."""
        around = _jobs(tmp_path, "deadly", 6)
        # A build of its own: the cache must not answer for it.
        deadly = replace(around[0], encoder=FakeEncoder(die_on=ALWAYS, build="deadlier"))
        futures = [executor.submit(each) for each in (*around[:3], deadly, *around[3:])]
        killer = futures.pop(3)
        assert isinstance(killer.exception(PATIENCE_S), WorkerDied)
        assert [future.result(PATIENCE_S).encodes for future in futures] == [1] * len(around)

    def test_a_missing_clip_is_told(self, executor: Executor, tmp_path: Path) -> None:
        """A clip whose file is gone is the job's error, not the worker's death."""
        job = _jobs(tmp_path, "gone", 1)[0]
        Path(job.clip.path).unlink()
        assert isinstance(executor.submit(job).exception(PATIENCE_S), TunerError)

    def test_close_finishes_what_was_submitted(self, executor: Executor, tmp_path: Path) -> None:
        """After it all futures are done and nothing more is taken; others go on."""
        own = self.make(tmp_path / "cache")
        jobs = _jobs(tmp_path, "close", 4)
        futures = [own.submit(job) for job in jobs]
        own.close()
        assert [future.result(0).encodes for future in futures] == [1] * len(jobs)
        try:
            own.submit(jobs[0])
        except RuntimeError as error:
            assert "closed" in str(error)
        else:
            raise AssertionError("a closed executor took a job")
        assert executor.submit(jobs[0]).result(PATIENCE_S).payload_bits > 0

    def test_close_with_cancel_stops_at_once(self, tmp_path: Path) -> None:
        """Running jobs are killed, waiting ones never start; all are cancelled."""
        own = self.make(tmp_path / "cache")
        hanging = FakeEncoder(hang_on=ALWAYS, hang_s=600, build="hanging")
        futures = [
            own.submit(replace(job, encoder=hanging)) for job in _jobs(tmp_path, "cancel", 4)
        ]
        own.close(cancel=True)
        for future in futures:
            try:
                future.result(PATIENCE_S)
            except CancelledError:
                continue
            raise AssertionError("a cancelled job gave an outcome")


def _jobs(
    folder: Path, build: str, count: int, scorers: tuple[FakeScorer, ...] = (FakeScorer(),)
) -> list[Job]:
    """Jobs of one clip at different bitrates, which no other `build` shares in a cache."""
    pcm = make_clip(2, 0.5)
    path = folder / f"{build}.npy"
    np.save(path, pcm)
    clip = ClipRef(sample_digest(pcm), str(path), 2, 0.5)
    encoder = FakeEncoder(build=build)
    settings = default_settings(encoder)
    return [Job(encoder, settings, 32.0 + n, clip, scorers) for n in range(count)]

"""The search loop on fakes: order, budgets, failures, resuming after SIGKILL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.audio import sample_digest
from tuner.cache import Cache
from tuner.encoder import Encoder, RateMode, Settings
from tuner.errors import TunerError, WorkerDied
from tuner.search.bench import Bench
from tuner.search.evaluate import Plan, TrialResult, evaluate
from tuner.search.job import ClipRef, Job, Outcome, run_job
from tuner.search.limits import Limits
from tuner.search.loop import SHARE_EVERY, SHARE_LAG, Budget, search, window_size
from tuner.search.objective import pareto_front
from tuner.search.ranking import EARLY_TRIALS, rank
from tuner.search.space import make_space
from tuner.search.spec import Sampler
from tuner.search.storage import close_storage, open_storage
from tuner.search.trials import Trials
from tuner.search.updates import Observer, SearchFinished, TrialFinished, Update
from tuner.testing import FakeEncoder, FakeScorer


@dataclass
class Inline:
    """Runs every job at once in the calling thread."""

    cache: Cache
    workers: int = 1
    jobs: list[Job] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def submit(self, job: Job) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        self.jobs.append(job)
        try:
            self.outcomes.append(run_job(job, self.cache))
            future.set_result(self.outcomes[-1])
        except TunerError as error:
            future.set_exception(error)
        return future

    def close(self, *, cancel: bool = False) -> None:
        pass


def make_clips(folder: Path, count: int = 2) -> list[ClipRef]:
    rng = np.random.default_rng(1)
    clips = []
    for _ in range(count):
        pcm = (0.1 * rng.standard_normal((1, 4800))).astype(np.float32)
        path = folder / f"{sample_digest(pcm)}.npy"
        np.save(path, pcm)
        clips.append(ClipRef(sample_digest(pcm), str(path), 1, 0.1))
    return clips


@dataclass
class Rig:
    """A search on fakes in a folder."""

    folder: Path
    encoder: Encoder = field(default_factory=FakeEncoder)
    targets: tuple[float, ...] = (64.0,)
    sampler: Sampler = "random"
    window: int = 2
    count: int = 2
    prune: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    updates: list[Update] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clips = make_clips(self.folder, self.count)
        self.executor = Inline(Cache(self.folder / "cache"))

    def evaluate(self, target_kbps: float, plan: Plan, observer: Observer) -> TrialResult:
        bench = Bench(self.encoder, self.executor, self.clips, observer, target_kbps)
        limits = self.options.get("limits", Limits())
        return evaluate(bench, plan, FakeScorer(), "mean", prune=self.prune, limits=limits)

    @contextmanager
    def open(self) -> Iterator[list[Trials]]:
        storage = open_storage(self.folder / "optuna.db")
        space = make_space(self.encoder, {})
        try:
            yield [
                Trials(storage, f"t@{t}", space, t, self.sampler, 7, **self.options)
                for t in self.targets
            ]
        finally:
            close_storage(storage)

    def run(self, budget: Budget) -> list[list[TrialResult]]:
        with self.open() as lanes:
            search(lanes, self.evaluate, budget, self.executor, self.window, self.updates.append)
            return [lane.results for lane in lanes]


def settings_of(results: list[TrialResult]) -> list[tuple[str, dict[str, object]]]:
    return [(r.record.rate_mode, dict(r.record.values)) for r in results]


def test_defaults_of_every_mode_come_first(tmp_path: Path) -> None:
    """Trial 0 is the encoder's default, trial 1 the default of its other mode."""
    (results,) = Rig(tmp_path).run(Budget(4, None))
    assert [r.record.rate_mode for r in results[:2]] == ["abr", "vbr"]
    assert results[0].record.values == {"bandwidth": "auto", "joint": True, "shaping": 3}
    assert [r.record.number for r in results] == [0, 1, 2, 3]


def test_complete_trials_are_matched(tmp_path: Path) -> None:
    """Every complete trial spends the target within 1 %; others say why not."""
    for results in Rig(tmp_path, targets=(48.0, 96.0)).run(Budget(6, None)):
        assert len(results) == 6
        target = 48.0 if results[0].record.bitrate_kbps < 60 else 96.0  # type: ignore[operator]
        for result in results:
            if result.record.state == "complete":
                assert result.record.bitrate_kbps == pytest.approx(target, rel=0.01)
            else:
                assert result.record.reason


def test_search_beats_the_default(tmp_path: Path) -> None:
    """TPE finds settings that are much better than the fake's poor default."""
    rig = Rig(tmp_path, sampler="tpe")
    (results,) = rig.run(Budget(30, None))
    told = [update for update in rig.updates if isinstance(update, TrialFinished)]
    assert [update.record.number for update in told] == [r.record.number for r in results]
    best = told[-1].best
    assert best is not None and best.score is not None
    default = results[0].record.score
    assert default is not None and best.score > default + 5


def test_same_seed_same_trials(tmp_path: Path) -> None:
    """Two runs with one seed propose and measure the same, in TPE's phase too."""
    runs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (results,) = Rig(tmp_path / name, sampler="tpe").run(Budget(16, None))
        runs.append([result.record for result in results])
    assert runs[0] == runs[1]


def test_the_best_is_varied(tmp_path: Path) -> None:
    """With TPE every second trial is the best that was known, but for one parameter."""
    (results,) = Rig(tmp_path, sampler="tpe", window=1).run(Budget(24, None))
    for number in range(10, 24, 2):
        best = rank(results[:number])[0].record
        before = {"mode": best.rate_mode, **best.values}
        record = results[number].record
        after = {"mode": record.rate_mode, **record.values}
        changed = [name for name in before.keys() & after.keys() if before[name] != after[name]]
        assert len(changed) == 1, number


def test_interrupted_variations_are_tried_again(tmp_path: Path) -> None:
    """After an interruption TPE and its variations go on as if there had been none."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    (whole,) = Rig(tmp_path / "whole", sampler="tpe").run(Budget(22, None))
    cut = Rig(tmp_path / "cut", sampler="tpe")
    cut.executor = Interrupting(cut.executor.cache, stop_at=60)
    with pytest.raises(RuntimeError, match="stop here"):
        cut.run(Budget(22, None))
    (resumed,) = Rig(tmp_path / "cut", sampler="tpe").run(Budget(22, None))
    assert settings_of(resumed) == settings_of(whole)


def test_no_settings_are_tried_twice(tmp_path: Path) -> None:
    """Even with few choices left, where TPE alone would repeat its favourite."""
    rig = Rig(tmp_path, sampler="tpe")
    fixed = {"rate_mode": "vbr", "bandwidth": "auto"}
    storage = open_storage(tmp_path / "optuna.db")
    lane = Trials(storage, "t@64", make_space(rig.encoder, fixed), 64.0, "tpe", 7)
    search([lane], rig.evaluate, Budget(14, None), rig.executor, 2, rig.updates.append)
    tried = [(r.record.rate_mode, *sorted(r.record.values.items())) for r in lane.results]
    assert len(tried) == len(set(tried)) == 14
    close_storage(storage)


def test_more_trials_continue_a_search(tmp_path: Path) -> None:
    """Running in two halves gives the same trials as at once, and repeats none."""
    (tmp_path / "once").mkdir()
    (tmp_path / "halves").mkdir()
    (once,) = Rig(tmp_path / "once", window=1).run(Budget(10, None))
    Rig(tmp_path / "halves", window=1).run(Budget(5, None))
    (halves,) = Rig(tmp_path / "halves", window=1).run(Budget(10, None))
    assert [r.record for r in halves] == [r.record for r in once]


def test_hours_end_the_search(tmp_path: Path) -> None:
    """With no time left nothing more is asked; used time is kept over sessions."""
    rig = Rig(tmp_path)
    (results,) = rig.run(Budget(None, 1e-9))
    assert len(results) == rig.window
    (again,) = Rig(tmp_path).run(Budget(None, 1e-9))
    assert [r.record for r in again] == [r.record for r in results]


def test_failures_are_recorded_not_scored(tmp_path: Path) -> None:
    """A crash fails its trial with a reason; the search goes on and never ranks it."""
    encoder = FakeEncoder(crash_on=(("bandwidth", "manual"),))
    (results,) = Rig(tmp_path, encoder).run(Budget(12, None))
    failed = [r for r in results if r.record.state == "failed"]
    assert failed and len(results) == 12
    assert all(r.record.values["bandwidth"] == "manual" for r in failed)
    assert all(r.objective is None and r.record.score is None for r in failed)
    assert all("exit code 3" in (r.record.reason or "") for r in failed)


def test_failing_default_stops_the_bitrate(tmp_path: Path) -> None:
    """Without a default there is nothing to compare with: stop and say why."""
    rig = Rig(tmp_path, FakeEncoder(crash_on=(("shaping", 3),)))
    with rig.open() as (lane,):
        search([lane], rig.evaluate, Budget(20, None), rig.executor, 2, rig.updates.append)
        assert lane.finished <= 3
        problem = lane.problem()
    assert problem is not None
    assert "default settings fail at 64 kb/s" in problem and "exit code 3" in problem


def test_unreachable_default_stops_the_bitrate(tmp_path: Path) -> None:
    """A bitrate that the default cannot reach is told as such."""
    rig = Rig(tmp_path, targets=(900.0,))
    with rig.open() as (lane,):
        search([lane], rig.evaluate, Budget(20, None), rig.executor, 1, rig.updates.append)
        problem = lane.problem()
        assert lane.finished == 1
    assert problem is not None and "cannot reach 900 kb/s" in problem


def test_many_equal_failures_stop_the_bitrate(tmp_path: Path) -> None:
    """More than half of the first trials failing alike is a fault, not bad settings."""
    crash = tuple(("shaping", value) for value in range(11) if value != 3)
    rig = Rig(tmp_path, FakeEncoder(crash_on=crash))
    with rig.open() as (lane,):
        search([lane], rig.evaluate, Budget(50, None), rig.executor, 1, rig.updates.append)
        problem = lane.problem()
        assert lane.finished <= EARLY_TRIALS
    assert problem is not None and "fail alike" in problem


class Narrow(FakeEncoder):
    """An encoder whose VBR mode cannot go down to 64 kb/s."""

    rate_modes = (
        RateMode("abr", "bitrate_kbps", low=8, high=320),
        RateMode("vbr", "quality", low=0, high=1, nominal=False, rising=False),
    )


def test_infeasible_trials_are_results(tmp_path: Path) -> None:
    """What cannot be matched counts, carries the closest bitrate, and has no score."""
    (results,) = Rig(tmp_path, Narrow()).run(Budget(3, None))
    assert results[1].record.state == "infeasible"
    assert results[1].objective is None
    assert results[1].record.bitrate_kbps is not None
    assert "at least" in (results[1].record.reason or "")


@dataclass
class Interrupting(Inline):
    """Raises in the middle of a search, as Ctrl-C or a full disk would."""

    stop_at: int = 40

    def submit(self, job: Job) -> Future[Outcome]:
        if len(self.jobs) == self.stop_at:
            raise RuntimeError("stop here")
        return super().submit(job)


def test_interrupted_trials_are_tried_again(tmp_path: Path) -> None:
    """After an interruption the same trials are finished, with the same results."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    (whole,) = Rig(tmp_path / "whole").run(Budget(12, None))
    cut = Rig(tmp_path / "cut")
    cut.executor = Interrupting(cut.executor.cache)
    with pytest.raises(RuntimeError, match="stop here"):
        cut.run(Budget(12, None))
    (resumed,) = Rig(tmp_path / "cut").run(Budget(12, None))
    assert settings_of(resumed) == settings_of(whole)
    assert [r.record for r in resumed] == [r.record for r in whole]


class Deadly(Inline):
    """A worker that dies under every job with shaping 3."""

    def submit(self, job: Job) -> Future[Outcome]:
        if job.settings.as_dict()["shaping"] != 3:
            return super().submit(job)
        future: Future[Outcome] = Future()
        future.set_exception(WorkerDied("the worker process died 2 times"))
        return future


def test_dead_worker_fails_the_trial_only(tmp_path: Path) -> None:
    """Settings that kill the worker are a failed trial."""
    rig = Rig(tmp_path)
    rig.executor = Deadly(rig.executor.cache)
    (results,) = rig.run(Budget(1, None))
    assert results[0].record.state == "failed"
    assert "WorkerDied" in (results[0].record.reason or "")


def test_pruned_trials_never_win(tmp_path: Path) -> None:
    """Losers stop early with an estimate under the best; whoever leads was heard on all clips."""
    (results,) = Rig(tmp_path, sampler="tpe", count=12).run(Budget(30, None))
    pruned = [r for r in results if r.record.state == "pruned"]
    assert len(pruned) >= 5
    best = rank(results)[0]
    assert best.record.state == "complete"
    for result in pruned:
        assert result.objective is not None and result.objective < best.objective  # type: ignore[operator]
        assert result not in rank(results)


def test_pruning_saves_encodes_and_finds_as_good(tmp_path: Path) -> None:
    """With pruning fewer encodes find settings that are as good within a point."""
    found = {}
    for prune in (True, False):
        folder = tmp_path / str(prune)
        folder.mkdir()
        rig = Rig(folder, sampler="tpe", count=12, prune=prune)
        (results,) = rig.run(Budget(30, None))
        found[prune] = (rank(results)[0].objective, sum(r.timing.encodes for r in results))
    assert found[True][1] < 0.8 * found[False][1]
    assert found[True][0] == pytest.approx(found[False][0], abs=1.0)


def test_passes_after_the_first_trials(tmp_path: Path) -> None:
    """The search tells its encode passes per trial, 1.5 at most once the model has learned."""
    rig = Rig(tmp_path, sampler="tpe", count=12)
    rig.run(Budget(40, None))
    (told,) = [update for update in rig.updates if isinstance(update, SearchFinished)]
    assert told.since == 30
    assert told.passes is not None and told.passes <= 1.5


def test_interrupted_races_are_run_again(tmp_path: Path) -> None:
    """After an interruption trials race the same rivals, with the same results."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    (whole,) = Rig(tmp_path / "whole", count=12).run(Budget(14, None))
    cut = Rig(tmp_path / "cut", count=12)
    cut.executor = Interrupting(cut.executor.cache, stop_at=150)
    with pytest.raises(RuntimeError, match="stop here"):
        cut.run(Budget(14, None))
    (resumed,) = Rig(tmp_path / "cut", count=12).run(Budget(14, None))
    assert [r.record for r in resumed] == [r.record for r in whole]
    assert any(r.record.state == "pruned" for r in whole)


def test_neighbours_lend_their_best(tmp_path: Path) -> None:
    """At trial 15 a bitrate tries what its neighbour had found best by trial 10."""
    low, high = Rig(tmp_path, targets=(48.0, 64.0), window=1).run(Budget(18, None))
    for lane, neighbour in ((low, high), (high, low)):
        best = rank(neighbour[: SHARE_EVERY - SHARE_LAG])[0].record
        tried = [(r.record.rate_mode, r.record.values) for r in lane[: SHARE_EVERY + 1]]
        assert (best.rate_mode, best.values) in tried


def test_starters_follow_the_defaults(tmp_path: Path) -> None:
    """Presets and earlier winners come next; those that do not fit are left out."""
    good = Settings.of("vbr", {"shaping": 7, "joint": True, "bandwidth": "auto"})
    other = Settings.of("quality", {"shaping": 7})
    wild = Settings.of("abr", {"shaping": 99})
    (results,) = Rig(tmp_path, options={"starters": [other, wild, good]}).run(Budget(4, None))
    assert Settings.of(results[2].record.rate_mode, results[2].record.values) == good
    (more,) = Rig(tmp_path, options={"starters": [good]}).run(Budget(6, None))
    tried = [Settings.of(r.record.rate_mode, r.record.values) for r in more]
    assert tried.count(good) == 1


def test_broken_limits_are_infeasible(tmp_path: Path) -> None:
    """What breaks a limit says so, has no score, and never leads; the default is exempt."""
    options = {"limits": Limits(peak_dbfs=-60.0)}
    rig = Rig(tmp_path, options=options)
    (results,) = rig.run(Budget(6, None))
    assert results[0].record.state == "complete"
    assert {r.record.state for r in results[1:]} == {"infeasible"}
    assert all("decoded peak" in (r.record.reason or "") for r in results[1:])
    assert all(r.record.score is None and r.objective is None for r in results[1:])


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_two_objectives(tmp_path: Path, sampler: Sampler) -> None:
    """With encode time as the second objective the search runs, resumes, and has a front."""
    options = {"two_objectives": True}
    Rig(tmp_path, sampler=sampler, options=options).run(Budget(14, None))
    (results,) = Rig(tmp_path, sampler=sampler, options=options).run(Budget(16, None))
    assert len(results) == 16
    front = pareto_front([r.record for r in results])
    best = rank(results)[0].record
    assert best.score == max(r.record.score or 0.0 for r in results if r.record.number in front)


@pytest.mark.parametrize(
    ("workers", "clips", "bitrates", "window"),
    [(2, 15, 1, 2), (2, 15, 2, 1), (2, 15, 4, 1), (64, 15, 1, 6), (64, 15, 4, 2)],
)
def test_window_fills_the_cores(workers: int, clips: int, bitrates: int, window: int) -> None:
    """Enough trials are in flight for all workers, and hardly more."""
    assert window_size(workers, clips, bitrates) == window


DRIVER = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_loop import Budget, Inline, Rig
folder = Path({folder!r})

class Logging(Inline):
    def submit(self, job):
        future = super().submit(job)
        if future.result().encodes:
            key = [job.settings.canonical(), job.knob, job.clip.digest]
            with open(folder / "encodes.log", "a") as log:
                log.write(json.dumps(key) + chr(10))
        time.sleep(0.003)
        return future

rig = Rig(folder)
rig.executor = Logging(rig.executor.cache)
rig.run(Budget(14, None))
"""


def start_driver(folder: Path) -> subprocess.Popen[bytes]:
    code = DRIVER.format(tests=str(Path(__file__).parent), folder=str(folder))
    return subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.DEVNULL, start_new_session=True
    )


def encodes_of(folder: Path) -> list[str]:
    log = folder / "encodes.log"
    return log.read_text().splitlines() if log.exists() else []


def test_killed_driver_resumes_without_loss(tmp_path: Path) -> None:
    """After SIGKILL: the trials of an undisturbed run, and no encode computed twice."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    (whole,) = Rig(tmp_path / "whole").run(Budget(14, None))
    for least in (20, 45):
        driver = start_driver(tmp_path / "killed")
        while len(encodes_of(tmp_path / "killed")) < least and driver.poll() is None:
            time.sleep(0.005)
        assert driver.poll() is None, "the driver ended before it could be killed"
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
    assert start_driver(tmp_path / "killed").wait() == 0
    (resumed,) = Rig(tmp_path / "killed").run(Budget(14, None))
    assert [replace(r.record) for r in resumed] == [r.record for r in whole]
    lines = encodes_of(tmp_path / "killed")
    assert len({json.dumps(json.loads(line)) for line in lines}) == len(lines)

"""Local workers give outcomes and errors, survive deaths, and die with the driver."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from tuner.errors import RunError, StudyError, WorkerDied
from tuner.jobs import local
from tuner.jobs.cache import Cache
from tuner.jobs.executor import Executor, make_executor
from tuner.jobs.job import ClipRef, Job, run_job
from tuner.testing import ExecutorContract, FakeEncoder

#: How long to wait for what must happen at once, on a busy machine, seconds.
PATIENCE_S = 60
#: Triggers the fake encoder's troubles by its default settings.
ALWAYS = (("joint", True),)


@pytest.fixture
def cache_folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def executor(cache_folder: Path) -> Iterator[Executor]:
    """Two workers."""
    executor = make_executor("local", workers=2, cache_folder=cache_folder)
    yield executor
    executor.close(cancel=True)


def _workers() -> set[int]:
    return {child.pid for child in multiprocessing.active_children() if child.pid is not None}


class TestContract(ExecutorContract):
    def make(self, cache_folder: Path) -> Executor:
        return make_executor("local", workers=1, cache_folder=cache_folder)


def test_jobs_run_in_processes_of_their_own(executor: Executor, job: Job) -> None:
    """As many as there are workers, none of them the driver's."""
    futures = [executor.submit(replace(job, knob=float(knob))) for knob in range(32, 44)]
    assert all(future.result(PATIENCE_S).encodes == 1 for future in futures)
    assert os.getpid() not in _workers() and len(_workers()) == 2


def test_workers_share_the_cache_with_the_driver(
    executor: Executor, job: Job, cache_folder: Path
) -> None:
    """What a worker made, another process finds."""
    outcome = executor.submit(job).result(PATIENCE_S)
    again = run_job(job, Cache(cache_folder))
    assert (again.encodes, again.cached_encodes, again.scores) == (0, 1, outcome.scores)


def test_a_job_that_kills_its_worker_fails_alone(executor: Executor, job: Job) -> None:
    """It is given up after the second death; the jobs around it do not notice."""
    deadly = replace(job, encoder=FakeEncoder(die_on=ALWAYS))
    around = [replace(job, knob=float(knob)) for knob in range(32, 44)]
    futures = [executor.submit(each) for each in (*around[:6], deadly, *around[6:])]
    killer = futures.pop(6)
    with pytest.raises(WorkerDied, match=r"died 2 times \(signal 9, signal 9\) on fake"):
        killer.result(PATIENCE_S)
    assert [future.result(PATIENCE_S).encodes for future in futures] == [1] * len(around)


def test_a_worker_that_cannot_be_started_ends_the_run(executor: Executor, job: Job) -> None:
    """That says nothing about the job, so no trial fails for it; what to do is told."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, usual[1]))
    try:
        with pytest.raises(RunError, match=r"Too many open files.*fewer workers"):
            executor.submit(job).result(PATIENCE_S)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
    assert executor.submit(job).result(PATIENCE_S).encodes == 1


@pytest.mark.parametrize("is_caught", [False, True])
def test_a_script_without_a_guard_is_told_what_it_lacks(
    job: Job, cache_folder: Path, is_caught: bool
) -> None:
    """Its workers run it again; that is no failure of the job. Nor if it ends them with code 0."""
    script = cache_folder.parent / "script.py"
    script.write_text(
        "import pickle, sys\n"
        "from tuner.jobs.executor import make_executor\n"
        f"job = pickle.loads({pickle.dumps(job)!r})\n"
        f"folder = pickle.loads({pickle.dumps(cache_folder)!r})\n"
        "executor = make_executor('local', workers=1, cache_folder=folder)\n"
        "try:\n"
        "    executor.submit(job).result()\n"
        "except RuntimeError:\n"  # of a worker that starts workers
        f"    sys.exit(0) if {is_caught} else None\n"
        "    raise\n"
        "finally:\n"
        "    executor.close(cancel=True)\n"
    )
    ended = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert "RunError: worker processes end before they can start" in ended.stderr
    assert 'if __name__ == "__main__":' in ended.stderr


def test_what_workers_log_reaches_the_driver(
    executor: Executor, job: Job, cache_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged cache entry is told in the driver's log, by the logger that saw it."""
    executor.submit(job).result(PATIENCE_S)
    (entry,) = (path for path in (cache_folder / "encodes").rglob("*") if path.is_file())
    entry.write_bytes(entry.read_bytes()[:-1])
    assert executor.submit(job).result(PATIENCE_S).encodes == 1
    (record,) = caplog.records
    assert record.name == "tuner.jobs.cache" and "damaged cache entry" in record.getMessage()


def test_a_job_whose_worker_is_killed_once_is_tried_again(
    cache_folder: Path, job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    """One death, of the out-of-memory killer say, costs time but no result, and is told."""
    executor = make_executor("local", workers=1, cache_folder=cache_folder)
    executor.submit(job).result(PATIENCE_S)
    (first,) = _workers()
    os.kill(first, signal.SIGSTOP)  # so that it cannot have ended the job before it is killed
    future = executor.submit(replace(job, knob=32.0))
    os.kill(first, signal.SIGKILL)
    assert future.result(PATIENCE_S).encodes == 1
    assert _workers() != {first}
    assert "died (exit code -9)" in caplog.text
    executor.close()
    assert not _workers()


def test_a_worker_that_hangs_as_it_starts_is_ended(
    executor: Executor, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that it imports may do so, or a network's disk."""
    start = SpawnProcess.start

    def start_stopped(process: SpawnProcess) -> None:
        start(process)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)

    monkeypatch.setattr(local, "JOB_LIMIT_S", 0.0)
    monkeypatch.setattr(SpawnProcess, "start", start_stopped)
    with pytest.raises(WorkerDied, match=r"died 2 times \(signal 9"):
        executor.submit(job).result(PATIENCE_S)


def test_a_job_that_hangs_is_ended(
    executor: Executor, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no encoder's limit ends it, as in a decoder or a scorer: like a death."""
    monkeypatch.setattr("tuner.jobs.local.JOB_LIMIT_S", 0.5)
    hanging = replace(job, encoder=FakeEncoder(hang_on=ALWAYS, hang_s=600))
    with pytest.raises(WorkerDied, match=r"died 2 times \(signal 9 after 0\.5 s without a result"):
        executor.submit(hanging).result(PATIENCE_S)
    monkeypatch.setattr("tuner.jobs.local.JOB_LIMIT_S", 600.0)
    assert executor.submit(job).result(PATIENCE_S).encodes == 1


def test_a_thread_that_dies_ends_the_run_with_its_reason(
    cache_folder: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its jobs, and those that come later, do not wait for ever."""
    executor = make_executor("local", workers=1, cache_folder=cache_folder)

    def die(*_: object) -> None:
        raise SystemExit("gone")

    monkeypatch.setattr("tuner.jobs.local._Worker.run", die)
    for _ in range(2):
        with pytest.raises(RunError, match="gone"):
            executor.submit(job).result(PATIENCE_S)
    executor.close(cancel=True)


def test_ctrl_c_does_not_reach_the_workers(executor: Executor, job: Job) -> None:
    """SIGINT goes to the whole terminal group; the driver alone decides what it means."""
    executor.submit(job).result(PATIENCE_S)
    workers = _workers()
    slow = FakeEncoder(hang_on=ALWAYS, hang_s=0.5)
    future = executor.submit(replace(job, encoder=slow, knob=32.0))
    for worker in workers:
        os.kill(worker, signal.SIGINT)
    assert future.result(PATIENCE_S).encodes == 1
    assert workers <= _workers()


def test_close_finishes_what_was_submitted(executor: Executor, job: Job) -> None:
    """After it all futures are done, no worker lives and nothing more is taken."""
    futures = [executor.submit(replace(job, knob=float(knob))) for knob in range(32, 38)]
    executor.close()
    assert [future.result(0).encodes for future in futures] == [1] * 6
    assert not _workers()
    with pytest.raises(RuntimeError, match="closed"):
        executor.submit(job)


#: A driver: two workers are busy for ever, their process ids on stdout.
DRIVER = """
import multiprocessing, sys, time
from pathlib import Path
from tuner.encoder import default_settings
from tuner.jobs.executor import make_executor
from tuner.jobs.job import ClipRef, Job
from tuner.testing import FakeEncoder
digest, path, folder = sys.argv[1:]
clip = ClipRef(digest, path, 2, 0.5)
executor = make_executor("local", workers=2, cache_folder=Path(folder))
quick, slow = FakeEncoder(), FakeEncoder(hang_on=(("joint", True),), hang_s=600)
for encoder, knob in ((quick, 64.0), (slow, 48.0), (slow, 32.0)):
    future = executor.submit(Job(encoder, default_settings(encoder), knob, clip))
    if encoder is quick:
        future.result()
while len(children := multiprocessing.active_children()) < 2:
    time.sleep(0.05)
print(*(child.pid for child in children), flush=True)
time.sleep(600)
"""


def test_workers_die_with_a_killed_driver(clip: ClipRef, cache_folder: Path) -> None:
    """SIGKILL of the driver leaves no orphan, though its jobs would run for minutes."""
    command = [sys.executable, "-c", DRIVER, clip.digest, clip.path, str(cache_folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        workers = [int(pid) for pid in driver.stdout.readline().split()]
        driver.kill()
    deadline = time.monotonic() + PATIENCE_S
    while any(_runs(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(workers) == 2
    assert not [worker for worker in workers if _runs(worker)]


def _runs(pid: int) -> bool:
    """Whether the process exists and is no zombie (nobody may be there to reap it)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_the_executors_start_without_heavy_imports() -> None:
    """The driver and a starting worker import no torch, ray, numpy or optuna for it."""
    script = (
        "import sys, tuner.jobs.local, tuner.jobs.ray\n"
        "print({'torch', 'ray', 'numpy', 'optuna'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    assert done.stdout.strip() == b"set()"


@pytest.mark.parametrize(
    ("name", "workers", "address", "message"),
    [
        ("slurm", 2, None, "unknown executor 'slurm'; choose local or ray"),
        ("local", 0, None, "must be an integer >= 1"),
        ("local", 2, "10.0.0.1:6379", "no address"),
    ],
)
def test_a_wrong_executor_is_a_study_error(
    name: str, workers: int, address: str | None, message: str, cache_folder: Path
) -> None:
    """The message says what there is."""
    with pytest.raises(StudyError, match=message):
        make_executor(name, workers=workers, cache_folder=cache_folder, address=address)

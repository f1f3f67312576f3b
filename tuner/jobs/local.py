"""Jobs in processes on this machine.

One thread in the driver serves one worker process over a pipe. So a worker that dies is
known with the one job that it ran: that job is tried once more in a fresh process, and no
other job notices. (`concurrent.futures.ProcessPoolExecutor` would break every job in
flight and cannot tell which one is to blame.)

Processes are spawned: the driver has threads, so it must not fork, and a fork server
saves only 0.07 s for two workers (0.23 against 0.30 s).
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
from concurrent.futures import CancelledError, Future
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.errors import RunError, WorkerDied
from tuner.jobs.queue import JobQueue, settle
from tuner.jobs.watchdog import JOB_LIMIT_S, LOOK_EVERY_S
from tuner.system.memory import keep_freed_memory
from tuner.system.parent import die_with_parent
from tuner.time_limit import TimeLimit

if TYPE_CHECKING:
    from tuner.jobs.job import Job, Outcome

#: How often a job is started before it is given up: once, and once more after a death.
ATTEMPTS = 2
#: One job per core is the parallelism; libraries must not multiply it.
THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

#: What a worker sends first.
STARTED = b"started"

_log = logging.getLogger(__name__)
_spawn = multiprocessing.get_context("spawn")


class LocalExecutor:
    """Runs jobs in `workers` processes, started when the first jobs come.

    Args:
        workers: how many jobs run at once.
        cache_folder: folder of the cache.
    """

    def __init__(self, workers: int, cache_folder: Path) -> None:
        self.workers = workers
        self._jobs = JobQueue()
        self._slots = [_Worker(cache_folder) for _ in range(workers)]
        # Daemons, as a driver that forgot to close must still be able to exit.
        self._threads = [
            threading.Thread(target=self._serve, args=(slot,), daemon=True) for slot in self._slots
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> Future[Outcome]:
        """See `Executor.submit`."""
        return self._jobs.submit(job)

    def close(self, *, cancel: bool = False) -> None:
        """See `Executor.close`."""
        self._jobs.close(cancel=cancel)
        if cancel:
            for slot in self._slots:
                slot.kill()
        for thread in self._threads:
            thread.join()

    def _serve(self, slot: _Worker) -> None:
        try:
            while (item := self._jobs.take()) is not None:
                job, future = item
                settle(future, partial(slot.run, job))
            slot.stop()
        except BaseException as error:
            # What waits for this thread must not wait for ever.
            self._jobs.fail(
                RunError(f"a worker's thread ended ({error!r})", remedy="run again to resume")
            )
            _log.exception("a worker's thread ended")


class _Worker:
    """One worker process and this end of its pipe; used by one thread, killed by any."""

    def __init__(self, cache_folder: Path) -> None:
        self._cache_folder = cache_folder
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._killed = False
        self._lock = threading.Lock()

    def run(self, job: Job) -> Outcome:
        """Run a job, once more if the process dies under it."""
        request = pickle.dumps(job)
        deaths = []
        for _ in range(ATTEMPTS):
            try:
                reply = self._ask(request)
            except TimeoutError:
                deaths.append(f"{self._bury()} after {JOB_LIMIT_S:g} s without a result")
                continue
            except (EOFError, OSError):  # the pipe breaks when the process dies
                deaths.append(self._bury())
                continue
            error, outcome, told = pickle.loads(reply)
            for name, level, message in told:
                logging.getLogger(name).log(level, "%s", message)
            if error is not None:
                raise error
            return outcome  # type: ignore[no-any-return]
        raise WorkerDied(
            f"the worker process died {len(deaths)} times ({', '.join(deaths)}) on"
            f" {job.encoder.name} {job.settings.canonical()} at {job.knob:g}, clip {job.clip.path}",
            remedy="if it ran out of memory, use fewer workers",
        )

    def kill(self) -> None:
        """Kill the process; the job in it, and every later one, is cancelled."""
        with self._lock:
            self._killed = True
            if self._process is not None:
                self._process.kill()

    def stop(self) -> None:
        """Let the process end by closing the pipe."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.join()

    def _ask(self, request: bytes) -> bytes:
        if self._pipe is None:
            self._pipe = self._start()
        self._pipe.send_bytes(request)
        limit = TimeLimit(JOB_LIMIT_S)
        while not self._pipe.poll(min(LOOK_EVERY_S, max(limit.left(), 0.0))):
            if limit.left() <= 0:
                assert self._process is not None
                self._process.kill()
                raise TimeoutError
        return self._pipe.recv_bytes()

    def _start(self) -> Connection:
        with self._lock:
            if self._killed:
                raise CancelledError
            try:
                ours, theirs = _spawn.Pipe()
                process = _spawn.Process(
                    target=_work, args=(theirs, self._cache_folder, os.getpid()), daemon=True
                )
                process.start()
            except OSError as error:
                raise RunError(
                    f"a worker process cannot be started ({error})",
                    remedy="use fewer workers or close other programs, and run again to resume",
                ) from error
            self._process = process
        theirs.close()  # else the pipe would not break when the worker dies
        self._await_start(process, ours)
        return ours

    @staticmethod
    def _await_start(process: SpawnProcess, pipe: Connection) -> None:
        """Wait for `STARTED`. A worker that is killed meanwhile is found dead by its first job.

        Raises:
            RunError: it ended by itself: so will every other.
        """
        try:
            if pipe.poll(JOB_LIMIT_S):
                pipe.recv_bytes()
            else:
                process.kill()
        except (EOFError, OSError):
            process.join()
            if process.exitcode is not None and process.exitcode >= 0:
                raise RunError(
                    f"worker processes end before they can start (exit code {process.exitcode}; the"
                    " message above says why)",
                    remedy=(
                        'a Python script that runs jobs needs `if __name__ == "__main__":` around'
                        " them, as workers import it; where memory is short, use fewer workers"
                    ),
                ) from None

    def _bury(self) -> str:
        """Forget the dead process; returns how it died."""
        self.stop()
        code = None if self._process is None else self._process.exitcode
        self._process = self._pipe = None
        if self._killed:
            raise CancelledError
        _log.warning("a worker process died (exit code %s); retrying its job", code)
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _work(pipe: Connection, cache_folder: Path, driver: int) -> None:
    """The worker process: answer jobs until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    die_with_parent(driver)
    limit_threads()
    keep_freed_memory()
    told = _Told()
    logging.getLogger("tuner").addHandler(told)
    pipe.send_bytes(STARTED)
    while True:
        try:
            request = pipe.recv_bytes()
        except EOFError:
            return
        error, outcome = _answer(request, cache_folder)
        pipe.send_bytes(pickle.dumps((error, outcome, told.take())))


class _Told(logging.Handler):
    """Keeps what a job logs, for the driver's log: logger, level and message."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._records: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append((record.name, record.levelno, record.getMessage()))

    def take(self) -> list[tuple[str, int, str]]:
        """What was logged since the last time."""
        taken, self._records = self._records, []
        return taken


def _answer(request: bytes, cache_folder: Path) -> tuple[Exception | None, Outcome | None]:
    # Imported here, after the thread limits: numpy reads them when it is imported.
    from tuner.jobs.cache import Cache
    from tuner.jobs.job import run_job

    try:
        return None, run_job(pickle.loads(request), Cache(cache_folder))
    except Exception as error:  # nothing is swallowed: the driver raises it again
        return error, None


def limit_threads() -> None:
    """One thread per process for numpy, torch and numba; call before importing them."""
    for name in THREAD_LIMITS:
        os.environ[name] = "1"

"""Jobs in Ray, on one machine or a cluster.

Every Ray call after the start is made by one thread: it keeps at most two tasks per
worker submitted (one runs, one waits with its arguments at hand), so that a long queue
stays here, and resolves the futures through `ray.wait`.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import RunError, StudyError, WorkerDied

if TYPE_CHECKING:
    from tuner.encoder import Encoder, Settings
    from tuner.scorer import Scorer
    from tuner.search.job import ClipRef, Job, Outcome

#: Tasks submitted to Ray per worker.
IN_FLIGHT_PER_WORKER = 2
#: How often Ray itself starts a task again whose worker process died.
MAX_RETRIES = 2
#: How soon a job that was queued while others run is handed to Ray, seconds.
POLL_S = 0.05

_Item = tuple["Job", "Future[Outcome]"]


class RayExecutor:
    """Runs jobs as Ray tasks of one CPU each.

    Args:
        workers: how many jobs run at once; 0 means all cores of the cluster.
        cache_folder: folder of the cache on each machine.
        address: the cluster to join; None starts Ray on this machine.

    Raises:
        StudyError: the address does not answer.
    """

    def __init__(self, workers: int, cache_folder: Path, address: str | None = None) -> None:
        self._owns_ray = _connect(workers, address)
        self.workers = workers or _count_cores()
        self._submit_task = _make_submit(cache_folder)
        self._queue: queue.Queue[_Item | None] = queue.Queue()
        self._closed = False
        self._cancelled = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> Future[Outcome]:
        """See `Executor.submit`."""
        future: Future[Outcome] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("this executor is closed")
            self._queue.put((job, future))
        return future

    def close(self, *, cancel: bool = False) -> None:
        """See `Executor.close`. Ray itself is shut down only if this executor started it."""
        import ray

        with self._lock:
            first = not self._closed
            self._closed = True
            self._cancelled = self._cancelled or cancel
            if first:
                self._queue.put(None)
        self._thread.join()
        if first and self._owns_ray:
            ray.shutdown()

    def _serve(self) -> None:
        flight: dict[Any, Future[Outcome]] = {}
        last = False
        while flight or not last:
            last = self._fill(flight) or last
            if self._cancelled:
                self._cancel(flight)
                return
            _resolve(flight)

    def _fill(self, flight: dict[Any, Future[Outcome]]) -> bool:
        """Hand queued jobs to Ray while there is room; whether the last one has come."""
        while len(flight) < IN_FLIGHT_PER_WORKER * self.workers and not self._cancelled:
            try:
                item = self._queue.get(block=not flight)
            except queue.Empty:
                return False
            if item is None:
                return True
            job, future = item
            if future.set_running_or_notify_cancel():
                try:
                    flight[self._submit_task(job)] = future
                except Exception as error:  # nothing is swallowed: the future carries it
                    future.set_exception(_translate(error))
        return False

    def _cancel(self, flight: dict[Any, Future[Outcome]]) -> None:
        import ray

        for task, future in flight.items():
            ray.cancel(task, force=True)
            future.set_exception(CancelledError())
        while not self._queue.empty():
            if (item := self._queue.get()) is not None:
                item[1].cancel()


def _connect(workers: int, address: str | None) -> bool:
    """Start or join Ray unless this process has; whether this call did."""
    import ray

    if ray.is_initialized():
        if address is not None:
            raise StudyError(f"Ray at {address} cannot be used: this process runs another Ray")
        return False
    options: dict[str, Any] = {"address": address}
    if address is None:
        # "local", because None would join a cluster that happens to run on this machine.
        options = {"address": "local", "num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(
            **options,
            ignore_reinit_error=True,
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise StudyError(f"Ray at {address or 'this machine'} cannot be used: {error}") from error
    return True


def _count_cores() -> int:
    """The cores of all nodes that have joined so far."""
    import ray

    return max(int(ray.cluster_resources().get("CPU", 1)), 1)


def _make_submit(cache_folder: Path) -> Callable[[Job], Any]:
    """The function that hands a job to Ray and gives the reference to its outcome.

    Adapters and scorers are stored in Ray once each and sent by reference. They are told
    apart by their pickle, since equal ones need not be the same object.
    """
    import ray
    from ray import cloudpickle

    task = ray.remote(num_cpus=1, max_retries=MAX_RETRIES)(_run)
    stored: dict[bytes, Any] = {}

    def store(plugin: object) -> Any:
        copy = cloudpickle.dumps(plugin)
        if copy not in stored:
            stored[copy] = ray.put(plugin)
        return stored[copy]

    def submit(job: Job) -> Any:
        plugins = [store(plugin) for plugin in (job.encoder, *job.scorers)]
        return task.remote(cache_folder, job.settings, job.knob, job.clip, *plugins)

    return submit


def _run(
    cache_folder: Path,
    settings: Settings,
    knob: float,
    clip: ClipRef,
    encoder: Encoder,
    *scorers: Scorer,
) -> Outcome:
    """The Ray task."""
    from tuner.cache import Cache
    from tuner.search.executors.local import limit_threads
    from tuner.search.job import Job, run_job

    limit_threads()
    return run_job(Job(encoder, settings, knob, clip, scorers), Cache(cache_folder))


def _resolve(flight: dict[Any, Future[Outcome]]) -> None:
    """Wait a little for tasks in flight and resolve the futures of those that are done."""
    import ray

    if not flight:
        return
    try:
        done, _ = ray.wait(list(flight), num_returns=1, timeout=POLL_S)
    except Exception as error:  # nothing is swallowed: every future carries it
        for task in list(flight):
            flight.pop(task).set_exception(_translate(error))
        return
    for task in done:
        future = flight.pop(task)
        try:
            outcome = ray.get(task)
        except Exception as error:  # nothing is swallowed: the future carries it
            future.set_exception(_translate(error))
        else:
            future.set_result(outcome)


def _translate(error: Exception) -> Exception:
    """The error that the driver should see in place of Ray's."""
    from ray import exceptions

    if isinstance(error, exceptions.RayTaskError):
        return error.cause  # type: ignore[no-any-return]  # what the job itself raised
    lost = (
        exceptions.WorkerCrashedError,
        exceptions.OutOfMemoryError,
        exceptions.NodeDiedError,
        exceptions.ObjectLostError,
    )
    if isinstance(error, lost):
        return WorkerDied(f"Ray lost the job, also after {MAX_RETRIES} retries: {error}")
    return RunError(f"Ray failed ({type(error).__name__}: {error}); run again to go on")

"""The executor: every Ray call after the start is made by one thread of the driver.

It keeps at most two tasks per worker submitted, so that a long queue stays here: one runs,
one waits with its arguments at hand or for its score. It wakes when a job comes or a task ends.
"""

from __future__ import annotations

import logging
import queue
import threading
from concurrent.futures import CancelledError, Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import RunError, StudyError, WorkerDied
from tuner.jobs.queue import JobQueue, settle
from tuner.jobs.ray.sending import Sender

if TYPE_CHECKING:
    from tuner.jobs.job import Job, Outcome

#: Tasks submitted to Ray per worker.
IN_FLIGHT_PER_WORKER = 2
#: After so long without an answer the log says that the run waits for the cluster, seconds.
SILENCE_S = 300.0

_log = logging.getLogger(__name__)


class RayExecutor:
    """Runs jobs as Ray tasks of one CPU each, and scores on GPUs where there are any.

    Args:
        workers: how many jobs run at once; 0 means all cores of the cluster.
        cache_folder: folder of the run's cache.
        address: the cluster to join; None starts Ray on this machine.
        scorer_gpu: share of a GPU for each scorer, up to 1; 0 to score where the decode ran.

    Raises:
        StudyError: the address does not answer.
    """

    def __init__(
        self,
        workers: int,
        cache_folder: Path,
        address: str | None = None,
        scorer_gpu: float = 1.0,
    ) -> None:
        self._owns_ray = _connect(workers, address)
        self.workers = workers or _count_cores()
        self._sender = Sender(cache_folder, scorer_gpu)
        self._jobs = JobQueue()
        #: Tasks that ended; None says that the queue of jobs has changed.
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> Future[Outcome]:
        """See `Executor.submit`."""
        future = self._jobs.submit(job)
        self._events.put(None)
        return future

    def close(self, *, cancel: bool = False) -> None:
        """See `Executor.close`. Ray itself is shut down only if this executor started it."""
        import ray

        self._jobs.close(cancel=cancel)
        self._events.put(None)
        self._thread.join()
        if self._owns_ray:
            self._owns_ray = False
            ray.shutdown()

    def _serve(self) -> None:
        flight: dict[Any, Future[Outcome]] = {}
        try:
            while self._fill(flight):
                task = self._next_event()
                if task is not None:
                    settle(flight.pop(task), partial(_get, task))
            for task, future in flight.items():
                _cancel(task, future)
            self._sender.close()
        except BaseException as error:
            # Nobody would ever answer those that wait: the run ends with the reason.
            broken = RunError(
                f"Ray failed ({type(error).__name__}: {error})", remedy="run again to resume"
            )
            self._jobs.fail(broken)
            for future in flight.values():
                if not future.done():
                    future.set_exception(broken)
            _log.exception("the Ray thread ended")

    def _next_event(self) -> Any:
        """The task that ended next; None when there may be new jobs."""
        try:
            return self._events.get(timeout=SILENCE_S)
        except queue.Empty:
            # A cluster whose nodes have left may get new ones: to wait is right.
            _log.warning(
                "Ray returned no result for %d minutes; check its free cores with `ray status`",
                SILENCE_S // 60,
            )
            return None

    def _fill(self, flight: dict[Any, Future[Outcome]]) -> bool:
        """Hand queued jobs to Ray while there is room; whether to go on."""
        while len(flight) < IN_FLIGHT_PER_WORKER * self.workers:
            item = self._jobs.take(wait=not flight)
            if item is None:
                break
            job, future = item
            try:
                task = self._sender.send(job)
            except Exception as error:  # nothing is swallowed: the future carries it
                future.set_exception(_translate(error))
                continue
            flight[task] = future
            # Ray calls from a thread of its own, in which nothing may wait.
            task.future().add_done_callback(lambda _, task=task: self._events.put(task))
        return bool(flight) and not self._jobs.cancelled


def _connect(workers: int, address: str | None) -> bool:
    """Start or join Ray unless this process has; whether this call did."""
    import ray
    from ray.exceptions import RayError

    if address is not None and address.startswith("ray://"):
        raise StudyError(
            "the driver must run on a cluster node",
            where=address,
            remedy="there, give HEAD:6379 or auto (`ray job submit` runs it there)",
        )
    if ray.is_initialized():
        if address is not None:
            raise StudyError(
                f"Ray at {address} cannot be used: this process already uses another Ray cluster"
            )
        return False
    options: dict[str, Any] = {"address": address}
    if address is None:
        options = {
            # Because None would join a cluster that happens to run on this machine.
            "address": "local",
            "num_cpus": workers,
            "include_dashboard": False,
            # Else jobs get only what all others on this machine leave (Ray's 15).
            "_system_config": {"worker_niceness": 0},
        }
    try:
        ray.init(
            **options,
            ignore_reinit_error=True,
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
    except (ConnectionError, ValueError, RuntimeError, RayError) as error:
        raise StudyError(f"Ray at {address or 'this machine'} cannot be used: {error}") from error
    return True


def _count_cores() -> int:
    """The cores of all nodes that have joined so far."""
    import ray

    return max(int(ray.cluster_resources().get("CPU", 1)), 1)


def _get(task: Any) -> Outcome:
    import ray

    try:
        return ray.get(task)  # type: ignore[no-any-return]
    except Exception as error:
        raise _translate(error) from error


def _cancel(task: Any, future: Future[Outcome]) -> None:
    import ray

    future.set_exception(CancelledError())  # first: who waits for it must not wait for Ray
    try:
        ray.cancel(task, force=True)
    except Exception as error:  # a Ray that is gone has cancelled everything
        _log.warning("Ray cannot cancel a job: %s", error)


def _translate(error: Exception) -> Exception:
    """The error that the driver should see in place of Ray's."""
    from ray import exceptions

    if isinstance(error, exceptions.RayTaskError):
        return _translate(error.cause)  # what the job itself raised
    if not isinstance(error, exceptions.RayError):
        return error
    lost = (
        exceptions.WorkerCrashedError,
        exceptions.OutOfMemoryError,
        exceptions.NodeDiedError,
        exceptions.ObjectLostError,
    )
    if isinstance(error, lost):
        from tuner.jobs.ray.home import MAX_RETRIES

        return WorkerDied(f"Ray lost the job even after {MAX_RETRIES} retries: {error}")
    return RunError(f"Ray failed ({type(error).__name__}: {error})", remedy="run again to resume")

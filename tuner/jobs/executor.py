"""Executors: where jobs run. `local` uses processes, `ray` one machine or a cluster.

Both run the same `tuner.jobs.job.run_job`. This module imports nothing heavy.
"""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tuner.errors import StudyError

if TYPE_CHECKING:
    from tuner.jobs.job import Job, Outcome

__all__ = ["Executor", "make_executor"]


class Executor(Protocol):
    """Runs jobs; any thread may call any method."""

    #: How many jobs run at once.
    workers: int

    def submit(self, job: Job) -> Future[Outcome]:
        """Queue a job; returns at once.

        The future gives the outcome or raises the job's `TunerError`; `WorkerDied` when
        the process under it died each time; `RunError` when the executor itself is
        broken, so that no job can run; `concurrent.futures.CancelledError` after
        ``close(cancel=True)``.

        Raises:
            RuntimeError: after `close`.
        """

    def close(self, *, cancel: bool = False) -> None:
        """Finish all jobs and stop the workers; with `cancel`, stop them at once."""


def make_executor(
    name: str,
    *,
    workers: int,
    cache_folder: Path,
    address: str | None = None,
    scorer_gpu: float = 1.0,
) -> Executor:
    """Make an executor.

    Args:
        name: ``"local"`` or ``"ray"``.
        workers: how many jobs run at once; 0 means all cores of the cluster at `address`.
        cache_folder: folder of the run's cache, in the run directory.
        address: the Ray cluster to join; None starts Ray on this machine.
        scorer_gpu: with Ray, the share of a GPU for each scorer, up to 1; 0 to score where
            the decode ran, as always without a GPU.

    Raises:
        StudyError: unknown name, no workers, or an address that does not answer.
    """
    if workers < (1 if address is None else 0):
        raise StudyError(f"workers must be an integer >= 1 (got {workers})")
    cache_folder = cache_folder.absolute()  # a worker's current folder may be another
    if name == "local":
        if address is not None:
            raise StudyError(
                f"the local executor has no address ({address})", remedy="use executor = ray"
            )
        from tuner.jobs.local import LocalExecutor

        return LocalExecutor(workers, cache_folder)
    if name == "ray":
        from tuner.jobs.ray import RayExecutor

        return RayExecutor(workers, cache_folder, address, scorer_gpu)
    raise StudyError(f"unknown executor {name!r}", remedy="choose local or ray")

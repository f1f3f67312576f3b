"""How a job travels to Ray: as a task of one CPU, its plug-ins by reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.jobs.local import limit_threads
from tuner.system.memory import keep_freed_memory

if TYPE_CHECKING:
    from tuner.encoder import Encoder, Settings
    from tuner.jobs.job import ClipRef, Job, Outcome
    from tuner.jobs.ray.home import Home
    from tuner.scorer import Scorer


class Sender:
    """Hands jobs to Ray; used from one thread.

    Adapters and scorers are stored in Ray once each. They are told apart by their pickle,
    since equal ones need not be the same object.

    Args:
        cache_folder: folder of the run's cache.
        scorer_gpu: share of a GPU for each scorer.
    """

    def __init__(self, cache_folder: Path, scorer_gpu: float) -> None:
        import ray

        from tuner.jobs.ray.home import MAX_RETRIES, Home
        from tuner.jobs.ray.scoring import ScorerPool

        self._home = Home(ray.get_runtime_context().get_node_id(), cache_folder)
        self._pool = ScorerPool(self._home, scorer_gpu)
        self._task = ray.remote(num_cpus=1, max_retries=MAX_RETRIES)(run_task)
        self._stored: dict[bytes, Any] = {}

    def send(self, job: Job) -> Any:
        """Start a job; returns the reference to its outcome."""
        scorers = [self._pool.lend(scorer, job.clip) for scorer in job.scorers]
        plugins = [
            # A scorer on a GPU is a small handle, another one for each clip.
            lent if lent is not own else self._store(own)
            for own, lent in zip(job.scorers, scorers, strict=True)
        ]
        return self._task.remote(
            self._home, job.settings, job.knob, job.clip, self._store(job.encoder), *plugins
        )

    def close(self) -> None:
        """End what runs beside the tasks."""
        self._pool.close()

    def _store(self, plugin: object) -> Any:
        import ray
        from ray import cloudpickle

        copy = cloudpickle.dumps(plugin)
        if copy not in self._stored:
            self._stored[copy] = ray.put(plugin)
        return self._stored[copy]


def run_task(
    home: Home,
    settings: Settings,
    knob: float,
    clip: ClipRef,
    encoder: Encoder,
    *scorers: Scorer,
) -> Outcome:
    """The Ray task."""
    limit_threads()
    keep_freed_memory()
    from tuner.jobs.job import Job, run_job
    from tuner.jobs.watchdog import JOB_LIMIT_S, killed_after

    with killed_after(JOB_LIMIT_S):
        return run_job(Job(encoder, settings, knob, home.bring(clip), scorers), home.cache())

"""References through encoders, coded and scored by an executor's workers.

Encodes and scores go through the executor's cache: a run that was killed goes on where it was,
and another model costs its own scores alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.truth.references import Reference
from tuner.cli.display.progress import progress_bar
from tuner.errors import EncoderError, ScoreError
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef, Job
from tuner.scorer import Score


def store(reference: Reference, folder: Path) -> ClipRef:
    """The reference as a file that the workers read."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{reference.digest}.npy"
    if not path.exists():
        partial = path.with_suffix(".partial")
        with partial.open("wb") as stream:
            np.save(stream, reference.pcm, allow_pickle=False)
        partial.replace(path)
    return ClipRef(reference.digest, str(path), reference.pcm.shape[0], reference.duration_s)


def run_jobs(jobs: Sequence[Job], executor: Executor, what: str) -> list[tuple[Score, ...] | None]:
    """Scores of each job in the order of its scorers; None, and a line, where it fails.

    Args:
        what: what is going on, for the progress bar.
    """
    futures = [executor.submit(job) for job in jobs]
    scores: list[tuple[Score, ...] | None] = []
    with progress_bar(what) as update:
        for job, future in zip(jobs, futures, strict=True):
            try:
                found = future.result().scores
                scores.append(tuple(found[scorer.name] for scorer in job.scorers))
            except (EncoderError, ScoreError) as error:
                print(f"left out: {error}", file=sys.stderr)
                scores.append(None)
            update(len(scores), len(jobs), "")
    return scores

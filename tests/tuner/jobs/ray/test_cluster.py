"""A Ray cluster of three nodes, one of which dies in the middle."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuner.jobs.cache import Cache
from tuner.jobs.executor import make_executor
from tuner.jobs.job import Job, run_job
from tuner.testing import FakeEncoder

PATIENCE_S = 120
#: Every encode takes a while, so that jobs run on the node that dies.
SLOW = FakeEncoder(hang_on=(("joint", True),), hang_s=0.2)


def test_a_node_that_dies_costs_nothing_but_time(
    add_node: Callable[..., Any], job: Job, tmp_path: Path
) -> None:
    """All cores are used without being counted by hand, every job has its own outcome, and no
    clip is sent to nodes that see the run directory.
    """
    (own := tmp_path / "own").mkdir()
    for options in ({}, {"TMPDIR": str(own)}, {"TMPDIR": str(own)}):
        cluster = add_node(1, **options)
    executor = make_executor(
        "ray", workers=0, cache_folder=tmp_path / "cache", address=cluster.address
    )
    try:
        assert executor.workers == 3
        jobs = [replace(job, encoder=SLOW, knob=float(knob)) for knob in range(32, 56)]
        futures = [executor.submit(each) for each in jobs]
        wait(futures, PATIENCE_S, FIRST_COMPLETED)
        assert not all(future.done() for future in futures)
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        for each, future in zip(jobs, futures, strict=True):
            expected = run_job(replace(each, encoder=FakeEncoder()), Cache(tmp_path / "other"))
            assert future.result(PATIENCE_S).payload_bits == expected.payload_bits
    finally:
        executor.close(cancel=True)
    assert not list(own.rglob("*.npy"))

"""A Ray cluster of three nodes, one of which dies in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ray.cluster_utils import Cluster

from tuner.cache import Cache
from tuner.search.executors import make_executor
from tuner.search.job import Job, run_job
from tuner.testing import FakeEncoder

PATIENCE_S = 120
#: How often a node is started at most.
STARTS = 4
#: The least that Ray takes, bytes; outcomes are small.
STORE_BYTES = 80_000_000
#: Every encode takes a while, so that jobs run on the node that dies.
SLOW = FakeEncoder(hang_on=(("joint", True),), hang_s=0.2)


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head and two nodes of one CPU each, all on this machine."""
    node = {"num_cpus": 1, "object_store_memory": STORE_BYTES}
    made = Cluster()
    for options in ({**node, "include_dashboard": False}, node, node):
        _add_node(made, options)
    made.wait_for_nodes()
    yield made
    made.shutdown()


def _add_node(cluster: Any, options: dict[str, Any]) -> None:
    """Ray gives a node 30 s to start, fixed in its source: too few when others use the cores."""
    for attempt in range(STARTS):
        try:
            cluster.add_node(**options)
        except Exception as error:  # Ray raises no narrower one
            if attempt == STARTS - 1 or "timed out during startup" not in str(error):
                raise
        else:
            return


def test_a_node_that_dies_costs_nothing_but_time(cluster: Any, job: Job, tmp_path: Path) -> None:
    """All cores are used without being counted by hand; every job has its own outcome."""
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

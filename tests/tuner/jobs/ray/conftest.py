"""What tests of Ray clusters share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ray.cluster_utils import Cluster

#: How often a node is started at most.
STARTS = 4
#: Workers at an ordinary priority: Ray's own default starves them where others use the cores.
ORDINARY = {"worker_niceness": 0}
#: The least that Ray takes, bytes; outcomes are small.
STORE_BYTES = 80_000_000


@pytest.fixture
def add_node(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Adds a node of so many CPUs and GPUs (which are but a number to Ray) and an environment of
    its own to a cluster on this machine; the first is the head. Gives the cluster.
    """
    cluster = Cluster()

    def add(num_cpus: int, num_gpus: int = 0, **environment: str) -> Any:
        options: dict[str, Any] = {
            "num_cpus": num_cpus,
            "num_gpus": num_gpus,
            "object_store_memory": STORE_BYTES,
        }
        if cluster.head_node is None:
            options["include_dashboard"] = False
            options["_system_config"] = ORDINARY
        with monkeypatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            _add_patiently(cluster, options)
        return cluster

    yield add
    cluster.shutdown()


def _add_patiently(cluster: Any, options: dict[str, Any]) -> None:
    """Ray gives a node 30 s to start, fixed in its source: too few when others use the cores."""
    for attempt in range(STARTS):
        try:
            cluster.add_node(**options)
        except Exception as error:  # Ray raises no narrower one
            if attempt == STARTS - 1 or "timed out during startup" not in str(error):
                raise
        else:
            return

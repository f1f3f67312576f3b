"""A Ray cluster on one machine: whether nodes add up, join, and survive their head.

Nodes of two workers each, whose jobs are a fake encoder that sleeps: what is measured is what the
driver and Ray cost, not what this machine can encode. All nodes share its cores, so a machine with
few of them bounds how many nodes there can be.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tuner.encoder import default_settings
from tuner.errors import RunError
from tuner.jobs.executor import Executor, make_executor
from tuner.jobs.job import ClipRef, Job, Outcome
from tuner.sound.audio import SAMPLE_RATE, sample_digest
from tuner.testing import FakeEncoder

NODES = (3, 8, 16)
WORKERS_PER_NODE = 2
#: What a job sleeps, s, and jobs per worker.
SLEEP_S, ROUNDS = 2.0, 6
#: Least that Ray takes for a node's objects, bytes.
STORE_BYTES = 80_000_000
#: How long a driver may take to see that its cluster is gone, s.
NOTICED_S = 180.0


def cluster(out: Path) -> None:
    """Print what nodes bring, what one that joins adds, and what a dead head costs."""
    with tempfile.TemporaryDirectory(dir=out) as name:
        folder = Path(name)
        clip = _clip(folder)
        for nodes in NODES:
            _linear(folder / f"linear-{nodes}", clip, nodes)
        _joining(folder / "joining", clip)
        _restarting(folder / "restarting", clip)


def _linear(folder: Path, clip: ClipRef, nodes: int) -> None:
    with _cluster(nodes) as made, _executor(folder, made) as executor:
        workers = executor.workers
        _wait(_submit(executor, clip, 0, 2 * workers))  # every worker's process has started
        started = time.monotonic()
        _wait(_submit(executor, clip, 2 * workers, ROUNDS * workers))
        wall = time.monotonic() - started
    share = ROUNDS * SLEEP_S / wall
    print(
        f"cluster: {nodes} nodes, {workers} workers: {share:.2f} of linear (goal 0.9),"
        f" {ROUNDS * workers} jobs of {SLEEP_S:g} s in {wall:.1f} s",
        flush=True,
    )


def _joining(folder: Path, clip: ClipRef) -> None:
    """Jobs a second before a third node joins, and after it."""
    with _cluster(2) as made, _executor(folder, made) as executor:
        workers = executor.workers
        _wait(_submit(executor, clip, 0, 2 * workers))
        futures = _submit(executor, clip, 2 * workers, 16 * workers)
        ended: list[float] = []
        began = time.monotonic()
        joined = 0.0
        for future in as_completed(futures):
            future.result()
            ended.append(time.monotonic())
            if len(ended) == 4 * workers:
                _add_node(made)
                joined = time.monotonic()
    # Its processes need a while to start: the last half of the jobs tells.
    half = len(ended) // 2
    before = 4 * workers / (ended[4 * workers - 1] - began)
    after = (len(ended) - half) / (ended[-1] - ended[half - 1])
    print(
        f"cluster: a third node beside two: {before:.2f} -> {after:.2f} jobs a second"
        f" ({after / before:.2f} x, at best 1.5), {ended[-1] - joined:.0f} s after it joined",
        flush=True,
    )


def _restarting(folder: Path, clip: ClipRef) -> None:
    """A driver whose head dies, and the same driver on a new cluster."""
    spawn = multiprocessing.get_context("spawn")
    jobs = 24
    for attempt in ("first", "second"):
        told = spawn.SimpleQueue()
        with _cluster(2) as made:
            driver = spawn.Process(target=_drive, args=(made.address, folder, clip, jobs, told))
            driver.start()
            if attempt == "first":
                for _ in range(jobs // 3):
                    told.get()
                made.remove_node(made.head_node)
                dead = time.monotonic()
                driver.join(NOTICED_S)
                seconds = time.monotonic() - dead
                how = "still waits" if driver.is_alive() else f"ended ({driver.exitcode})"
                driver.kill()
            else:
                driver.join()
                outcomes = [told.get() for _ in range(jobs)]
    print(
        f"cluster: the head died after {jobs // 3} of {jobs} jobs: the driver {how} after"
        f" {seconds:.0f} s; on a new cluster {sum(outcomes)} encodes were made again and"
        f" {jobs - sum(outcomes)} were not; exit code {driver.exitcode}",
        flush=True,
    )


def _drive(address: str, folder: Path, clip: ClipRef, jobs: int, told: Any) -> None:
    """Run jobs, telling how many encodes each took."""
    executor = make_executor("ray", workers=0, cache_folder=folder / "cache", address=address)
    try:
        for future in as_completed(_submit(executor, clip, 0, jobs)):
            told.put(future.result().encodes)
    except RunError as error:
        raise SystemExit(str(error)) from error
    executor.close()


def _clip(folder: Path) -> ClipRef:
    pcm = np.random.default_rng(0).standard_normal((1, SAMPLE_RATE // 4)).astype(np.float32) / 10
    path = folder / "clip.npy"
    np.save(path, pcm)
    return ClipRef(sample_digest(pcm), str(path), 1, 0.25)


def _submit(executor: Executor, clip: ClipRef, first: int, count: int) -> list[Future[Outcome]]:
    """Jobs that no other call has, each asleep for `SLEEP_S`."""
    encoder = FakeEncoder(hang_on=(("joint", True),), hang_s=SLEEP_S)
    settings = default_settings(encoder)
    knobs = [16 + 0.01 * number for number in range(first, first + count)]
    return [executor.submit(Job(encoder, settings, knob, clip)) for knob in knobs]


def _wait(futures: Sequence[Future[Outcome]]) -> None:
    for future in futures:
        future.result()


@contextmanager
def _executor(folder: Path, made: Any) -> Iterator[Executor]:
    import ray

    executor = make_executor("ray", workers=0, cache_folder=folder / "cache", address=made.address)
    try:
        yield executor
    finally:
        executor.close()
        ray.shutdown()


@contextmanager
def _cluster(nodes: int) -> Iterator[Any]:
    """A cluster on this machine; its first node is the head."""
    from ray.cluster_utils import Cluster

    made = Cluster()
    try:
        for _ in range(nodes):
            _add_node(made)
        yield made
    finally:
        made.shutdown()


def _add_node(made: Any) -> None:
    options: dict[str, Any] = {
        "num_cpus": WORKERS_PER_NODE,
        "object_store_memory": STORE_BYTES,
    }
    if made.head_node is None:
        # Ray's own default starves workers where others use the cores.
        options |= {"include_dashboard": False, "_system_config": {"worker_niceness": 0}}
    made.add_node(**options)

"""What a look at a large cache costs: scan, eviction, memory.

    python -m bench.cache [--entries 100000] [--folder FOLDER]

Stores tiny encodes and a score for each in a temporary folder, then measures what a run with
a budget does now and then (`tuner.rundir.disk`): the size of all, and a trim that removes half
of the encodes. Prints seconds of wall time and of CPU, and the peak of the memory it took.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from tuner.encoder import Encoded
from tuner.jobs.cache import Cache
from tuner.scorer import Score


def fill(cache: Cache, entries: int) -> int:
    """So many encodes, each with a score; how many files that makes."""
    for index in range(entries):
        key = hashlib.sha256(str(index).encode()).hexdigest()
        cache.put_encode(key, Encoded(b"payload", ".toy", 56, 0.1))
        cache.put_score(key, Score(50.0, 1.0))
    return 2 * entries


def measure(what: str, act: Callable[[], int]) -> int:
    """Print what `act` costs; its result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = act()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what}: {wall:.2f} s, {cpu:.2f} s of CPU", flush=True)
    return result


def peak_mb(act: Callable[[], int]) -> float:
    """The most memory that Python held for `act`, beside what it held before, MB."""
    tracemalloc.start()
    act()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    """Fill, look, trim, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=100_000, help="encodes")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        cache, entries = Cache(Path(folder) / "cache"), arguments.entries
        measure(f"store {entries} encodes and scores", lambda: fill(cache, entries))
        os.sync()  # a file that was never on the disk is removed for nothing
        size = measure("size", cache.size)
        measure("trim that removes nothing", lambda: cache.trim(size, time.time()))
        print(f"memory of that: {peak_mb(lambda: cache.trim(size, time.time())):.0f} MB")
        # Encodes are half of the files, and of one size with the scores: a block.
        measure("trim of half the encodes", lambda: cache.trim(size * 3 // 4, time.time()))


if __name__ == "__main__":
    main()

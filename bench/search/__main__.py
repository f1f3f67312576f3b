"""What the search costs and finds, part by part.

    python -m bench.search --clips CLIPS --out RUNS --parts overhead,cheap,workers,prune-aac

Each part runs alone and goes on where it was killed; what is finished is printed at once.
`gains` runs whole studies with judges and holdout clips.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from pathlib import Path

from bench.search import parts, studies
from bench.search.cluster import cluster
from bench.search.gains import gains
from bench.search.gpu import gpu
from bench.search.races import races
from bench.search.rig import cores
from bench.search.validated import validation

PARTS: dict[str, Callable[[parts.Site], None]] = {
    "bookkeeping": lambda site: studies.bookkeeping(site.out),
    "memory": lambda site: studies.memory(site.out),
    "overhead": parts.overhead,
    "cheap": parts.cheap,
    "workers": parts.workers,
    "ray": parts.ray,
    "cluster": lambda site: cluster(site.out),
    "validation": validation,
    "gpu": gpu,
    **{f"prune-{name}": functools.partial(parts.prune, encoder=name) for name in parts.PRUNED},
    "races": races,
    **{f"tpe-{name}": functools.partial(parts.tpe, encoder=name) for name in parts.FINDABLE},
    "again": parts.again,
    "gains": lambda site: gains(site.clips, site.out / "gains", cores()),
}


def main() -> None:
    """Run the parts asked for, in their order."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", default=",".join(PARTS))
    arguments = parser.parse_args()
    names = arguments.parts.split(",")
    if unknown := sorted(set(names) - PARTS.keys()):
        parser.error(f"unknown parts {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    site = parts.Site(arguments.clips, arguments.out)
    for name in names:
        PARTS[name](site)


if __name__ == "__main__":
    main()

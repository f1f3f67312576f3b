"""What people said against what the metrics and their fusion say.

    python -m bench.people --data DATA --work WORK [--measure] [--fit]

`--measure` makes every condition on excerpts of the train side, measures it and writes
`tuner/quality/data/people.jsonl.xz`; it goes on where it was stopped. `--fit` fits
`tuner/quality/data/fusion.json` to that table. Without either, the shipped fusion is printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.people.measure import measure, write

TABLE = Path("tuner", "quality", "data", "people.jsonl.xz")


def main() -> None:
    """Measure, fit, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--fit", action="store_true")
    arguments = parser.parse_args()
    if arguments.measure:
        write(TABLE, measure(arguments.data, arguments.work))


if __name__ == "__main__":
    main()

"""What people said against what the metrics and their fusion say.

    python -m bench.people [--measure --data DATA --work WORK] [--fit]

`--measure` makes every condition on excerpts of the train side, measures it and writes
`tuner/training/data/people.jsonl.xz`; it goes on where it was stopped. `--fit` fits
`tuner/training/data/fusion.json` to that table. Without either, the shipped fusion is printed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench.people.figures import left_out, show
from bench.people.fit import fit, heard
from bench.people.measure import measure, read, write
from tuner.training import fusion

FOLDER = Path(fusion.__file__).parent / "data"
TABLE, FITTED = FOLDER / "people.jsonl.xz", FOLDER / "fusion.json"


def main() -> None:
    """Measure, fit, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="the shared data; for --measure")
    parser.add_argument("--work", type=Path, help="kept between runs; for --measure")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--fit", action="store_true")
    arguments = parser.parse_args()
    if arguments.measure:
        if not (arguments.data and arguments.work):
            parser.error("--measure needs --data and --work")
        write(TABLE, measure(arguments.data, arguments.work))
    conditions = heard(read(TABLE))
    if not arguments.fit:
        show(conditions, fusion.shipped())
        return
    fitted = fusion.to_json(fit(conditions))
    # What is printed is what the rounded numbers of the file say.
    figures = show(conditions, fusion.from_json(fitted))
    figures["mean_distance_left_out"] = left_out(conditions)
    record = {**fitted, "figures": figures}
    FITTED.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

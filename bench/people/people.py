"""The means of what people said, from the data folder."""

from __future__ import annotations

import csv
from pathlib import Path

FOLDER = Path("human", "odaq_condition_means")


def odaq_means(data: Path) -> dict[tuple[str, str], float]:
    """Family and level to MUSHRA points; the anchors under "LP", mean over the families."""
    with (data / FOLDER / "odaq_means_from_figure.csv").open() as table:
        rows = list(csv.DictReader(table))
    found = {
        (row["method"], f"Q{place}"): float(row[f"Q{place}"])
        for row in rows
        for place in range(1, 6)
    }
    for anchor in ("LP3.5", "LP7"):
        found["LP", anchor] = sum(float(row[anchor]) for row in rows) / len(rows)
    return found

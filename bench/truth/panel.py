"""What listeners say: the figures that `bench.ratings` left behind."""

from __future__ import annotations

import json
from pathlib import Path

from bench.truth.table import Row
from tuner.model.scorer import weights_digest

#: Pearson and Spearman with mean ratings; share of ratings in the predicted 90 % interval.
GOALS = (">= 0.80", ">= 0.80", "85 to 95 %")


def ratings(folder: Path, weights: str) -> list[Row]:
    """Rows of each variant of fine-tuning, or a line that says how to make them.

    Args:
        folder: work folder of `bench.ratings`.
        weights: of the model that is put to the test.
    """
    path = folder / "figures.json"
    if not path.is_file():
        print(
            f"ratings: no {path}; make it by: python -m bench.ratings --data RATINGS"
            f' --work {folder} --weights {weights} --variants "head, light replay"'
        )
        return []
    found = json.loads(path.read_text())
    if found["weights"] != weights_digest(weights):
        print(f"ratings: {path} began with other weights than {weights}: make it again")
    judges = [found["judges"][name] for name in ("ViSQOL v3", "Zimtohrli")]
    rows = []
    for name, figures in found["variants"].items():
        what = f"listening test, {name} ({found['weights'][:8]})"
        for key, goal in zip(("pearson", "spearman"), GOALS[:2], strict=True):
            told = tuple(f"{each[key]:.3f}" for each in (figures, *judges))
            rows.append(Row(f"{what}: {key.capitalize()}", goal, told))
        covered = (f"{figures['coverage']:.1%}", "–", "–")
        rows.append(Row(f"{what}: 90 % interval holds ratings", GOALS[2], covered))
    return rows

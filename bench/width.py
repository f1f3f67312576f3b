"""What the networks forget to take for a lost side, on the train side alone.

    python -m bench.width --clips CLIPS --table TABLE --work WORK

WORK is that of `tuner train`. Prints predictions beside opinions by how much width is lost, and
the least-squares share that `tuner.quality.scorer.WIDTH_UNDERRATED` corrects.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import torch

from tuner.cli.dataset import usable_encoders
from tuner.quality.insenet import stack
from tuner.quality.labels import read_table
from tuner.quality.material import Material, plan
from tuner.quality.opinions import opinions_of
from tuner.quality.scorer import SHIPPED_WEIGHTS, load_members
from tuner.quality.shards import FeatureSet, make_loader, write_shards
from tuner.quality.teachers import lost_width
from tuner.quality.train import split

EDGES = (0.0, 0.02, 0.1, 0.2, 0.35, 0.6, 1.0)
#: All that was kept from training, and one in so many of what was taught.
TAUGHT_EVERY = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    header, rows = read_table(arguments.table)
    rows = [row for row in rows if row.labels]
    sources = plan(header["recordings"], rows[-1].index + 1, header["seed"])
    taught, kept = split(sources, header["recordings"], [row.index for row in rows])
    chosen = {*kept, *taught[::TAUGHT_EVERY]}
    rows = [row for row in rows if row.index in chosen]
    material = Material(sources, arguments.clips)
    features = arguments.work / "features"
    shards = write_shards(material, rows, usable_encoders(None), features, 1, lambda *_: None)
    members = load_members(str(SHIPPED_WEIGHTS))
    found = []
    with torch.inference_mode():
        for row, batch in zip(rows, make_loader(FeatureSet(shards, chosen), 1, 0), strict=True):
            pair = stack(batch.reference[batch.of].float(), batch.coded.float())
            predicted = torch.stack([member.hear(*pair)[0] for member in members]).mean(dim=0)
            for label, mean, given in zip(
                row.labels, predicted.tolist(), opinions_of(row.labels), strict=True
            ):
                found.append((lost_width(label.side_db), mean, sum(given) / 2))
    lost, mean, opinion = np.array(found).T
    for low, high in itertools.pairwise(EDGES):
        part = (lost >= low) & (lost < high)
        if part.any():
            print(
                f"lost width {low:.2f} to {high:.2f}: {part.sum()} pairs, predicted"
                f" {mean[part].mean():.1f}, opinion {opinion[part].mean():.1f}"
            )
    share = np.sum(mean * lost * (mean - opinion)) / np.sum((mean * lost) ** 2)
    print(f"least squares: {share:.3f} of the points are left where all width is lost")


if __name__ == "__main__":
    main()

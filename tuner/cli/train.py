"""`tuner train`: label pairs, pre-compute features, train InSE-NET, write weights and card."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.progress import progress_bar
from tuner.errors import ClipError, StudyError
from tuner.plugins import load_encoder


def train(
    clips: Annotated[
        Path, typer.Option(help="Folder with a manifest.csv; only its `train` side is used.")
    ],
    work: Annotated[Path, typer.Option(help="Work folder: labels, features, checkpoint.")],
    out: Annotated[Path, typer.Option(help="Where to write the weights.")] = Path(
        "insenet.safetensors"
    ),
    encoders: Annotated[str, typer.Option(help="Encoders that degrade, by name.")] = (
        "aac,lame,opus"
    ),
    excerpts: Annotated[int, typer.Option(help="How many excerpts to label; 0 = all.")] = 0,
    epochs: Annotated[int, typer.Option(help="Passes over the pairs.")] = 20,
    workers: Annotated[int, typer.Option(help="Labelling processes.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of data set and training.")] = 0,
) -> None:
    """Train the quality model; run it again after a kill and it goes on where it stopped.

    An excerpt (4 s, about 30 pairs) takes half a minute of one core to label.
    """
    from tuner.quality import dataset
    from tuner.quality import train as training

    sources = dataset.plan_sources(train_side(clips), seed)[: excerpts or None]
    adapters = [load_encoder(name) for name in encoders.split(",")]
    with progress_bar("labelling excerpts") as update:
        dataset.label_all(
            sources,
            adapters,
            seed,
            work,
            workers,
            lambda done, pairs: update(done, len(sources), f"{pairs} pairs"),
        )
    with progress_bar("features") as update:
        training.compute_features(work, lambda done, total: update(done, total, ""))
    if len(training.load_excerpts(work)) < training.VALIDATION_EVERY:
        raise StudyError(f"{work}: too few labelled excerpts to train and to validate on")
    hyper = training.Hyper(epochs=epochs, seed=seed)
    with progress_bar("epochs") as update:

        def report(epoch: int, loss: float, figures: training.Validation) -> None:
            note = f"loss {loss:.3f}, error {figures.error:.2f}, order {figures.order:.3f}"
            update(epoch, epochs, note)

        model, history = training.train(work, hyper, report)
    write_model(out, model, training.card(work, hyper, history, adapters))


def train_side(folder: Path) -> list[Path]:
    """The files that `manifest.csv` puts on the `train` side; no others may teach the model."""
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise ClipError(f"{manifest}: not there; it must name the files of the train side")
    with manifest.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row.get("side") == "train"]
    if not rows:
        raise ClipError(f"{manifest}: no row has the side `train`")
    return [folder / row["file"] for row in rows]


def write_model(out: Path, model: object, card: dict[str, object]) -> None:
    """Write the weights and, beside them, the facts of their training as JSON."""
    from safetensors.torch import save_model
    from torch import nn

    assert isinstance(model, nn.Module)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_model(model, str(out))
    out.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
    print(out)

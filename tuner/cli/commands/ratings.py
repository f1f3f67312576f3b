"""`tuner ratings`: fine-tune the quality model on a listening test's individual ratings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.display.progress import progress_bar
from tuner.model.scorer import SHIPPED_WEIGHTS


def ratings(
    file: Annotated[Path, typer.Argument(help="CSV: signal,condition,listener,rating,file.")],
    weights: Annotated[
        Path, typer.Option(help="Weights to start from.", show_default="the shipped ones")
    ] = SHIPPED_WEIGHTS,
    out: Annotated[Path, typer.Option(help="Where to write the weights.")] = Path(
        "insenet.safetensors"
    ),
    count: Annotated[
        int, typer.Option("--folds", help="Folds of cross-validation over speakers (0 = none).")
    ] = 5,
    epochs: Annotated[int, typer.Option(help="Passes over the ratings.", min=1)] = 80,
    members: Annotated[int, typer.Option(help="Networks trained from each one.", min=1)] = 1,
    sounds: Annotated[
        int, typer.Option(help="Coded synthetic sounds replayed to prevent forgetting.", min=0)
    ] = 14,
    seed: Annotated[int, typer.Option(help="Training seed.")] = 0,
) -> None:
    """Fine-tune the model on listeners' ratings; print how well it predicts held-out speakers."""
    from tuner.model.scorer import load_members, weights_facts
    from tuner.model.weights_file import write_model
    from tuner.training import finetune as tuning
    from tuner.training.agreement import Prediction, agreement, predict
    from tuner.training.ratings import folds, panel_features, read_ratings

    panels = read_ratings(file)
    held_out = folds(panels, count) if count else []
    hyper = tuning.Hyper(epochs=epochs, members=members, seed=seed)
    taught = []
    with progress_bar("features") as update:
        for panel in panels:
            taught.append(tuning.Taught(panel_features(panel), panel.ratings))
            update(len(taught), len(panels), panel.signal)
    replayed = tuning.replayed_sounds(sounds)
    networks = [
        tuning.Tuning(network, taught, replayed, hyper) for network in load_members(str(weights))
    ]
    facts: dict[str, object] = {"ratings": file.name, "hyperparameters": vars(hyper)}
    card = weights.with_suffix(".json")
    if card.is_file():
        facts["before"] = json.loads(card.read_text(encoding="utf-8"))
    everything = range(len(taught))
    predictions: dict[int, Prediction] = {}
    with progress_bar("folds") as update:
        for done, held in enumerate(held_out, start=1):
            fitted = tuning.fit_ensemble(networks, [n for n in everything if n not in held])
            for place in held:
                predictions[place] = predict(fitted, taught[place].features[0])
            update(done, len(held_out), "")
    if predictions:
        figures = agreement(
            [predictions[n] for n in everything], [panel.ratings for panel in panels]
        )
        facts["speakers held out"] = vars(figures)
        print(
            f"speakers held out: Pearson {figures.pearson:.3f}, Spearman {figures.spearman:.3f},"
            f" 90 % interval covers {figures.coverage:.1%} of the ratings,"
            f" error {figures.error:.1f} points"
        )
    about = weights_facts(str(weights))
    write_model(out, tuning.fit_ensemble(networks, everything), facts, about)
    print(out)

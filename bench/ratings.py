"""Listening tests and the model: cross-validated agreement, speakers held out.

    python -m bench.ratings --data FOLDER --work WORK [--variants "head; late"] [--weights FILE]

FOLDER holds a ``ratings.csv`` (see `tuner.training.ratings`). Each variant of fine-tuning is
cross-validated with speakers held out; the table shows it beside the network that it began as,
ViSQOL v3 and Zimtohrli on the same aligned signals. What is done lies in WORK, fold by fold,
and is not done again; the table goes to ``figures.json`` there, which `bench.truth` reads.
Last, each is taught everything: how far that moves the scores of 60 coded synthetic sounds, and
what it says of a 3.5 kHz low-pass beside the rated anchor. The variants were chosen between by
this table: the best one's figures are a little flattered.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import functools
import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_model
from scipy.stats import pearsonr, spearmanr
from torch import nn

from tuner.encoder import default_settings
from tuner.metrics.scales import VisqolScorer, ZimtohrliScorer
from tuner.model.insenet import InseNet
from tuner.model.scorer import SHIPPED_WEIGHTS, load_members, weights_digest
from tuner.plugins import load_encoder
from tuner.sound.audio import lowpass, resample
from tuner.sound.synth import SOUNDS, synthesize
from tuner.training.agreement import Prediction, agreement, predict
from tuner.training.finetune import (
    Hyper,
    Taught,
    Tuning,
    features_of,
    fit_ensemble,
    replayed_sounds,
)
from tuner.training.ratings import (
    Panel,
    align_loosely,
    folds,
    panel_features,
    read_ratings,
    read_signals,
)

_HEAD = Hyper(first_block=5, epochs=80, learning_rate=1e-3, replay=1.0)
_LATE = dataclasses.replace(_HEAD, first_block=3, epochs=60)
VARIANTS = {
    "head": _HEAD,
    "head, light replay": Hyper(),
    "head, no replay": dataclasses.replace(_HEAD, replay=0.0),
    "late": _LATE,
    "late, light replay": dataclasses.replace(_LATE, replay=0.1),
    "late, no replay": dataclasses.replace(_LATE, replay=0.0),
    "head of 3 seeds": dataclasses.replace(_HEAD, replay=0.1, members=3),
    "head, ranked": dataclasses.replace(_HEAD, replay=0.1, ranking=0.3),
}
#: Encoder and kb/s of the coded synthetic sounds, 12 of each.
CODED = (("aac", 64.0), ("lame", 64.0), ("lame", 128.0), ("opus", 32.0), ("opus", 96.0))
SOUNDS_EACH, SOUND_SEED = 12, 700_000


def keep(path: Path, make: object) -> list[list[float]]:
    """Rows of numbers from a file, or made and written to it."""
    if not path.exists():
        assert callable(make)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(make()))
        partial.replace(path)
    rows: list[list[float]] = json.loads(path.read_text())
    return rows


def cross_validate(
    name: str,
    hyper: Hyper,
    members: list[InseNet],
    taught: list[Taught],
    panels: list[Panel],
    work: Path,
    digest: str,
    count: int,
) -> list[Prediction]:
    """Predictions of every panel by networks that never heard its speaker."""
    found: dict[int, Prediction] = {}
    tunings: list[Tuning] = []
    for number, held in enumerate(folds(panels, count)):

        def fold(held: list[int] = held) -> list[list[list[float]]]:
            if not tunings:
                replayed = replayed_sounds() if hyper.replay else []
                tunings.extend(Tuning(m, taught, replayed, hyper) for m in members)
            fitted = fit_ensemble(tunings, [n for n in range(len(panels)) if n not in held])
            made = [predict(fitted, taught[n].features[0]) for n in held]
            return [[p.mean.tolist(), p.scale.tolist()] for p in made]

        key = "-".join(str(v) for v in dataclasses.astuple(hyper))
        rows = keep(work / f"{digest[:12]}-{key}-fold{number}of{count}.json", fold)
        for place, (mean, scale) in zip(held, rows, strict=True):
            found[place] = Prediction(np.array(mean), np.array(scale))
        print(f"  {name}: fold {number + 1} done", flush=True)
    return [found[n] for n in range(len(panels))]


def judge_scores(panels: list[Panel], work: Path) -> dict[str, np.ndarray]:
    """ViSQOL's and Zimtohrli's scores of every coded version."""

    def score() -> list[list[float]]:
        rows = []
        for panel in panels:
            reference, *coded = read_signals(panel)
            for signal in coded:
                judges = (VisqolScorer(), ZimtohrliScorer())
                rows.append([judge.score(reference, signal).mean for judge in judges])
        return rows

    scores = np.array(keep(work / "judges.json", score))
    return {"ViSQOL v3": scores[:, 0], "Zimtohrli": scores[:, 1]}


@functools.cache
def coded_sounds() -> list[Taught]:
    """60 synthetic sounds of seeds that nothing else uses, coded."""
    made = []
    for number, sound in enumerate(itertools.islice(itertools.cycle(SOUNDS), SOUNDS_EACH)):
        reference = synthesize(sound, SOUND_SEED + number, 3.0)
        signals = [reference]
        for name, kbps in CODED:
            encoder = load_encoder(name)
            encoded = encoder.encode(reference, 48_000, default_settings(encoder), kbps)
            pcm, rate = encoder.decode(encoded)
            signals.append(align_loosely(reference, resample(pcm, rate)))
        made.append(Taught((features_of(np.stack(signals)),)))
    return made


def print_anchor(data: Path, panels: list[Panel], models: Sequence[nn.Module], what: str) -> None:
    """Mean prediction of a 3.5 kHz low-pass beside the mean rating of the anchor."""
    with (data / "ratings.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    rated = {
        c: np.mean([float(r["rating"]) for r in rows if r["condition"] == c])
        for c in ("Reference", "Anchor")
    }
    means = []
    for panel in panels:
        reference = read_signals(dataclasses.replace(panel, coded=(), ratings=()))[0]
        pair = np.stack([reference, lowpass(reference, 3500.0), reference])
        means.append(predict(models, features_of(pair)).mean)
    low, itself = np.mean(means, axis=0)
    print(
        f"{what}: hidden reference {itself:.1f} (rated {rated['Reference']:.1f}),"
        f" 3.5 kHz low-pass {low:.1f} (anchor rated {rated['Anchor']:.1f})"
    )


def print_movement(before: Sequence[nn.Module], after: Sequence[nn.Module], what: str) -> None:
    """How far the scores of coded synthetic sounds move."""
    sounds = coded_sounds()
    means = [
        np.concatenate([predict(models, each.features[0]).mean for each in sounds])
        for models in (before, after)
    ]
    change = np.abs(means[1] - means[0])
    print(
        f"{what}: {len(change)} coded synthetic sounds moved by {change.mean():.2f} points on"
        f" average, {change.max():.2f} at most; Pearson {pearsonr(*means).statistic:.3f}"
    )


def main() -> None:
    """Parse the arguments, cross-validate, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--weights", default=str(SHIPPED_WEIGHTS), help="to start from")
    parser.add_argument("--variants", default="; ".join(VARIANTS))
    parser.add_argument("--folds", type=int, default=99, help="most; 99: one speaker in each")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    panels = read_ratings(arguments.data / "ratings.csv")
    ratings = [panel.ratings for panel in panels]
    expected = np.array([np.mean(given) for versions in ratings for given in versions])
    members = load_members(arguments.weights)
    digest = weights_digest(arguments.weights)
    taught = [Taught(panel_features(panel), panel.ratings) for panel in panels]
    results = {"before": [predict(members, each.features[0]) for each in taught]}
    for name in filter(None, arguments.variants.split("; ")):
        results[name] = cross_validate(
            name, VARIANTS[name], members, taught, panels, work, digest, arguments.folds
        )
    judges = {
        name: {
            "pearson": pearsonr(scores, expected).statistic,
            "spearman": spearmanr(scores, expected).statistic,
        }
        for name, scores in judge_scores(panels, work).items()
    }
    for name, values in judges.items():
        print(f"{name:10s} Pearson {values['pearson']:.3f}, Spearman {values['spearman']:.3f}")
    variants = {name: agreement(found, ratings) for name, found in results.items()}
    for name, figures in variants.items():
        print(f"{name:10s}", figures)
    kept = {"weights": digest, "folds": arguments.folds, "judges": judges}
    kept["variants"] = {name: vars(figures) for name, figures in variants.items()}
    (work / "figures.json").write_text(json.dumps(kept, indent=1))
    print_anchor(arguments.data, panels, members, "before")
    for name in results.keys() & VARIANTS.keys():
        hyper = VARIANTS[name]
        replayed = replayed_sounds() if hyper.replay else []
        tunings = [Tuning(m, taught, replayed, hyper) for m in members]
        fitted = fit_ensemble(tunings, range(len(panels)))
        network = fitted[0] if len(fitted) == 1 else nn.ModuleList(fitted)
        save_model(network, str(work / f"{name.replace(', ', '-')}.safetensors"))
        print_movement(members, fitted, name)
        print_anchor(arguments.data, panels, fitted, name)


if __name__ == "__main__":
    main()

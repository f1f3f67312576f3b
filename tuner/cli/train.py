"""`tuner train`: features of the labelled pairs, InSE-NET's training, weights and card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.cli.dataset import train_side, usable_encoders
from tuner.cli.progress import progress_bar
from tuner.errors import StudyError

if TYPE_CHECKING:
    from torch import nn

    from tuner.quality.labels import Labelled


def train(
    clips: Annotated[
        Path, typer.Option(help="Folder with a manifest.csv; only its `train` side is used.")
    ],
    table: Annotated[Path, typer.Option(help="Table of labels, from `tuner dataset`.")],
    work: Annotated[Path, typer.Option(help="Work folder: features and checkpoints.")],
    out: Annotated[Path, typer.Option(help="Where to write the weights.")] = Path(
        "insenet.safetensors"
    ),
    epochs: Annotated[int, typer.Option(help="Passes of the stereo network.", min=1)] = 10,
    mono_epochs: Annotated[
        int, typer.Option(help="Passes of the mono network before; 0 leaves it out.", min=0)
    ] = 2,
    members: Annotated[int, typer.Option(help="Networks in the ensemble.", min=1)] = 3,
    mixed: Annotated[
        bool | None,
        typer.Option(
            help="Compute in bfloat16 what may be; on a GPU it is on if not told. A CPU needs"
            " AVX512-BF16 or AMX for it to be faster.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that make features.", min=1)] = 2,
    limit_references: Annotated[
        int, typer.Option(help="Use only the first so many references; 0 = all.", min=0)
    ] = 0,
    without: Annotated[
        str, typer.Option(help="Encoders, by name, whose references teach nothing: to judge by.")
    ] = "",
    ratings: Annotated[
        Path | None,
        typer.Option(help="A listening test that teaches it then, as `tuner ratings` does."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the first member.")] = 0,
) -> None:
    """Train the quality model; run it again after a kill and it goes on where it stopped.

    Several processes or GPUs: torchrun --nproc-per-node N -m tuner train …
    """
    from tuner.cli.ratings import ratings as listeners_teach
    from tuner.quality import processes
    from tuner.quality import train as training
    from tuner.quality.labels import read_table
    from tuner.quality.learner import Hyper
    from tuner.quality.material import Material, plan
    from tuner.quality.shards import FeatureSet, left_out, make_loader, write_shards

    device = processes.join_group()
    header, rows = read_table(table)
    left = set(filter(None, without.split(",")))
    if unknown := left - set(header["builds"]):
        raise StudyError(
            f"--without {','.join(sorted(unknown))}: {table} has no such encoder, only"
            f" {', '.join(sorted(header['builds']))}"
        )
    rows = [row for row in rows if row.labels][: limit_references or None]
    recordings = sorted(path.name for path in train_side(clips))
    if header["recordings"] != recordings:
        raise StudyError(f"{table}: was not made of the train side of {clips}")
    material = Material(
        plan(recordings, max((row.index for row in rows), default=-1) + 1, header["seed"]), clips
    )
    with processes.first_process_first(), progress_bar("features") as update:
        shards = write_shards(
            material,
            rows,
            usable_encoders(None),
            work / "features",
            workers,
            lambda done, total: update(done, total, "references"),
        )
    known = [row.index for row in rows if not left & encoders_of(row)]
    indices = training.split(material.sources, recordings, known)
    taught, kept = (FeatureSet(shards, frozenset(part)) for part in indices)
    if not (len(taught) and len(kept)):
        raise StudyError(f"{table}: too few references to train and to validate on")
    on = mixed if mixed is not None else device != "cpu"
    hyper = Hyper(mono_epochs=mono_epochs, epochs=epochs, mixed=on, seed=seed)
    with progress_bar("batches") as update:

        def report(step: training.Step) -> None:
            if not processes.is_first():
                return
            note = f"{step.network}, epoch {step.epoch}, loss {step.loss:.3f}"
            if step.validation:
                note += f", error {step.validation.error:.2f}, order {step.validation.order:.3f}"
            update(step.done, step.total, note)

        course = training.Course(taught, kept, work, hyper, members, 0, report, device)
        trained = course.train()
    if processes.is_first():
        models = [member.model for member in trained]
        figures = training.validate(models, make_loader(kept, hyper.references_per_batch, 0))
        parts = {"taught": taught, "kept": kept}
        facts = training.card(header, parts, left_out(shards), trained, figures)
        write_model(out, [model.cpu() for model in models], facts)
        if ratings:
            listeners_teach(ratings, weights=out, out=out, seed=seed)


def encoders_of(row: Labelled) -> set[str]:
    """Names of the encoders that coded a reference."""
    steps = (step for label in row.labels for step in label.recipe.steps)
    return {step["encoder"] for step in steps if step["kind"] == "codec"}


def write_model(out: Path, members: Sequence[nn.Module], card: dict[str, object]) -> None:
    """Write the weights and, beside them, the facts of their training as JSON.

    The names of several members' weights begin with the member's number; those of one do not.
    """
    from safetensors.torch import save_model
    from torch import nn

    out.parent.mkdir(parents=True, exist_ok=True)
    save_model(members[0] if len(members) == 1 else nn.ModuleList(members), str(out))
    out.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
    print(out)

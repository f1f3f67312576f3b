"""`tuner train`: features of the labelled pairs, InSE-NET's training, weights and card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuner.cli.commands.dataset import train_side, usable_encoders
from tuner.cli.display.progress import progress_bar
from tuner.errors import StudyError
from tuner.model.scorer import WeightsFacts

if TYPE_CHECKING:
    from tuner.training.labels import Labelled
    from tuner.training.material import Material

#: Metrics whose opinions teach.
TEACHERS = ("visqol", "zimtohrli", "peaq", "2f")
#: References whose traits tell what kind of sounds taught.
TRAITS_OF = 120


def train(
    clips: Annotated[
        Path,
        typer.Option(help="Folder with a manifest.csv; only files with side `train` are used."),
    ],
    table: Annotated[
        list[Path], typer.Option(help="Label table from `tuner dataset`; repeat to combine tables.")
    ],
    work: Annotated[Path, typer.Option(help="Work folder for features and checkpoints.")],
    out: Annotated[Path, typer.Option(help="Where to write the weights.")] = Path(
        "insenet.safetensors"
    ),
    epochs: Annotated[int, typer.Option(help="Epochs of the stereo network.", min=1)] = 10,
    mono_epochs: Annotated[
        int, typer.Option(help="Epochs of the mono network, trained first (0 = skip it).", min=0)
    ] = 2,
    members: Annotated[int, typer.Option(help="Networks in the ensemble.", min=1)] = 3,
    mixed: Annotated[
        bool | None,
        typer.Option(
            help="Use bfloat16 where possible (default: on GPUs only). On a CPU it is faster only"
            " with AVX512-BF16 or AMX.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that compute features.", min=1)] = 2,
    limit_references: Annotated[
        int, typer.Option(help="Use only the first N references (0 = all).", min=0)
    ] = 0,
    without: Annotated[str, typer.Option(help="Encoders held out for evaluation, by name.")] = "",
    ratings: Annotated[
        Path | None,
        typer.Option(help="Ratings to fine-tune on afterwards, as `tuner ratings` does."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the first member.")] = 0,
) -> None:
    """Train the quality model; run the same command again to resume.

    For several processes or GPUs: torchrun --nproc-per-node N -m tuner train …
    """
    from tuner.cli.commands.ratings import ratings as listeners_teach
    from tuner.model.weights_file import write_model
    from tuner.training import processes
    from tuner.training import train as training
    from tuner.training.learner import Hyper
    from tuner.training.shards import FeatureSet, left_out, make_loader, write_shards

    device = processes.join_group()
    left = set(filter(None, without.split(",")))
    lessons = [_read(path, clips, left, limit_references) for path in table]
    with processes.first_process_first(), progress_bar("features") as update:
        for each in lessons:
            each.shards[:] = write_shards(
                each.material,
                each.rows,
                usable_encoders(None),
                work / "features",
                workers,
                lambda done, total: update(done, total, "references"),
            )
    parts: list[list[FeatureSet]] = [[], []]
    for each in lessons:
        known = [row.index for row in each.rows if not left & encoders_of(row)]
        split = training.split(each.material.sources, each.header["recordings"], known)
        for part, indices in zip(parts, split, strict=True):
            part.append(FeatureSet(each.shards, frozenset(indices)))
    taught, kept = (FeatureSet.joined(part) for part in parts)
    if not (len(taught) and len(kept)):
        raise StudyError("too few references for training and validation", where=table[0])
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
        missed = left_out([path for each in lessons for path in each.shards])
        headers = [each.header for each in lessons]
        facts = training.card(headers, {"taught": taught, "kept": kept}, missed, trained, figures)
        models = [model.cpu() for model in models]
        underrated = training.width_underrated(models, (kept, taught))
        about = WeightsFacts(underrated, TEACHERS, _taught_ranges(lessons))
        write_model(out, models, facts, about)
        print(out)
        if ratings:
            listeners_teach(ratings, weights=out, out=out, seed=seed)


@dataclass
class _Lessons:
    """One table of labels, its references and its shards."""

    header: dict[str, Any]
    rows: list[Labelled]
    material: Material
    shards: list[Path]


def _read(path: Path, clips: Path, left: set[str], limit: int) -> _Lessons:
    from tuner.training.labels import read_table
    from tuner.training.material import PLANS, Material

    header, rows = read_table(path)
    if unknown := left - set(header["builds"]):
        raise StudyError(
            f"{path} has no such encoder, only {', '.join(sorted(header['builds']))}",
            where=f"--without {','.join(sorted(unknown))}",
        )
    teaches = {path.name for path in train_side(clips)}
    for name in header["recordings"]:
        # What lies in another folder was given to `tuner dataset` as a folder that may teach.
        if not (clips / name).is_file() or (Path(name).name == name and name not in teaches):
            raise StudyError(f"not made from the training files of {clips}: {name}", where=path)
    rows = [row for row in rows if row.labels and all(label.peaq for label in row.labels)]
    if not rows:
        raise StudyError("no label has PEAQ values", where=path, remedy="run `tuner dataset` on it")
    rows = rows[: limit or None]
    count = max(row.index for row in rows) + 1
    sources = PLANS[header.get("plan", "wide")](header["recordings"], count, header["seed"])
    return _Lessons(header, rows, Material(sources, clips), [])


def _taught_ranges(lessons: Sequence[_Lessons]) -> dict[str, tuple[float, float]]:
    """Ranges of the traits of the references of all tables."""
    from tuner.answer.traits import measure_traits, trait_ranges

    traits = []
    for each in lessons:
        step = max(len(lessons) * len(each.rows) // TRAITS_OF, 1)
        traits += [measure_traits(each.material.read(row.index)) for row in each.rows[::step]]
    return trait_ranges(traits)


def encoders_of(row: Labelled) -> set[str]:
    """Names of the encoders that coded a reference."""
    steps = (step for label in row.labels for step in label.recipe.steps)
    return {step["encoder"] for step in steps if step["kind"] == "codec"}

"""`tuner dataset`: make references, code them, have the teachers label them, keep the table."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.cli.display.progress import progress_bar
from tuner.errors import ClipError, EncoderMissing, StudyError
from tuner.extras import need_extra
from tuner.plugins import encoder_names, load_encoder

if TYPE_CHECKING:
    from tuner.encoder import Encoder
    from tuner.training.labels import Labelled


def dataset(
    clips: Annotated[
        Path,
        typer.Option(help="Folder with a manifest.csv; only files with side `train` are used."),
    ],
    work: Annotated[Path, typer.Option(help="Work folder for finished references.")],
    table: Annotated[Path, typer.Option(help="Label table (.jsonl.xz), read and updated.")],
    references: Annotated[int, typer.Option(help="Number of references.")] = 5200,
    plan: Annotated[
        str,
        typer.Option(help="wide: all kinds of sound; dense: full mixes, like mastered music."),
    ] = "wide",
    also: Annotated[
        Path | None, typer.Option(help="Another folder; all its FLAC files are used.")
    ] = None,
    encoders: Annotated[
        str | None,
        typer.Option(
            help="Encoders that degrade the references; one named twice is drawn twice as often"
            " (default: all usable)."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed for references and recipes.")] = 0,
    features: Annotated[
        Path | None,
        typer.Option(
            help="Also store training features: `features` in the work folder of `tuner train`."
        ),
    ] = None,
    pack: Annotated[
        bool, typer.Option(help="Only write finished references to the table.")
    ] = False,
) -> None:
    """Label the coded signals that the quality model learns from.

    Run the same command again to resume. Labels in the table are kept; an older table without
    PEAQ values gets only those. One label takes about 0.7 s on one core.
    """
    from tuner.training import labelling
    from tuner.training.labels import read_table, without_unheard, write_table
    from tuner.training.material import PLANS, Material
    from tuner.training.recipes import TASTES

    if plan not in PLANS:
        raise StudyError(f"must be one of {', '.join(PLANS)}", where=f"--plan {plan}")
    names = teaching(clips, also)
    header: dict[str, object] = {"plan": plan, "seed": seed, "recordings": names}
    kept: list[Labelled] = []
    if table.is_file():
        old, kept = read_table(table)
        old.setdefault("plan", "wide")
        if differing := [key for key in header if old.get(key) != header[key]]:
            raise StudyError(
                f"made with different {' and '.join(differing)}",
                where=table,
                remedy="choose another table, or use the same options",
            )
    adapters = usable_encoders(encoders)
    header["builds"] = {n: [e.version.text, e.version.digest] for n, e in adapters.items()}
    if not pack:
        need_extra("train", "`tuner dataset`")
        material = Material(PLANS[plan](names, references, seed), clips)
        taste = replace(TASTES[plan], names=tuple(filter(None, (encoders or "").split(","))))
        incomplete = {row.index: row for row in kept if any(not label.peaq for label in row.labels)}
        known = frozenset(row.index for row in kept) - incomplete.keys()
        with progress_bar("labelling references") as update:
            labelling.label_all(
                material,
                adapters,
                seed,
                work,
                workers,
                lambda done, labels: update(done, references, f"{labels} labels"),
                known,
                features,
                taste,
                incomplete,
            )
    rows = {row.index: row for row in kept}
    rows |= {row.index: row for row in labelling.read_finished(work)}
    rows = {index: without_unheard(row) for index, row in rows.items()}
    write_table(table, header, rows.values())
    labels = sum(len(row.labels) for row in rows.values())
    print(json.dumps({"table": str(table), "references": len(rows), "labels": labels}))


def teaching(clips: Path, also: Path | None) -> list[str]:
    """Names of the recordings that may teach, relative to `clips`, sorted."""
    files = train_side(clips) + (sorted(also.glob("*.flac")) if also else [])
    return sorted(os.path.relpath(path, clips) for path in files)


def usable_encoders(names: str | None) -> dict[str, Encoder]:
    """Adapters by name; those asked for, or all that teach and whose program is there.

    Raises:
        EncoderMissing: one that was asked for cannot be used, or there is none.
    """
    found = {}
    for name in dict.fromkeys(names.split(",")) if names else encoder_names():
        try:
            encoder = load_encoder(name)
            _ = encoder.version
            if names or encoder.teaches:
                found[name] = encoder
        except EncoderMissing:
            if names:
                raise
    if not found:
        raise EncoderMissing("no encoder is usable", remedy="see `tuner doctor`")
    return found


def train_side(folder: Path) -> list[Path]:
    """The files that `manifest.csv` puts on the `train` side; no others may teach the model."""
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise ClipError("not found; it must list the files with side `train`", where=manifest)
    with manifest.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row.get("side") == "train"]
    if not rows:
        raise ClipError("no row has side `train`", where=manifest)
    return [folder / row["file"] for row in rows]

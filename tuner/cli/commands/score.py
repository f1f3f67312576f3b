"""`tuner score`: the quality of coded files against their references."""

from __future__ import annotations

import csv
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from tuner.cli.commands.metrics import choose_metrics, parse_names
from tuner.cli.display.progress import progress_bar
from tuner.errors import ClipError, StudyError, TunerError
from tuner.layout import name_layout
from tuner.metric import Metric
from tuner.records import MODEL
from tuner.scorer import Score
from tuner.sound import audio
from tuner.sound.alignment import Alignment
from tuner.sound.folders import read_folder
from tuner.sound.pairs import align_signals, check_signal
from tuner.sound.surround import score_signal

log = logging.getLogger(__name__)

#: How a coded file was found to lie against its reference.
ALIGNED = ("delay", "correlation", "polarity")


def score(
    reference: Annotated[Path, typer.Argument(help="Reference file, or a folder of them.")],
    coded: Annotated[Path, typer.Argument(help="Coded file, or a folder with the same names.")],
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, or auto.")] = "auto",
    weights: Annotated[
        Path | None, typer.Option(help="Quality-model weights, as written by `tuner ratings`.")
    ] = None,
    judges: Annotated[bool, typer.Option(help="Also score with a run's judges.")] = False,
    metrics: Annotated[
        str | None, typer.Option(help="Metrics to score with instead: names or TOML files.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Print the quality, 0 to 100, of coded files relative to their references.

    Coded files may be in any format; in folders they are paired with references by name without
    suffix. A delay of up to two seconds either way is measured and removed before scoring. It is
    shown in samples at 48 kHz, with the correlation of the aligned signals and the polarity. If a
    file cannot be scored, the others still are, and the exit status is 1.
    """
    if as_json and as_csv:
        raise StudyError("give --json or --csv, not both")
    pairs = find_pairs(reference, coded)
    scorers = make_scorers(device, judges, weights, metrics)
    rows: list[dict[str, object]] = []
    with progress_bar("scoring") as update:
        for done, (reference_file, coded_file) in enumerate(pairs, start=1):
            rows.append(_score_pair(reference_file, coded_file, scorers))
            update(done, len(pairs), "")
    names = [s.name for s in scorers]
    if as_json:
        versions = {s.name: s.version for s in scorers}
        print(json.dumps({"versions": versions, "scores": rows}, indent=1))
    elif as_csv:
        columns = ["reference", "coded", *names, "spread", *ALIGNED, "pair", "note", "error"]
        writer = csv.DictWriter(sys.stdout, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    else:
        _print_table(rows, names)
    if any("error" in row for row in rows):
        raise typer.Exit(1)


def find_pairs(reference: Path, coded: Path) -> list[tuple[Path, Path]]:
    """(reference, coded) files; in folders by relative name without suffix.

    Raises:
        ClipError: missing file or folder, file against folder, or a coded file without
            exactly one reference.
    """
    for path in (reference, coded):
        if not path.exists():
            raise ClipError("no such file or folder", where=path)
    if reference.is_file() and coded.is_file():
        return [(reference, coded)]
    if reference.is_file() or coded.is_file():
        raise ClipError("give two files or two folders", where=f"{reference} and {coded}")
    references: dict[Path, list[Path]] = {}
    for path in _files(reference):
        references.setdefault(path.relative_to(reference).with_suffix(""), []).append(path)
    pairs = []
    for path in _files(coded):
        found = references.get(path.relative_to(coded).with_suffix(""), [])
        if len(found) != 1:
            what = "no reference" if not found else f"{len(found)} references"
            raise ClipError(f"{what} with that name in {reference}", where=path)
        pairs.append((found[0], path))
    if not pairs:
        raise ClipError("contains no audio files", where=coded)
    return pairs


def _files(folder: Path) -> tuple[Path, ...]:
    contents = read_folder(folder)
    if contents.others:
        log.warning("%s: skipped %s", folder, contents.told())
    return contents.sounds


def make_scorers(
    device: str, judges: bool, weights: Path | None = None, metrics: str | None = None
) -> tuple[Metric, ...]:
    """The model, then the judges if wanted; or the metrics that are named.

    Args:
        device: of the model: cpu, cuda, cuda:1, or auto.
        judges: the usual judges of a run, too.
        weights: of the quality model; None for the shipped ones.
        metrics: names and files separated by commas, instead of these.

    Raises:
        StudyError: there is no such device, or no metric is named.
        MetricError: there is no such metric, or it is wrong.
    """
    from tuner.study.spec import DEFAULT_JUDGES

    names = [MODEL, *(DEFAULT_JUDGES if judges else ())]
    if metrics is not None and not (names := parse_names(metrics, "--metrics")):
        raise StudyError("name at least one (see `tuner metrics`)", where="--metrics none")
    if MODEL in names:
        device = find_device(device)
    return choose_metrics(names, None if weights is None else str(weights), device)


def find_device(device: str) -> str:
    """The torch device that is meant. Raises `StudyError` if it is not there."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise StudyError(
            "this machine has no CUDA device", where=f"--device {device}", remedy="use --device cpu"
        )
    return device


def _score_pair(reference: Path, coded: Path, scorers: Sequence[Metric]) -> dict[str, object]:
    row: dict[str, object] = {"reference": str(reference), "coded": str(coded)}
    try:
        aligned_to, signal, alignment = align_pair(reference, coded)
        scores: list[Score] = [score_signal(s, aligned_to, signal) for s in scorers]
    except TunerError as error:
        return row | {"error": str(error), "failure": error.as_dict()}
    row |= {s.name: round(v.mean, 3) for s, v in zip(scorers, scores, strict=True)}
    row |= {"spread": round(scores[0].spread, 3)}
    row |= {
        "delay": alignment.delay + (round(alignment.fraction, 2) or 0),
        "correlation": round(abs(alignment.correlation), 3),
        "polarity": "inverted" if alignment.inverted else "same",
    }
    notes = list(alignment.notes)
    if pair := scores[0].pair:
        row["pair"] = pair
        layout = name_layout(len(aligned_to))
        notes.append(f"{layout}, scored as stereo pairs: the {pair} pair is the lowest")
    return row | ({"note": "; ".join(notes)} if notes else {})


def align_pair(reference: Path, coded: Path) -> tuple[audio.Pcm, audio.Pcm, Alignment]:
    """Two files as aligned signals, float32 ``[C, T]`` at 48 kHz, and how they were aligned.

    A mono reference of a stereo file counts as the same signal in both channels.

    Raises:
        ClipError: a file that cannot be read, or of more than eight channels or no finite samples.
        EncoderError: the coded signal is not the reference's, or of other length or channels.
    """
    signals = []
    for path in (reference, coded):
        pcm, rate = audio.read_audio(path)
        check_signal(pcm, str(path))
        signals.append((pcm, rate))
    return align_signals(signals[0], signals[1])


def read_pair(reference: Path, coded: Path) -> tuple[audio.Pcm, audio.Pcm, int]:
    """As `align_pair`, with nothing but the delay removed, in samples at 48 kHz."""
    original, aligned, alignment = align_pair(reference, coded)
    return original, aligned, alignment.delay


def _print_table(rows: list[dict[str, object]], names: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("coded", *names, "spread", *ALIGNED)
    for row in rows:
        cells = [str(row.get(column, "")) for column in (*names, "spread", *ALIGNED)]
        name = Text(str(row["coded"]))
        if "note" in row:
            name.append(f"\n{row['note']}", style="yellow")
        if "error" in row:
            name.append(f"\n{row['error']}", style="red")
        table.add_row(name, *map(Text, cells))
    means = [np.mean([float(str(r[n])) for r in rows if n in r] or [np.nan]) for n in names]
    if len(rows) > 1:
        table.add_section()
        table.add_row("mean", *(f"{m:.3f}" for m in means))
    Console().print(table)

"""The finished runs that one report shows: read, named, and checked to be comparable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import RunError
from tuner.exhibits import Exhibit, read_index
from tuner.records import SIDE_WORDS, Results, name_rates
from tuner.report import words
from tuner.results import read_run

#: How many clips of a difference are named.
NAMED_CLIPS = 3


@dataclass(frozen=True)
class Run:
    """One finished run.

    Args:
        folder: the run directory.
        results: its `results.json`.
        exhibits: its audio; empty where it has none.
        key: unique in the report and safe in an id: "r0", "r1" …
        name: the encoder's name, with the folder's where two runs share an encoder.
    """

    folder: Path
    results: Results
    exhibits: list[Exhibit]
    key: str = "r0"
    name: str = ""


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs in `folders`, in that order.

    Raises:
        RunError: one is unfinished or damaged, or they are over different clips.
    """
    read = [(folder, read_run(folder), read_index(folder)) for folder in folders]
    runs = name_runs(read)
    check_comparable(runs)
    return runs


def name_runs(read: Sequence[tuple[Path, Results, list[Exhibit]]]) -> list[Run]:
    """Runs with keys and names that tell them apart."""
    encoders = Counter(results.provenance.encoder for _, results, _ in read)
    folders = Counter(folder.resolve().name for folder, _, _ in read)
    runs = []
    for index, (folder, results, exhibits) in enumerate(read):
        name = results.provenance.encoder
        if encoders[name] > 1:
            alone = folders[folder.resolve().name] == 1
            name = f"{name} ({folder.resolve().name if alone else folder})"
        runs.append(Run(folder, results, exhibits, f"r{index}", name))
    return runs


def check_comparable(runs: Sequence[Run]) -> None:
    """Refuse runs over different clips or by different models: their scores do not compare.

    Raises:
        RunError: naming the runs that differ, and in what.
    """
    for run in runs[1:]:
        if difference := _clip_difference(runs[0], run):
            raise RunError(
                f"uses other clips than {runs[0].folder} ({difference})",
                where=run.folder,
                remedy=(
                    "only runs with the same tuning and held-out clips can be compared: make a"
                    " report of each"
                ),
            )
    models = {_model(run.results): run.folder for run in reversed(runs)}
    if len(models) > 1:
        told = "; ".join(f"{folder}: {model}" for model, folder in models.items())
        raise RunError(
            f"the runs were scored by different quality models ({told}): their scores cannot be"
            " compared",
            remedy="rerun the older ones, or make a report of each",
        )


def _model(results: Results) -> str:
    return f"{words.metric_label(results.climbed)} {results.provenance.scorer_version}"


def find_judge_differences(runs: Sequence[Run]) -> list[str]:
    """Sentences on judges whose version differs between the runs."""
    sentences = []
    judges = sorted({judge for run in runs for judge in run.results.provenance.judge_versions})
    for judge in judges:
        versions = [run.results.provenance.judge_versions.get(judge, "not used") for run in runs]
        if len(set(versions)) > 1:
            told = ", ".join(f"{run.name}: {v}" for run, v in zip(runs, versions, strict=True))
            sentences.append(
                f"The judge {judge} differs between the runs ({told}): compare encoders by"
                " another metric."
            )
    return sentences


def _clip_difference(one: Run, other: Run) -> str:
    """What the clip sets do not share, in words; empty if they are the same."""
    ours, theirs = _clips(one), _clips(other)
    missing = sorted(name for key, name in ours.items() if key not in theirs)
    added = sorted(name for key, name in theirs.items() if key not in ours)
    changed = [name for name in missing if name in added]
    rates = [name_rates(clip.rate for clip in run.results.clips) for run in (one, other)]
    told = (
        f"encoded at {rates[0]} and at {rates[1]}" if rates[0] != rates[1] else "",
        _named("different samples in", changed),
        _named(f"only {one.folder} has", [name for name in missing if name not in changed]),
        _named(f"only {other.folder} has", [name for name in added if name not in changed]),
    )
    return "; ".join(filter(None, told))


def _clips(run: Run) -> dict[tuple[str, str], str]:
    """(digest, side) -> name and side, for people."""
    return {(c.digest, c.side): f"{c.name} ({SIDE_WORDS[c.side]})" for c in run.results.clips}


def _named(what: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - NAMED_CLIPS} more" if len(names) > NAMED_CLIPS else ""
    return f"{what} {', '.join(names[:NAMED_CLIPS])}{more}"

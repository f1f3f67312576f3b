"""`tuner run --per-category`: the clips of each kind searched apart, each as a run of its own.

The run directory holds a run for each kind, in a folder of its name, with its own study file that
resumes it alone. Budgets of hours and disk are shared out.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tuner.cli.running import NoAnswerError, search_and_report
from tuner.errors import ClipError, StudyError

if TYPE_CHECKING:
    from tuner.driver.parts import Parts
    from tuner.sound.clips import ClipSet

#: With fewer clips on either side a kind is not searched alone.
LEAST_CLIPS = 3


def conduct_each(
    parts: Parts,
    folder: Path,
    command: str,
    telling: Callable[[Path], AbstractContextManager[None]] = lambda _: nullcontext(),
    *,
    as_json: bool,
) -> None:
    """Run the study on each kind of clips, and print all answers.

    Args:
        parts: the study, with clips of all kinds.
        folder: where the runs go.
        command: the command line for the reports' provenance.
        telling: entered around each kind's run, with its folder (`tuner run --notify`).
        as_json: print JSON instead of tables.

    Raises:
        typer.Exit: with 1 after all, if a kind has no answer; see `search_and_report`.
        ClipError: no kind has clips enough.
        TunerError: see `search_and_report`.
    """
    from tuner.cli.display.answers import print_answers, summarise

    told: list[dict[str, object]] = []
    failed = False
    for kind, run, own in _split(parts, folder):
        print(f"{kind}: {_counted(own.clips)}, in {run}", file=sys.stderr)
        try:
            with telling(run):
                results, report = search_and_report(own, run, command)
        except NoAnswerError as error:
            print(f"tuner: {kind}: {error}", file=sys.stderr)
            failure = {"problem": str(error), "failure": error.as_dict()}
            told.append({"category": kind, "run": str(run), **failure})
            failed = True
            continue
        told.append({"category": kind, **summarise(results, run.resolve(), report)})
        if not as_json:
            print_answers(results, report, title=f"Results for {kind}")
    if as_json:
        print(json.dumps({"categories": told}, indent=1))
    if failed:
        raise typer.Exit(1)


def check_each(folder: Path, identity: Mapping[str, str], *, clips: bool) -> None:
    """See that no kind's run in a folder is of another search.

    Args, Raises: see `check_run`.
    """
    from tuner.apply.player import STUDY_FILE
    from tuner.rundir.folder import check_run
    from tuner.study.files import read_study
    from tuner.study.spec import parse_study

    for kept in sorted(folder.glob(f"*/{STUDY_FILE}")):
        try:
            kind = parse_study(read_study(kept), str(kept)).clips.category
        except StudyError:
            continue  # of something else
        if kind is not None and kept.parent.name == _place(kind):
            check_run(kept.parent, identity, clips=clips)


def forecast_each(parts: Parts, folder: Path, workers: int, *, as_json: bool) -> None:
    """Print what the runs of all kinds would do; with JSON, an object a line."""
    from tuner.cli.display.forecast import print_forecast

    for kind, run, own in _split(parts, folder):
        if not as_json:
            print(f"{kind}:")
        print_forecast(own, run, workers, as_json=as_json)


def _split(parts: Parts, folder: Path) -> Iterator[tuple[str, Path, Parts]]:
    """Each kind with its run directory and its part of the study; what is left out is told."""
    enough = {}
    for kind, clips in parts.clips.categories.items():
        if min(len(clips.tune), len(clips.holdout)) >= LEAST_CLIPS:
            enough[kind] = clips
        else:
            print(
                f"{kind}: skipped ({_counted(clips)}); at least {LEAST_CLIPS} of each are needed",
                file=sys.stderr,
            )
    if not enough:
        raise ClipError(
            f"no category has {LEAST_CLIPS} tuning and {LEAST_CLIPS} held-out clips",
            where="--per-category",
            remedy="add clips, or omit --per-category",
        )
    places = {kind: _place(kind) for kind in enough}
    if len(set(places.values())) < len(places):
        raise StudyError(
            f"rename categories that share a folder name: {', '.join(places)}",
            where="--per-category",
        )
    spec, share = parts.spec, 1 / len(enough)
    for kind, clips in enough.items():
        alone = replace(
            spec,
            clips=replace(spec.clips, per_category=False, category=kind),
            hours=None if spec.hours is None else spec.hours * share,
            cache_gb=None if spec.cache_gb is None else max(spec.cache_gb * share, 0.01),
        )
        yield kind, folder / places[kind], replace(parts, spec=alone, clips=clips)


def _place(kind: str) -> str:
    """The name of its folder."""
    return re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-") or "-"


def _counted(clips: ClipSet) -> str:
    tune = "1 clip" if len(clips.tune) == 1 else f"{len(clips.tune)} clips"
    return f"{tune} for tuning, {len(clips.holdout)} held out"

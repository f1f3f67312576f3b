"""`tuner ladder`: a ladder of bitrates from finished runs."""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.cli.arguments.trust_options import TrustOption, make_trust
from tuner.errors import RunError, StudyError

if TYPE_CHECKING:
    from tuner.metric import Metric
    from tuner.report.runs import Run
    from tuner.rungs import Ladder
    from tuner.study.trust import Trust
    from tuner.target.ladder import Source

FORMAT_VERSION = 1


def ladder(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN", help="Finished runs over the same clips.")
    ],
    rungs: Annotated[int, typer.Option(help="Maximum number of rungs.", min=2, max=64)] = 5,
    min_quality: Annotated[float | None, typer.Option(help="Quality of the lowest rung.")] = None,
    max_quality: Annotated[float | None, typer.Option(help="Quality of the highest rung.")] = None,
    min_kbps: Annotated[float | None, typer.Option(help="Bitrate of the lowest rung.")] = None,
    max_kbps: Annotated[float | None, typer.Option(help="Bitrate of the highest rung.")] = None,
    transparent_share: Annotated[
        float, typer.Option(help="Share of clips to be transparent, for the transparency bitrate.")
    ] = 0.9,
    html: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write an HTML page.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write a CSV file.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Cache folder for encodes and scores.")] = None,
    workers: Annotated[int, typer.Option(help="Parallel jobs (0 = all cores).", min=0)] = 0,
    trust: TrustOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Build a bitrate ladder: equal steps of quality, each at the lowest bitrate.

    The runs' curves determine which encoder and settings to use at each quality. Rungs are
    matched on the tuning clips and measured on the held-out clips. A rung that a listener could
    not tell from the one below is dropped.
    """
    from tuner.cli.commands.find_rate import stopping
    from tuner.cli.display.progress import progress_bar
    from tuner.cli.running import available_cores
    from tuner.jobs.executor import make_executor
    from tuner.report.ladder import write_ladder_csv, write_ladder_page
    from tuner.report.runs import read_runs
    from tuner.study.goal import SHARE_RANGE
    from tuner.target.ladder import Wanted, build_ladder
    from tuner.target.transparency import find_transparent

    least, most = SHARE_RANGE
    if not least <= transparent_share <= most:
        raise StudyError(
            f"must be from {least:g} to {most:g}",
            where=f"--transparent-share {transparent_share:g}",
        )
    read = read_runs(runs)
    sources = [_source(run, make_trust(None, trust)) for run in read]
    scorer = _scorer(read, make_trust(None, trust))
    wanted = Wanted(rungs, min_quality, max_quality, min_kbps, max_kbps)
    seed = read[0].results.provenance.seed
    with _folder(cache) as folder:
        executor = make_executor("local", workers=workers or available_cores(), cache_folder=folder)
        with stopping(executor, resumes=cache is not None), progress_bar("ladder") as update:
            built = build_ladder(sources, wanted, scorer, executor, seed, update)
    clear = [find_transparent(run.results, run.folder, transparent_share) for run in read]
    built = replace(built, transparent=clear)
    if html is not None:
        write_ladder_page(built, html)
    if csv is not None:
        write_ladder_csv(built, csv)
    if as_json:
        print(json.dumps({"format_version": FORMAT_VERSION, **asdict(built)}, indent=1))
    else:
        _print(built)
    if not built.rungs:
        raise typer.Exit(1)


def _source(run: Run, trust: Trust) -> Source:
    """A run with its encoder, which must be the build that ran, and its clips."""
    from tuner.apply.encode import make_encoding
    from tuner.apply.player import encoder_of
    from tuner.cli.commands.compare import clip_of
    from tuner.target.ladder import Source

    encoder, made_by = encoder_of(run.folder, trust), run.results.provenance
    if encoder.version.digest != made_by.encoder_digest:
        raise RunError(
            f"{encoder.name} differs from the build used (now {encoder.version.text}; the run had"
            f" {made_by.encoder_version})",
            where=run.folder,
            remedy="run the study again",
        )
    if not run.results.bitrates:
        raise RunError("has no result to build on", where=run.folder)
    default = run.results.bitrates[0].default
    suffix = make_encoding(encoder, default.settings, default.sides["tune"].knob).suffix
    refs = {
        side: [clip_of(run.folder, c) for c in run.results.clips if c.side == side]
        for side in ("tune", "holdout")
    }
    return Source(run.folder, run.results, encoder, refs, suffix)  # type: ignore[arg-type]


def _scorer(runs: Sequence[Run], trust: Trust) -> Metric:
    """The metric that the runs climbed. Raises `RunError` where it is another version now."""
    from tuner.apply.player import STUDY_FILE
    from tuner.cli.commands.run import load_metrics
    from tuner.metrics.registry import is_metric_file
    from tuner.study.files import read_study
    from tuner.study.spec import parse_study
    from tuner.study.trust import check_files

    run = runs[0]
    path = run.folder / STUDY_FILE
    spec = parse_study(read_study(path), str(path))
    objective = spec.search.objective_metric
    if is_metric_file(objective):
        check_files([objective], run.folder, trust, path)
    scorer, _ = load_metrics(spec.weights, (), objective)
    made_by = run.results.provenance.scorer_version
    if scorer.version != made_by:
        raise RunError(
            f"scored with another version of {scorer.name} ({made_by}; this is {scorer.version})",
            where=run.folder,
            remedy="run the study again",
        )
    return scorer


def _print(built: Ladder) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        "kb/s", "encoder", "settings of", "quality", "step", "noticeable", "encode, s/min"
    )
    for rung in built.rungs:
        step = rung.step
        table.add_row(
            f"{rung.kbps:.1f}",
            Text(rung.encoder),
            Text(rung.whose),
            f"{rung.quality.value:.1f} ({rung.quality.low:.1f} to {rung.quality.high:.1f})",
            f"{step.value:+.1f} ({step.low:+.1f} to {step.high:+.1f})" if step else "",
            f"{rung.noticeable:.1f}" if rung.noticeable is not None else "",
            f"{60 * rung.encode_times:.2f}",
        )
    console = Console()
    console.print(table)
    for note in built.notes:
        console.print(Text(note))
    for rung in built.rungs:
        console.print(Text(f"  {rung.kbps:6.1f}  {shlex.join(rung.command)}"), soft_wrap=True)
    for each in built.transparent:
        console.print(Text(f"{each.sentence}."))
        if each.command:
            told = f"  ABX test to confirm it: {shlex.join(each.command)}"
            console.print(Text(told), soft_wrap=True)


@contextmanager
def _folder(cache: Path | None) -> Iterator[Path]:
    if cache is not None:
        yield cache.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="tuner-ladder-") as name:
        yield Path(name)

"""`tuner report`: one report of one or several finished runs."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from tuner.report.bd import Figure
    from tuner.report.runs import Run

Audio = Literal["link", "embed", "none"]
PlotFormat = Literal["svg", "png"]


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Finished run directories over the same clips."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Output file (default: report.html in the run, or here for several runs).",
        ),
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the report in a browser.")
    ] = False,
    audio: Annotated[
        Audio,
        typer.Option(help="Audio for the players: files next to the report, or embedded in it."),
    ] = "link",
    csv: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write winners, deltas, trials and clips as CSV."),
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write the plots as files, for papers.")
    ] = None,
    plot_format: Annotated[PlotFormat, typer.Option(help="Plot file format.")] = "svg",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print paths, verdicts and deltas as JSON.")
    ] = False,
) -> None:
    """Regenerate the report of finished runs from stored results, without encoding or scoring."""
    from tuner.cli.display.progress import progress_bar
    from tuner.extras import need_extra
    from tuner.report import REPORT_NAME, write_page
    from tuner.report.plots import write_plots
    from tuner.report.runs import read_runs
    from tuner.report.tables import write_tables

    target = output or (runs[0] if len(runs) == 1 else Path()) / REPORT_NAME
    if plots:
        need_extra("plots", "--plots")
    read = read_runs(runs)
    with progress_bar("report") as progress:
        write_page(read, target, audio, progress)
    path = target.resolve()
    files = write_tables(read, csv) if csv else []
    files += write_plots(read, plots, plot_format) if plots else []
    if as_json:
        answer = {"report": str(path), "files": [str(file) for file in files], **_summary(read)}
        print(json.dumps(answer, indent=1))
    else:
        print(*[path, *files], sep="\n")
    if open_browser:
        webbrowser.open(path.as_uri())


def _summary(runs: list[Run]) -> dict[str, Any]:
    from tuner.records import Answer
    from tuner.report.comparison import find_curves, find_deltas, find_metrics

    curves = find_curves(runs, find_metrics(runs))
    deltas = find_deltas(curves, runs[0].results.provenance.seed)
    return {
        "runs": [
            {
                "run": str(run.folder),
                "encoder": run.results.provenance.encoder,
                "bitrates_kbps": {
                    f"{b.target_kbps:g}": {
                        "verdict": b.verdict.kind if isinstance(b, Answer) else None,
                        "sentence": b.verdict.sentence if isinstance(b, Answer) else b.problem,
                    }
                    for b in run.results.everything
                },
            }
            for run in runs
        ],
        "deltas": [
            {
                "metric": each.metric,
                "test": delta.test,
                "anchor": delta.anchor,
                "bd_rate_percent": _figure(delta.rate),
                "bd_quality_points": _figure(delta.quality),
            }
            for each in deltas
            for delta in [*each.gained, *each.between]
        ],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in vars(figure).items()
    }

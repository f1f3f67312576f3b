"""`tuner report`: make the report of a finished run again."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="Run directory, with results.json in it.")],
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the report in a browser.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report's path and the verdicts as JSON.")
    ] = False,
) -> None:
    """Make the report again from a finished run's results.json; nothing is computed anew."""
    from tuner.report import RESULTS_NAME, write_report
    from tuner.results import read_results

    path = write_report(run).resolve()
    if as_json:
        bitrates = read_results(run / RESULTS_NAME).bitrates
        verdicts = {
            f"{b.target_kbps:g}": {
                "verdict": b.verdict.kind if b.problem is None else None,
                "sentence": b.verdict.sentence if b.problem is None else b.problem,
            }
            for b in bitrates
        }
        print(json.dumps({"report": str(path), "bitrates_kbps": verdicts}, indent=1))
    else:
        print(path)
    if open_browser:
        webbrowser.open(path.as_uri())

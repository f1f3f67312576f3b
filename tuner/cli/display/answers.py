"""The answers of a run on stdout: a table and command lines for people, JSON for machines."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuner.records import BitrateResult, Results


def summarise(results: Results, folder: Path, report: Path) -> dict[str, object]:
    """The answers as JSON data: what `--json` prints."""
    from dataclasses import asdict

    return {
        "run": str(folder),
        "results": str(folder / "results.json"),
        "report": str(report),
        "bitrates": [_summary(bitrate) for bitrate in results.bitrates],
        "quality_targets": [asdict(target) for target in results.quality_targets],
    }


def _summary(bitrate: BitrateResult) -> dict[str, object]:
    from dataclasses import asdict

    from tuner.report.candidates import shown_candidate

    shown = shown_candidate(bitrate)
    holdout = shown.sides.get("holdout") if shown else None
    use = bitrate.candidates[bitrate.winner] if bitrate.candidates else None
    return {
        "target_kbps": bitrate.target_kbps,
        "verdict": bitrate.verdict.kind,
        "sentence": bitrate.verdict.sentence,
        "problem": bitrate.problem,
        "trials": len(bitrate.trials),
        "best_found": shown and {"rate_mode": shown.rate_mode, "values": shown.values},
        "holdout_gains": {k: asdict(v) for k, v in holdout.gains.items()} if holdout else {},
        "command": use and use.command,
    }


def print_answers(results: Results, report: Path) -> None:
    """Print a table of verdicts and gains, then each bitrate's sentence and command line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tuner.records import METRIC_LABELS
    from tuner.report.candidates import shown_candidate

    table = Table("kb/s", "verdict", "metric", "gain on held-out clips", title="Answers")
    for bitrate in results.bitrates:
        shown = shown_candidate(bitrate)
        holdout = shown.sides.get("holdout") if shown else None
        verdict = "no answer" if bitrate.problem else bitrate.verdict.kind
        gains = holdout.gains if holdout else {}
        names = [METRIC_LABELS.get(name, name) for name in gains]
        figures = [f"{g.value:+.1f} ({g.low:+.1f} to {g.high:+.1f})" for g in gains.values()]
        table.add_row(f"{bitrate.target_kbps:g}", verdict, "\n".join(names), "\n".join(figures))
        table.add_section()
    console = Console()
    console.print(table)
    for bitrate in results.bitrates:
        console.print(Text(f"\n{bitrate.target_kbps:g} kb/s: {bitrate.verdict.sentence}"))
        if bitrate.candidates:
            # Not wrapped, so that the command can be copied.
            command = shlex.join(bitrate.candidates[bitrate.winner].command)
            console.print(Text(f"  {command}"), soft_wrap=True)
    for target in results.quality_targets:
        console.print(Text(f"\n{target.sentence}"))
        use = target.best if target.best is not None and target.recommended else target.default
        console.print(Text(f"  {shlex.join(use.command)}"), soft_wrap=True)
    console.print(Text(f"\nReport: {report}"), soft_wrap=True)

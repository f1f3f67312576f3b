"""The answers of a run on stdout: a table and command lines for people, JSON for machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuner.records import BitrateResult, Estimate, Results


def summarise(results: Results, folder: Path, report: Path) -> dict[str, object]:
    """The answers as JSON data: what `--json` prints."""
    from msgspec import to_builtins

    return {
        "run": str(folder),
        "results": str(folder / "results.json"),
        "report": str(report),
        "bitrates": [_summary(bitrate, results.objective) for bitrate in results.everything],
        "quality_targets": [to_builtins(target) for target in results.quality_targets],
    }


def _figures(gain: Estimate | None) -> dict[str, float] | None:
    return None if gain is None else {"value": gain.value, "low": gain.low, "high": gain.high}


def _summary(bitrate: BitrateResult, objective: str) -> dict[str, object]:
    from dataclasses import asdict

    from tuner.records import Answer
    from tuner.report.candidates import shown_candidate

    answer = bitrate if isinstance(bitrate, Answer) else None
    problem = None if isinstance(bitrate, Answer) else bitrate.problem
    shown = shown_candidate(answer) if answer else None
    holdout = shown.sides.get("holdout") if shown else None
    use = answer.recommended if answer else None
    return {
        "target_kbps": bitrate.target_kbps,
        "verdict": answer.verdict.kind if answer else "not confirmed",
        "sentence": answer.verdict.sentence if answer else f"No answer: {problem}",
        "problem": problem,
        "trials": len(bitrate.trials),
        "best_found": shown and {"rate_mode": shown.rate_mode, "values": shown.values},
        "objective": objective,
        "objective_gain": _figures(holdout.objective_gain) if holdout else None,
        "holdout_gains": {k: asdict(v) for k, v in holdout.gains.items()} if holdout else {},
        "convert": use and use.convert,
        "command": use and use.command,
    }


def print_answers(results: Results, report: Path, title: str = "Answers") -> None:
    """Print a table of verdicts and gains, then each bitrate's sentence and command line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tuner.records import NoAnswer, metric_label
    from tuner.report.candidates import shown_candidate
    from tuner.report.words import objective_name

    objective = objective_name(results)
    table = Table("kb/s", "verdict", "metric", "gain on held-out clips", title=title)
    table.columns[2].no_wrap = True
    for bitrate in results.everything:
        if isinstance(bitrate, NoAnswer):
            table.add_row(f"{bitrate.target_kbps:g}", "no answer", "", "")
            table.add_section()
            continue
        shown = shown_candidate(bitrate)
        holdout = shown.sides.get("holdout") if shown else None
        verdict: str = bitrate.verdict.kind
        if shown and not bitrate.winner:
            verdict += "\nfigures: best found"
        gains = {metric_label(k): gain for k, gain in (holdout.gains if holdout else {}).items()}
        if objective is not None and holdout and holdout.objective_gain:
            first = metric_label(results.climbed)
            gains = {
                f"{first}, {objective.lower()}": holdout.objective_gain,
                f"{first}, mean": gains.pop(first),
                **gains,
            }
        names = [*gains]
        figures = [f"{g.value:+.1f} ({g.low:+.1f} to {g.high:+.1f})" for g in gains.values()]
        table.add_row(f"{bitrate.target_kbps:g}", verdict, "\n".join(names), "\n".join(figures))
        table.add_section()
    console = Console()
    console.print(table)
    for bitrate in results.everything:
        at = f"\n{bitrate.target_kbps:g} kb/s:"
        if isinstance(bitrate, NoAnswer):
            console.print(Text(f"{at} No answer: {bitrate.problem}"))
            continue
        console.print(Text(f"{at} {bitrate.verdict.sentence}"))
        # Not wrapped, so that the command can be copied.
        console.print(Text(f"  {bitrate.recommended.shown}"), soft_wrap=True)
    for target in results.quality_targets:
        console.print(Text(f"\n{target.sentence}"))
        use = target.best if target.best is not None and target.recommended else target.default
        console.print(Text(f"  {use.shown}"), soft_wrap=True)
    console.print(Text(f"\nReport: {report}"), soft_wrap=True)

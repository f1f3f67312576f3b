"""The tables of `tuner compare`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from tuner.apply.compare import Comparison
    from tuner.records import Estimate

#: Clips that a table shows: those that lose most, and those that gain most.
WORST, BEST = 8, 4


def print_comparison(comparison: Comparison, names: Mapping[str, str], sentence: str) -> None:
    """Print one bitrate: tables of means and of clips, then the sentence.

    Args:
        comparison: what came out.
        names: clip digest -> name.
        sentence: the answer.
    """
    from rich.console import Console
    from rich.text import Text

    console = Console()
    if comparison.problem is None:
        console.print(_means_table(comparison))
        console.print(_clips_table(comparison, names))
    console.print(Text(f"{sentence}\n"))


def _means_table(comparison: Comparison) -> Table:
    from rich.table import Table

    from tuner.apply.compare import mean_of
    from tuner.artefacts import ARTEFACTS
    from tuner.records import METRIC_LABELS

    a, b = comparison.a, comparison.b
    assert a is not None and b is not None
    table = Table("", "A", "B", "B better by", title=f"{comparison.target_kbps:g} kb/s")
    table.add_row("measured kb/s", f"{a.bitrate_kbps:.2f}", f"{b.bitrate_kbps:.2f}", "")
    table.add_section()
    for name, gain in comparison.gains.items():
        means = (f"{mean_of(side, name):.1f}" for side in (a, b))
        table.add_row(METRIC_LABELS.get(name, name), *means, _estimate(gain))
    table.add_section()
    for artefact in ARTEFACTS:
        shown = (
            artefact.shown(artefact.mean(each[artefact.key] for each in side.figures.values()))
            for side in (a, b)
        )
        better = _estimate(comparison.artefacts[artefact.key], artefact.decimals)
        table.add_row(artefact.label, *shown, better)
    table.add_section()
    ratio = f"x {comparison.time_ratio:.2f}" if comparison.time_ratio else ""
    table.add_row("encode time", f"{a.encode_s:.2f} s", f"{b.encode_s:.2f} s", ratio)
    return table


def _clips_table(comparison: Comparison, names: Mapping[str, str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from tuner.records import METRIC_LABELS

    ordered = sorted(
        comparison.by_clip, key=lambda digest: next(iter(comparison.by_clip[digest].values()))
    )
    shown = ordered
    if len(ordered) > WORST + BEST:
        shown = [*ordered[:WORST], *ordered[-BEST:]]
    metrics = [METRIC_LABELS.get(name, name) for name in comparison.gains]
    table = Table("clip, worst first", *metrics, "from A to B")
    for digest in shown:
        gains = (f"{round(value, 1) + 0.0:+.1f}" for value in comparison.by_clip[digest].values())
        table.add_row(Text(names[digest]), *gains, comparison.said[digest])
    if len(shown) < len(ordered):
        table.caption = f"{len(ordered) - len(shown)} clips in between are listed by --json"
    return table


def _estimate(gain: Estimate, decimals: int = 1) -> str:
    value, low, high = (round(x, decimals) + 0.0 for x in (gain.value, gain.low, gain.high))
    return f"{value:+.{decimals}f} ({low:+.{decimals}f} to {high:+.{decimals}f})"

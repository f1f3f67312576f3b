"""The report's plots as files for papers: SVG, or PNG at 200 dpi."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from tuner.extras import need_extra
from tuner.report import words
from tuner.report.candidates import shown_candidate
from tuner.report.comparison import Curves, find_curves, find_metrics
from tuner.report.curves import Curve
from tuner.report.runs import Run

PlotFormat = Literal["svg", "png"]

#: A page's column and a bit, inches; dots per inch of a PNG.
WIDTH, HEIGHT, DPI = 6.4, 4.2, 200
#: Height of one row of the gains, inches.
ROW_HEIGHT = 0.28
#: Texts stay texts, and the same run gives the same file.
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "tuner", "font.size": 9, "axes.grid": True,
         "grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False,
         "text.parse_math": False}  # fmt: skip


def write_plots(runs: Sequence[Run], folder: Path, kind: PlotFormat = "svg") -> list[Path]:
    """Draw the rate-quality curves by each metric, and the gains.

    Returns:
        The files: ``rate-quality-METRIC`` for each metric, and ``gains``.

    Raises:
        ExtraMissing: the library that draws them is not installed.
    """
    need_extra("plots", "drawing plots")
    import matplotlib

    folder.mkdir(parents=True, exist_ok=True)
    metrics = find_metrics(runs)
    files = []
    with matplotlib.rc_context(STYLE):
        for metric, curves in find_curves(runs, metrics).items():
            # A metric is a plug-in's name: it must not lead out of the folder.
            name = re.sub(r"[^\w-]", "_", metric)
            figure = _draw_curves(metric, curves, runs[0].results.provenance.seed)
            files.append(_save(figure, folder / f"rate-quality-{name}.{kind}"))
        files.append(_save(_draw_gains(runs, metrics), folder / f"gains.{kind}"))
    return files


def _save(figure: Any, path: Path) -> Path:
    metadata = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, dpi=DPI, bbox_inches="tight", metadata=metadata)
    return path


def _new_figure(height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height))
    return figure, figure.subplots()


def _draw_curves(metric: str, curves: Sequence[Curves], seed: int) -> Any:
    figure, axes = _new_figure(HEIGHT)
    targets: set[float] = set()
    for index, each in enumerate(curves):
        for curve, line in ((each.default, "s:"), (each.tuned, "o-"), (each.found, "o")):
            if curve is not None:
                _draw_curve(axes, curve, line, f"C{index}", seed)
                targets |= set(curve.targets)
    if targets:
        axes.set_xscale("log")
        axes.set_xticks(sorted(targets), [f"{target:g}" for target in sorted(targets)])
        axes.minorticks_off()
        axes.legend(frameon=False)
    axes.set_xlabel("measured bitrate, kb/s")
    axes.set_ylabel(f"{words.metric_label(metric)}, MUSHRA scale (95 % interval of the mean)")
    return figure


def _draw_curve(axes: Any, curve: Curve, line: str, colour: str, seed: int) -> None:
    bands = curve.bands(seed)
    low, high = [band.low for band in bands], [band.high for band in bands]
    axes.plot(curve.rates, [b.value for b in bands], line, color=colour, ms=4, label=curve.name)
    axes.fill_between(curve.rates, low, high, color=colour, alpha=0.12, linewidth=0)


def _draw_gains(runs: Sequence[Run], metrics: Sequence[str]) -> Any:
    """A row per run and bitrate, a mark with its interval per metric."""
    rows = [
        (f"{run.name}, {bitrate.target_kbps:g} kb/s", shown.sides["holdout"].gains)
        for run in runs
        for bitrate in run.results.bitrates
        if (shown := shown_candidate(bitrate)) is not None and "holdout" in shown.sides
    ]
    figure, axes = _new_figure(1 + ROW_HEIGHT * max(len(rows), 1))
    for index, metric in enumerate(metrics):
        shift = 0.5 * ((index + 0.5) / len(metrics) - 0.5)
        at = [
            (row + shift, gains[metric]) for row, (_, gains) in enumerate(rows) if metric in gains
        ]
        values = [gain.value for _, gain in at]
        ends = ([g.value - g.low for _, g in at], [g.high - g.value for _, g in at])
        label = words.metric_label(metric)
        axes.errorbar(
            values, [y for y, _ in at], xerr=ends, fmt="osD^v"[index % 5], ms=4, label=label
        )
    axes.axvline(0, color="0.5", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_xlabel("gain over the default on held-out clips, MUSHRA points (95 % interval)")
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(metrics))
    return figure

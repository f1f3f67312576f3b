"""A picture of reference, coded signal and their difference, with the score over time.

Takes arrays and gives a matplotlib figure; what computes them is the caller's.
"""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Decibels = npt.NDArray[np.float32]

#: Colours end at this difference, dB.
DIFFERENCE_DB = 24.0


@dataclass(frozen=True)
class Spectrogram:
    """One kind of spectrogram of both signals.

    Args:
        name: "gammatone", "linear".
        frequencies: of the rows, Hz, ascending.
        reference, coded: dB, not below the floor, ``[len(frequencies), frames]``.
        floor_db, top_db: ends of the colour scale.
    """

    name: str
    frequencies: npt.NDArray[np.float64]
    reference: Decibels
    coded: Decibels
    floor_db: float
    top_db: float


@dataclass(frozen=True)
class ScoreCurve:
    """The score over time.

    Args:
        starts: of the windows, seconds.
        window_s: their length, seconds.
        means: their scores, 0 to 100.
        whole: the score of the whole signal, 0 to 100.
    """

    starts: Sequence[float]
    window_s: float
    means: Sequence[float]
    whole: float

    @property
    def worst(self) -> int:
        """Place of the worst window."""
        return int(np.argmin(self.means))


def draw(
    spectrograms: Sequence[Spectrogram],
    curve: ScoreCurve,
    seconds: float,
    title: str,
    size_inches: tuple[float, float] = (13.0, 9.0),
) -> Figure:
    """Reference, coded and difference under each other, a column for each kind; then the score.

    Args:
        spectrograms: the columns.
        curve: the score over time.
        seconds: length of the signals.
        title: above all, shown as it is; none if empty.
        size_inches: of the figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=size_inches, layout="constrained", facecolor="white")
    figure.suptitle(_plain(title), fontsize=11)
    grid = figure.add_gridspec(4, len(spectrograms), height_ratios=(3, 3, 3, 2))
    for column, each in enumerate(spectrograms):
        level = {"vmin": each.floor_db, "vmax": each.top_db, "cmap": "magma"}
        apart = {"vmin": -DIFFERENCE_DB, "vmax": DIFFERENCE_DB, "cmap": "RdBu_r"}
        rows: list[tuple[str, Decibels, dict[str, Any]]] = [
            ("reference", each.reference, level),
            ("coded", each.coded, level),
            ("coded − reference", each.coded - each.reference, apart),
        ]
        for row, (name, values, colours) in enumerate(rows):
            axes = figure.add_subplot(grid[row, column])
            extent = (0.0, seconds, -0.5, len(values) - 0.5)
            image = axes.imshow(
                values,
                origin="lower",
                aspect="auto",
                extent=extent,
                interpolation="none",
                **colours,
            )
            axes.set_title(f"{name}, {each.name}", fontsize=9, loc="left")
            axes.set_yticks(*_ticks(each.frequencies))
            axes.tick_params(labelsize=8, labelbottom=row == 2)
            axes.set_ylabel("Hz", fontsize=8)
            figure.colorbar(image, ax=axes, pad=0.01, label="dB").ax.tick_params(labelsize=7)
            if curve.means and row == 2:
                start = curve.starts[curve.worst]
                axes.axvspan(start, start + curve.window_s, fill=False, linestyle="--")
    _draw_curve(figure.add_subplot(grid[3, :]), curve, seconds)
    return figure


def _draw_curve(axes: Any, curve: ScoreCurve, seconds: float) -> None:
    centres = [start + curve.window_s / 2 for start in curve.starts]
    axes.plot(centres, curve.means, color="#1f4e79", marker="o", markersize=3)
    axes.axhline(curve.whole, color="#777777", linestyle=":", label=f"whole {curve.whole:.1f}")
    start, least = curve.starts[curve.worst], curve.means[curve.worst]
    axes.axvspan(start, start + curve.window_s, color="#d62728", alpha=0.12, linewidth=0)
    place = (centres[curve.worst], least)
    apart = 8 if least < 50 else -14  # points, on the side where there is room
    axes.annotate(f"worst {least:.1f}", place, (0, apart), textcoords="offset points", fontsize=8)
    axes.set(xlim=(0, seconds), ylim=(0, 103), xlabel="seconds")
    axes.set_ylabel(f"score of {curve.window_s:g} s", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=8, loc="lower right", frameon=False)
    axes.grid(alpha=0.3)


def _ticks(frequencies: npt.NDArray[np.float64]) -> tuple[list[int], list[str]]:
    """Rows and labels of round frequencies."""
    linear = np.ptp(np.diff(frequencies)) < 1
    wanted = (0, 5000, 10_000, 15_000, 20_000) if linear else (100, 300, 1000, 3000, 7000, 16_000)
    rows = [int(np.argmin(np.abs(frequencies - hz))) for hz in wanted]
    return rows, [f"{hz / 1000:g}k" if hz >= 1000 else f"{hz:g}" for hz in wanted]


def _plain(text: str) -> str:
    """`text` so that matplotlib sees no formula in it."""
    return text.replace("\\", "\\\\").replace("$", r"\$")


def to_png(figure: Figure, dpi: int = 110) -> bytes:
    """The figure as a PNG file."""
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=dpi)
    return stream.getvalue()


def to_html(figure: Figure, title: str, facts: Sequence[tuple[str, str]]) -> str:
    """The figure as a page of its own, with no script and nothing to load.

    Args:
        figure: from `draw`.
        title: of the page, any text.
        facts: rows of a table under the picture, any text.
    """
    picture = b64encode(to_png(figure, dpi=150)).decode()
    rows = "\n".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in facts
    )
    shown = html.escape(title)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{shown}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 90rem; }}
body {{ padding: 0 1rem; }}
img {{ width: 100%; height: auto; border-radius: 4px; }}
th {{ text-align: left; padding-right: 1.5rem; font-weight: 600; vertical-align: top; }}
td {{ overflow-wrap: anywhere; }}
</style></head>
<body><h1>{shown}</h1>
<img alt="Spectrograms of reference, coded signal and their difference; the score over time"
 src="data:image/png;base64,{picture}">
<table>
{rows}
</table></body></html>
"""

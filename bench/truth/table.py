"""The table that every part of the bench adds rows to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

COLUMNS = ("ours", "ViSQOL", "Zimtohrli", "2f-model", "PEAQ")
NONE = "–"
#: One value for each of `COLUMNS`.
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One figure: what it is, what the model must reach, and its values by column, as text.

    A figure that has none for the last columns leaves them out.
    """

    figure: str
    goal: str
    values: tuple[str, ...]


def row_of(
    figure: str, goal: str, cases: npt.NDArray[Any], tell: Callable[[npt.NDArray[Any]], str]
) -> Row:
    """A row from values of cases, ``[cases, columns]``, each column told by `tell`."""
    return Row(figure, goal, tuple(tell(column) for column in cases.T))


def share(right: npt.NDArray[Any]) -> str:
    """``97.5 % of 80``."""
    return f"{100 * right.mean():.1f} % of {len(right)}"


def falls(least: float) -> Callable[[Values], str]:
    """Tells scores that should have fallen by `least` points: how many did, and how far."""

    def tell(scores: Values) -> str:
        fall = 100 - scores
        right = int(np.sum(fall >= least))
        return f"{right}/{len(fall)}, least {np.nanmin(fall):.1f}, median {np.nanmedian(fall):.1f}"

    return tell


def holds(most: float) -> Callable[[Values], str]:
    """Tells scores that should have stayed within `most` points of 100."""

    def tell(scores: Values) -> str:
        off = np.abs(100 - scores)
        return f"{int(np.sum(off <= most))}/{len(off)}, worst {np.nanmax(off):.1f}"

    return tell


def print_table(rows: Iterable[Row]) -> None:
    """Print rows as Markdown."""
    print("| figure | goal |", " | ".join(COLUMNS), "|")
    print("|---" * (2 + len(COLUMNS)) + "|")
    for row in rows:
        values = [*row.values, *[NONE] * (len(COLUMNS) - len(row.values))]
        print(f"| {row.figure} | {row.goal} |", " | ".join(values), "|", flush=True)

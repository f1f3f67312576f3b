"""Fits the fusion's curves and weights to people's means, condition by condition.

Least squares with non-negative slopes and weights, so that nothing rises where a metric says
worse. A curve is fitted to the conditions whose fault its metric can hear (`HEARS`); the
weights are fitted to all conditions, also to those that a metric does not hear, since in a coded
signal nobody says which fault it is. Both are drawn, lightly, to what says least: slopes that
do not jump, weights that are equal. Bandwidths that ears chose are differences with a margin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.people.measure import Row
from tuner.quality.fusion import FAMILIES, METRICS, Curve, Family, Fusion, Raw

Vector = npt.NDArray[np.float64]

#: Knots, from identity on: where conditions lie close, knots do.
KNOTS: Mapping[str, tuple[float, ...]] = {
    "visqol": (4.73, 4.6, 4.4, 4.1, 3.7, 3.2, 2.6, 2.0, 1.5),
    "zimtohrli": (5.0, 4.95, 4.85, 4.65, 4.3, 3.7, 2.8, 1.8),
    "noise to mask": (-24.0, -16.0, -12.0, -9.0, -6.0, -3.0, 1.0, 6.0),
    "two f": (118.0, 105.0, 90.0, 75.0, 60.0, 45.0, 30.0, 0.0),
}
#: Families of conditions to which a metric's curve is fitted, see `bench.people.figures`.
HEARS: Mapping[Family, frozenset[str]] = {
    "similarity": frozenset({"LP", "public"}),
    "distance": frozenset({"LP", "SH", "UN", "PE", "public"}),
    "masked noise": frozenset({"LP", "SH", "TM", "UN", "PE", "public"}),
}
CURVES: Mapping[Family, tuple[str, ...]] = {
    "similarity": ("visqol",),
    "distance": ("zimtohrli",),
    "masked noise": ("noise to mask", "two f"),
}
#: What a point of difference between the slopes of neighbouring segments counts against a
#: point of error in one condition, squared; and between a weight and its third, 100 points.
SMOOTH, EVEN = 0.3, 1.0
#: Weight of a public test's condition: encoders of other years on other samples.
PUBLIC_WEIGHT = 0.5


@dataclass(frozen=True)
class Heard:
    """One condition: its rows and what people said of it."""

    test: str
    family: str
    level: str
    people: float | None
    rows: tuple[Row, ...]

    @property
    def group(self) -> str:
        """The family that is left out together."""
        return self.family if self.test == "odaq" else self.test

    def mean(self, value: Callable[[Raw], float]) -> float:
        """Mean over excerpts; of ODAQ's conditions mixes and solos count the same."""
        parts: dict[bool, list[float]] = defaultdict(list)
        for row in self.rows:
            parts[row.role == "mix" and self.test == "odaq"].append(value(raw_of(row)))
        return float(np.mean([np.mean(part) for part in parts.values()]))


def raw_of(row: Row) -> Raw:
    """What the fusion needs of a row."""
    return Raw(row.visqol, row.zimtohrli, (row.side_db[0], row.side_db[1]), row.peaq)


def heard(rows: Iterable[Row]) -> list[Heard]:
    """The conditions of a table, in its order."""
    found: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        found[row.test, row.family, row.level].append(row)
    return [Heard(*key, each[0].people, tuple(each)) for key, each in found.items()]


def fit(conditions: Sequence[Heard]) -> Fusion:
    """A fusion for conditions that people judged; those that they did not are ignored."""
    judged = [each for each in conditions if each.people is not None]
    curves: dict[str, Curve] = {}
    for family in FAMILIES:
        curves |= _curves(family, [each for each in judged if each.group in HEARS[family]])
    return Fusion(curves, _weights(judged, curves))


def _curves(family: Family, conditions: Sequence[Heard]) -> dict[str, Curve]:
    """The curves of one family's metrics, fitted together."""
    names = CURVES[family]
    places = [(name, knot) for name in names for knot in range(1, len(KNOTS[name]))]
    # An opinion is linear in the losses: a ramp over one segment gives that segment's column.
    columns = [_loss(conditions, family, {n: _ramp(n, k, n == name) for n in METRICS for k in [knot]})
               for name, knot in places]
    fixed = _loss(conditions, family, {name: _ramp(name, 0, False) for name in METRICS})
    design = np.stack(columns, axis=1) - fixed[:, None]
    wanted = _lost(conditions) - fixed
    smooth = [
        _difference(len(places), here)
        for here in range(len(places) - 1)
        if places[here][0] == places[here + 1][0]
    ]
    steps = _solve(design, wanted, _importance(conditions), np.sqrt(SMOOTH) * np.stack(smooth))
    found = {}
    for name in names:
        own = [step for (owner, _), step in zip(places, steps, strict=True) if owner == name]
        found[name] = Curve(KNOTS[name], (0.0, *map(float, np.cumsum(own))))
    return found


def _ramp(name: str, knot: int, lives: bool) -> Curve:
    lost = [0.0] * len(KNOTS[name])
    if lives:
        lost[knot:] = [1.0] * (len(lost) - knot)
    return Curve(KNOTS[name], tuple(lost))


def _loss(conditions: Sequence[Heard], family: Family, curves: Mapping[str, Curve]) -> Vector:
    """Points that a family takes from each condition."""
    place = FAMILIES.index(family)
    fusion = Fusion(curves, dict.fromkeys(FAMILIES, 1 / 3))
    return np.array([100 - each.mean(lambda raw: fusion.opinions(raw)[place]) for each in conditions])


def _weights(conditions: Sequence[Heard], curves: Mapping[str, Curve]) -> dict[Family, float]:
    design = np.stack([_loss(conditions, family, curves) for family in FAMILIES], axis=1)
    even = 100 * np.sqrt(EVEN) * np.eye(len(FAMILIES))
    found = _solve(design, _lost(conditions), _importance(conditions), even, even.sum(1) / 3)
    return {family: float(weight) for family, weight in zip(FAMILIES, found, strict=True)}


def _solve(
    design: Vector,
    wanted: Vector,
    importance: Vector,
    drawn: Vector,
    towards: Vector | None = None,
) -> Vector:
    """Non-negative least squares, drawn to `drawn` times the answer being `towards`."""
    from scipy.optimize import nnls

    rows = np.vstack([design * importance[:, None], drawn])
    goal = np.zeros(len(drawn)) if towards is None else towards
    return np.asarray(nnls(rows, np.concatenate([wanted * importance, goal]))[0])


def _difference(count: int, here: int) -> Vector:
    row = np.zeros(count)
    row[here], row[here + 1] = 1.0, -1.0
    return row


def _lost(conditions: Sequence[Heard]) -> Vector:
    return np.array([100.0 - (each.people or 0.0) for each in conditions])


def _importance(conditions: Sequence[Heard]) -> Vector:
    return np.sqrt([PUBLIC_WEIGHT if each.test == "public" else 1.0 for each in conditions])

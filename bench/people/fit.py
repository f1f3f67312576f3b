"""Fits the fusion's curves and weights to people's means, condition by condition.

Least squares with non-negative slopes and weights, so that nothing rises where a metric says
worse. A curve is fitted to the conditions whose fault its metric can hear (`HEARS`); the
weights are fitted to all conditions, also to those that a metric does not hear, since of a
coded signal nobody says which fault it has. Both are drawn, lightly, to what says least:
slopes that do not jump, weights that are equal. Bandwidths that ears chose draw the weights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bench.people.coded import CUTOFFS_KHZ, swept
from bench.people.measure import Row
from tuner.training.fusion import FAMILIES, METRICS, Curve, Family, Fusion, Raw

Matrix = npt.NDArray[np.float64]

#: Knots, from identity on: closer where conditions lie close.
KNOTS: Mapping[str, tuple[float, ...]] = {
    "visqol": (4.73, 4.6, 4.4, 4.1, 3.7, 3.2, 2.6, 2.0, 1.5),
    "zimtohrli": (5.0, 4.95, 4.85, 4.65, 4.3, 3.7, 2.8, 1.8),
    "noise to mask": (-24.0, -16.0, -12.0, -9.0, -6.0, -3.0, 1.0, 6.0),
    "two f": (118.0, 105.0, 90.0, 75.0, 60.0, 45.0, 30.0, 0.0),
}
#: The curves that make a family's opinion.
CURVES: Mapping[Family, tuple[str, ...]] = {
    "similarity": ("visqol",),
    "distance": ("zimtohrli",),
    "masked noise": ("noise to mask", "two f"),
}
#: The conditions to which a family's curves are fitted. ViSQOL puts holes that people give 15
#: points at 70, and pre-echoes that they give 31 at 95; Zimtohrli puts these at 55.
HEARS: Mapping[Family, frozenset[str]] = {
    "similarity": frozenset({"LP", "public"}),
    "distance": frozenset({"LP", "SH", "UN", "public"}),
    "masked noise": frozenset({"LP", "SH", "TM", "UN", "PE", "public"}),
}
#: What a point of difference between the losses of neighbouring segments counts, against a
#: point of error in one condition, both squared.
SMOOTH = 0.3
#: The same for a hundredth of a weight's distance from a third.
EVEN = 0.2
#: Bandwidths that Fraunhofer's ears chose lie at 13 to 14 kHz at 64 kb/s and 14 to 15.5 at 96:
#: of those that were swept these, and so many points are wanted for each kHz beyond.
EAR_SET_KHZ, POINTS_PER_KHZ = {64.0: 14.0, 96.0: 16.0}, 0.75
#: Weight of one such difference.
EAR_SET_WEIGHT = 4.0
#: Weight of a public test's condition: encoders of other years, on other samples.
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
        """The conditions that are left out together."""
        return self.family if self.test == "odaq" else self.test

    def mean(self, value: Callable[[Raw], float]) -> float:
        """Mean over excerpts; of ODAQ's conditions mixes and solos count the same."""
        parts: dict[bool, list[float]] = defaultdict(list)
        for row in self.rows:
            parts[row.role == "mix" and self.test == "odaq"].append(value(raw_of(row)))
        return float(np.mean([np.mean(part) for part in parts.values()]))

    @cached_property
    def ramps(self) -> Mapping[Family, Matrix]:
        """What each family loses by a ramp from 0 to 1 over each segment of its curves.

        An opinion is linear in the losses of its curves, so these are the columns of the fit;
        the last is what is lost without any curve.
        """
        return {family: self._ramps_of(family) for family in FAMILIES}

    def _ramps_of(self, family: Family) -> Matrix:
        flat = {name: _ramp(name, None) for name in METRICS}
        made = [{**flat, name: _ramp(name, knot)} for name, knot in segments(family)]
        losses = np.array([self.loss(family, curves) for curves in (*made, flat)])
        losses[:-1] -= losses[-1]
        return losses

    def loss(self, family: Family, curves: Mapping[str, Curve]) -> float:
        """Points that a family takes."""
        fusion, place = Fusion(curves, dict.fromkeys(FAMILIES, 1.0)), FAMILIES.index(family)
        return 100.0 - self.mean(lambda raw: fusion.opinions(raw)[place])


def raw_of(row: Row) -> Raw:
    """What the fusion needs of a row."""
    return Raw(row.visqol, row.zimtohrli, (row.side_db[0], row.side_db[1]), row.peaq)


def heard(rows: Iterable[Row]) -> list[Heard]:
    """The conditions of a table, in its order."""
    found: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        found[row.test, row.family, row.level].append(row)
    return [Heard(*key, each[0].people, tuple(each)) for key, each in found.items()]


def segments(family: Family) -> list[tuple[str, int]]:
    """The curves of a family and their segments, each by the knot at its end."""
    return [(name, knot) for name in CURVES[family] for knot in range(1, len(KNOTS[name]))]


def fit(conditions: Sequence[Heard]) -> Fusion:
    """A fusion for conditions that people judged; those that they did not are ignored."""
    judged = [each for each in conditions if each.people is not None]
    curves: dict[str, Curve] = {}
    for family in FAMILIES:
        curves |= _curves(family, [each for each in judged if each.group in HEARS[family]])
    return Fusion(curves, _weights(judged, curves, _beyond(conditions)))


def _weights(
    judged: Sequence[Heard],
    curves: Mapping[str, Curve],
    beyond: Sequence[tuple[Heard, Heard, float]],
) -> dict[Family, float]:
    """What a point of each family costs, fitted to people's means and to ear-set bandwidths."""

    def losses(each: Heard) -> Matrix:
        return np.array([each.loss(family, curves) for family in FAMILIES])

    design = [losses(each) for each in judged]
    design += [losses(wide) - losses(chosen) for wide, chosen, _ in beyond]
    wanted = np.append(_lost(judged), [POINTS_PER_KHZ * khz for _, _, khz in beyond])
    importance = np.append(_importance(judged), np.full(len(beyond), np.sqrt(EAR_SET_WEIGHT)))
    even = 100 * np.sqrt(EVEN) * np.eye(len(FAMILIES))
    found = _solve(np.array(design), wanted, importance, even, even.sum(1) / 3)
    return dict(zip(FAMILIES, map(float, found), strict=True))


def _beyond(conditions: Sequence[Heard]) -> list[tuple[Heard, Heard, float]]:
    """Bandwidths wider than the ear-set one, that one, and the kHz between them."""
    named = {each.family: each for each in conditions if each.test == "bandwidth"}
    return [
        (named[swept(kbps, khz)], named[swept(kbps, chosen)], khz - chosen)
        for kbps, chosen in EAR_SET_KHZ.items()
        for khz in CUTOFFS_KHZ
        if khz > chosen and swept(kbps, khz) in named
    ]


def _curves(family: Family, conditions: Sequence[Heard]) -> dict[str, Curve]:
    """The curves of one family, fitted together."""
    ramps, places = np.stack([each.ramps[family] for each in conditions]), segments(family)
    smooth = [
        np.eye(len(places))[here] - np.eye(len(places))[here + 1]
        for here in range(len(places) - 1)
        if places[here][0] == places[here + 1][0]
    ]
    drawn = np.sqrt(SMOOTH) * np.stack(smooth)
    wanted, importance = _lost(conditions) - ramps[:, -1], _importance(conditions)
    steps = _solve(ramps[:, :-1], wanted, importance, drawn, np.zeros(len(drawn)))
    found = {}
    for name in CURVES[family]:
        own = [step for (owner, _), step in zip(places, steps, strict=True) if owner == name]
        found[name] = Curve(KNOTS[name], (0.0, *map(float, np.cumsum(own))))
    return found


def _ramp(name: str, knot: int | None) -> Curve:
    """No loss up to the knot before, one point from `knot` on; none at all for None."""
    knots = KNOTS[name]
    return Curve(knots, tuple(float(knot is not None and n >= knot) for n in range(len(knots))))


def _solve(
    design: Matrix, wanted: Matrix, importance: Matrix, drawn: Matrix, towards: Matrix
) -> Matrix:
    """Non-negative least squares, drawn to an answer for which `drawn` times it is `towards`."""
    from scipy.optimize import nnls

    rows = np.vstack([design * importance[:, None], drawn])
    return np.asarray(nnls(rows, np.concatenate([wanted * importance, towards]))[0])


def _lost(conditions: Sequence[Heard]) -> Matrix:
    return np.array([100.0 - (each.people or 0.0) for each in conditions])


def _importance(conditions: Sequence[Heard]) -> Matrix:
    return np.sqrt([PUBLIC_WEIGHT if each.test == "public" else 1.0 for each in conditions])

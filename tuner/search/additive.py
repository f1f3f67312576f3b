"""An additive model of the objective: what each value of each parameter adds to it.

Most settings of an encoder act much on their own, so that a sum of their effects, learned from
all trials so far, soon tells which switch to try next; TPE, which sees no such sum, takes about
twice as many trials (``python -m bench.search --parts tpe-aac``). Bayesian linear regression on
indicators of values, from whose posterior a sum is drawn (Thompson sampling), as in R. Baptista
and M. Poloczek, "Bayesian optimization of combinatorial structures", ICML 2018.

What it chooses from is the best settings with a parameter changed: the mutation of a (1+1)
evolution strategy (I. Rechenberg, Evolutionsstrategie, 1973).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tuner.encoder import Settings, Value, is_number
from tuner.study.space import Space

#: Points that a number's effect is interpolated between.
KNOTS = 8
#: Variance of what a sum of effects leaves unexplained, over the variance of one effect.
NOISE = 0.1
#: Points of the objective below the best where trials are no longer told apart.
DEPTH = 15.0
#: Standard deviation of what is drawn from the posterior, over its own: bolder than the mean,
#: less so than a true draw.
BOLDNESS = 0.5
#: Candidates to choose from, and the best trials that they are variations of.
CANDIDATES, PARENTS = 150, 5
#: Trials that it learns from: the best ones, which are `PARENTS`, and the latest.
MEMORY = 500
#: Mean rank of a candidate's parent.
MEAN_RANK = 1.2
#: Chances of a second and of a third parameter changed at once.
MORE_CHANGES = (0.5, 0.2)

#: Standard deviation of a number's change, as a share of its range.
STEP = 0.15
#: How often a number is drawn from its whole range instead.
LEAP = 0.25

Vector = npt.NDArray[np.float64]


class AdditiveModel:
    """Learns from finished trials and proposes settings.

    Args:
        space: the search space.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._trials: dict[int, _Tried] = {}

    def add(self, number: int, settings: Settings, objective: float | None) -> None:
        """Take in a trial by its number; one without an objective counts as bad."""
        value = -math.inf if objective is None else objective
        self._trials[number] = _Tried(settings, self._indicators([settings])[0], value)
        if len(self._trials) > MEMORY:
            best = heapq.nlargest(PARENTS, self._trials, key=self._rank)
            del self._trials[min(self._trials.keys() - best)]

    def propose(self, known: Container[Settings], rng: np.random.Generator) -> Settings | None:
        """Of variations of good trials, those `known` left out, the most promising one.

        None where nothing has an objective yet, or where all variations are known.
        """
        # In the order of their numbers, whichever finished first: a resumed run goes on alike.
        tried = [self._trials[number] for number in sorted(self._trials)]
        objectives = np.array([each.objective for each in tried])
        if not np.isfinite(objectives).any():
            return None
        ranking = np.argsort(-objectives, kind="stable")
        parents = [tried[index].settings for index in ranking[:PARENTS]]
        candidates = self._candidates(parents, known, rng)
        if not candidates:
            return None
        rows = np.array([each.indicators for each in tried])
        effects = _draw_effects(rows, objectives, rng)
        sums = self._indicators(candidates) @ effects
        return candidates[int(np.argmax(sums))]

    def _candidates(
        self, parents: list[Settings], known: Container[Settings], rng: np.random.Generator
    ) -> list[Settings]:
        found: dict[Settings, None] = {}
        for _ in range(CANDIDATES):
            settings = parents[min(int(rng.exponential(MEAN_RANK)), len(parents) - 1)]
            more = [
                drawn < chance for drawn, chance in zip(rng.random(2), MORE_CHANGES, strict=True)
            ]
            for _ in range(1 + sum(more)):
                settings = vary(self._space, settings, rng)
            found[settings] = None
        return [settings for settings in found if settings not in known]

    def _rank(self, number: int) -> tuple[float, int]:
        """The higher, the better; the earliest of equals first."""
        return self._trials[number].objective, -number

    def _indicators(self, tried: Sequence[Settings]) -> Vector:
        """1 for what is chosen; a number is shared by the two knots that it lies between.

        Returns:
            ``[settings, effects]``.
        """
        values = [settings.as_dict() for settings in tried]
        modes = [mode.name for mode in self._space.modes]
        found = [[1.0, *(float(each.rate_mode == mode) for mode in modes)] for each in tried]
        columns = [np.array(found)]
        for parameter in self._space.parameters:
            chosen = [each.get(parameter.name) for each in values]
            if named := parameter.named:
                columns.append(np.array([[float(v == name) for name in named] for v in chosen]))
            if parameter.kind != "choice":
                # Without a number it is next to no knot.
                places = [parameter.place(v) if is_number(v) else -math.inf for v in chosen]
                knots = np.array(places)[:, None] * (KNOTS - 1) - np.arange(KNOTS)
                columns.append(np.maximum(1 - np.abs(knots), 0.0))
        return np.concatenate(columns, axis=1)


class _Tried(NamedTuple):
    settings: Settings
    indicators: Vector
    objective: float


def _draw_effects(rows: Vector, objectives: Vector, rng: np.random.Generator) -> Vector:
    """Effects of all indicators, drawn from their posterior narrowed by `BOLDNESS`.

    Args:
        rows: indicators, ``[trials, effects]``.
        objectives: ``[trials]``; -inf where there is none.
    """
    told = np.maximum(objectives, objectives.max() - DEPTH)
    told = (told - told.mean()) / max(float(told.std()), 1e-9)
    # Prior variance 1 each.
    precision = np.eye(rows.shape[1]) + rows.T @ rows / NOISE
    mean = np.linalg.solve(precision, rows.T @ told / NOISE)
    factor = np.linalg.cholesky(precision)
    drawn = np.linalg.solve(factor.T, rng.standard_normal(len(mean)))
    return np.asarray(mean + BOLDNESS * drawn)


def vary(space: Space, settings: Settings, rng: np.random.Generator) -> Settings:
    """`settings` with one searched parameter drawn anew, and with those that it makes active.

    An optional number changes either to or from a word, or to another number.
    """
    kept = space.dimensions(settings)
    if not kept:
        return settings
    # As `rng.choice` draws, without its array of names.
    changed = [*kept][int(rng.integers(len(kept)))]
    return space.suggest(_Varied(kept, changed, rng))


@dataclass(frozen=True)
class _Varied:
    """Suggests what is kept, and something else for what is changed or new."""

    kept: dict[str, Value]
    changed: str
    rng: np.random.Generator

    def suggest_categorical(self, name: str, choices: Sequence[Value]) -> Value:
        if self._is_kept(name):
            return self.kept[name]
        others = [
            choice for choice in choices if name not in self.kept or choice != self.kept[name]
        ]
        return others[int(self.rng.integers(len(others)))]

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if self._is_kept(name):
            return float(self.kept[name])
        if log:
            return math.exp(self._draw(name, math.log(low), math.log(high), log=True))
        drawn = self._draw(name, low, high)
        return drawn if step is None else min(low + round((drawn - low) / step) * step, high)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        drawn = self.suggest_float(name, low, high, step=None if log else step, log=log)
        return min(max(round(drawn), low), high)

    def _is_kept(self, name: str) -> bool:
        return name in self.kept and name != self.changed

    def _draw(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        if name not in self.kept or self.rng.random() < LEAP:
            return float(self.rng.uniform(low, high))
        centre = float(self.kept[name])
        near = self.rng.normal(math.log(centre) if log else centre, STEP * (high - low))
        return float(min(max(near, low), high))

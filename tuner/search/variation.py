"""Variation: settings with one parameter changed.

What `tuner.search.additive` chooses from. It is the mutation of a (1+1) evolution strategy
(I. Rechenberg, Evolutionsstrategie, 1973).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuner.encoder import Settings, Value
from tuner.study.space import Space

#: Standard deviation of a number's change, as a share of its range.
STEP = 0.15
#: How often a number is drawn from its whole range instead.
LEAP = 0.25


def vary(space: Space, settings: Settings, rng: np.random.Generator) -> Settings:
    """`settings` with one searched parameter drawn anew, and with those that it makes active.

    An optional number changes either to or from a word, or to another number.
    """
    kept = space.dimensions(settings)
    if not kept:
        return settings
    changed = str(rng.choice([*kept]))
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

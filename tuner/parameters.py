"""Parameters, rate modes and settings: what an adapter declares, and values for it.

A parameter is a choice or a number. Many a number may also be a word, as ``"auto"`` where the
encoder chooses it itself: an optional number is one parameter.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeGuard

Value = bool | int | float | str

#: The name under which conditions (`Parameter.when`) refer to the rate mode.
RATE_MODE = "rate_mode"
#: In conditions and tables of options: any number.
NUMBER = "number"


@dataclass(frozen=True)
class Parameter:
    """One tunable parameter of an encoder.

    Args:
        name: identifier, unique within the adapter, snake_case; unit in the name
            where it could be doubted (``cutoff_hz``).
        kind: ``"float"``, ``"int"`` or ``"choice"``.
        default: the encoder's own default.
        meaning: one line from the encoder's documentation.
        low, high: inclusive range of a number.
        step: grid of a number; None for a continuous float, 1 for an int.
        log: sample a number on a logarithmic scale (then without step).
        choices: the values of a choice.
        unit: ``"Hz"``, ``"dB"``, ``"ms"`` or ``""``.
        when: the parameter is active only if each named parameter (or `RATE_MODE`)
            is itself active and has one of these values; `NUMBER` stands for any number.
        words: what an optional number may be instead of a number: ``("auto",)``. A default
            that is a word need not be named here.

    Raises:
        ValueError: if the declaration contradicts itself.
    """

    name: str
    kind: Literal["float", "int", "choice"]
    default: Value
    meaning: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()
    unit: str = ""
    when: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"parameter name {self.name!r} is not an identifier")
        if self.kind == "choice":
            if len(self.choices) < 2:
                raise ValueError(f"parameter {self.name!r}: a choice needs at least two values")
            if self.words:
                raise ValueError(f"parameter {self.name!r}: words are for numbers")
        elif self.low is None or self.high is None or self.low >= self.high:
            raise ValueError(f"parameter {self.name!r}: a {self.kind} needs low < high")
        elif isinstance(self.default, str) and self.default not in self.words:
            object.__setattr__(self, "words", (self.default, *self.words))
        if NUMBER in self.words:
            raise ValueError(f"parameter {self.name!r}: {NUMBER!r} stands for any number")
        if not self.allows(self.default):
            raise ValueError(f"parameter {self.name!r}: default {self.default!r} is not allowed")

    @property
    def named(self) -> tuple[Value, ...]:
        """The values without an order: those of a choice, the words of an optional number."""
        return self.choices if self.kind == "choice" else self.words

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest number. Raises ValueError for a choice."""
        if self.low is None or self.high is None:
            raise ValueError(f"parameter {self.name!r} is no number")
        return self.low, self.high

    def allows(self, value: Value) -> bool:
        """Whether `value` is of the right type and in range."""
        if self.kind == "choice" or isinstance(value, str):
            return any(value == c and type(value) is type(c) for c in self.named)
        low, high = self.range
        # Infinity and NaN are no whole numbers, either.
        if isinstance(value, bool) or not low <= value <= high:
            return False
        return self.kind != "int" or value == int(value)

    def snap(self, value: float) -> float:
        """The nearest number on the grid, in the type of the kind."""
        low, high = self.range
        step = 1 if self.kind == "int" and self.step is None else self.step
        if step is not None and not self.log:
            last = math.floor((high - low) / step + 1e-9)
            value = round(low + min(max(round((value - low) / step), 0), last) * step, 9)
        value = min(max(value, low), high)
        return round(value) if self.kind == "int" else float(value)

    def place(self, value: float) -> float:
        """Where in its range a number lies, 0 to 1; a default off the range at its end."""
        low, high = self.range
        value = min(max(value, low), high)
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return (value - low) / (high - low)


def switch(
    name: str,
    default: bool,
    meaning: str,
    when: Mapping[str, tuple[Value, ...]] | None = None,
) -> Parameter:
    """A choice of on and off, the default first."""
    return Parameter(
        name, "choice", default, meaning, choices=(default, not default), when=when or {}
    )


@dataclass(frozen=True)
class RateMode:
    """One way to control the bitrate, with its knob.

    Args:
        name: ``"cbr"``, ``"abr"``, ``"vbr"`` …
        knob: name of the knob, unit in the name (``"bitrate_kbps"``, ``"quality"``).
        low, high: inclusive range of the knob.
        step: grid of the knob; None if continuous.
        table: the only legal values, ascending, where the encoder has a list; wins
            over `step`.
        nominal: the knob is itself a target bitrate in kb/s.
        rising: whether a higher knob gives a higher bitrate (False for ``lame -V``).
    """

    name: str
    knob: str
    low: float
    high: float
    step: float | None = None
    table: tuple[float, ...] = ()
    nominal: bool = True
    rising: bool = True

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise ValueError(f"rate mode {self.name!r}: low must be below high")
        if self.table and list(self.table) != sorted(self.table):
            raise ValueError(f"rate mode {self.name!r}: table must ascend")

    def snap(self, knob: float) -> float:
        """The nearest legal knob value."""
        if self.table:
            return min(self.table, key=lambda legal: abs(legal - knob))
        knob = min(max(knob, self.low), self.high)
        if self.step is None:
            return knob
        snapped = self.low + round((knob - self.low) / self.step) * self.step
        return min(max(round(snapped, 9), self.low), self.high)


@dataclass(frozen=True)
class Settings:
    """One value for each active parameter, in a canonical, hashable form.

    Args:
        rate_mode: name of the rate mode.
        values: (name, value) pairs; kept sorted by name.
    """

    rate_mode: str
    values: tuple[tuple[str, Value], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(sorted(self.values)))

    @classmethod
    def of(cls, rate_mode: str, values: Mapping[str, Value]) -> Settings:
        """Settings from a mapping."""
        return cls(rate_mode, tuple(values.items()))

    def as_dict(self) -> dict[str, Value]:
        """The parameter values by name, without the rate mode."""
        return dict(self.values)

    def canonical(self) -> str:
        """Canonical JSON; equal settings give equal text."""
        return json.dumps([self.rate_mode, dict(self.values)], sort_keys=True)

    def digest(self) -> str:
        """The first 16 hex digits of the sha256 of `canonical`."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()[:16]


def active_parameters(
    parameters: Sequence[Parameter], rate_mode: str, values: Mapping[str, Value]
) -> list[Parameter]:
    """The parameters whose conditions hold, given the rate mode and values so far.

    A missing value counts as the parameter's default.
    """
    known: dict[str, Value] = {RATE_MODE: rate_mode}
    active = []
    for parameter in parameters:
        if is_active(parameter, known):
            active.append(parameter)
            known[parameter.name] = values.get(parameter.name, parameter.default)
    return active


def is_active(parameter: Parameter, known: Mapping[str, Value]) -> bool:
    """Whether its conditions hold, given the rate mode and the active parameters before it."""
    conditions = parameter.when.items()
    return all(name in known and _is_among(known[name], allowed) for name, allowed in conditions)


def _is_among(value: Value, allowed: Sequence[Value]) -> bool:
    return value in allowed or (NUMBER in allowed and is_number(value))


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a parameter's value is a number, which a switch is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def settings_of(parameters: Sequence[Parameter], rate_mode: str, /, **values: Value) -> Settings:
    """Settings with the given values, defaults elsewhere; what is not active is left out."""
    active = active_parameters(parameters, rate_mode, values)
    return Settings.of(rate_mode, {p.name: values.get(p.name, p.default) for p in active})

"""The search space: from an adapter's declaration to Optuna's suggestions and back.

The rate mode is a parameter like the others where the adapter has several. Conditional
parameters are suggested only when active, so settings are always in canonical form.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol, cast, runtime_checkable

from tuner.encoder import (
    RATE_MODE,
    Encoder,
    Parameter,
    RateMode,
    Settings,
    Value,
    active_parameters,
    is_active,
)
from tuner.errors import StudyError
from tuner.suggestion import did_you_mean, read_switch, show_value


class Suggester(Protocol):
    """The part of `optuna.Trial` that is needed here."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Suggest a float."""

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Suggest a whole number."""

    def suggest_categorical(self, name: str, choices: Sequence[Value]) -> Value:
        """Suggest one of the choices."""


@dataclass(frozen=True)
class Space:
    """What is searched.

    Args:
        parameters: the adapter's declaration.
        modes: the rate modes to choose from; one when the mode is fixed.
        fixed: values of parameters that are not searched.
    """

    parameters: tuple[Parameter, ...]
    modes: tuple[RateMode, ...]
    fixed: Mapping[str, Value]

    def suggest(self, trial: Suggester) -> Settings:
        """Settings proposed by `trial`, fixed values honoured."""
        names = [mode.name for mode in self.modes]
        mode = names[0]
        if len(names) > 1:
            mode = str(trial.suggest_categorical(RATE_MODE, names))
        values: dict[str, Value] = {}
        for parameter in self.parameters:
            if not is_active(parameter, {RATE_MODE: mode, **values}):
                continue
            if parameter.name in self.fixed:
                values[parameter.name] = self.fixed[parameter.name]
            else:
                values[parameter.name] = _suggest(trial, parameter)
        return Settings.of(mode, values)

    def defaults(self) -> list[Settings]:
        """The encoder's defaults in each mode, fixed values laid over; the first is trial 0."""
        return [self.default(mode.name) for mode in self.modes]

    def default(self, mode: str) -> Settings:
        """The encoder's defaults in `mode`, fixed values laid over."""
        active = active_parameters(self.parameters, mode, self.fixed)
        values = {p.name: _canonical(p, self.fixed.get(p.name, p.default)) for p in active}
        return Settings.of(mode, values)

    def adopt(self, settings: Settings) -> Settings | None:
        """Settings of another run, bitrate or preset as this space has them.

        Fixed values are laid over, what is missing is the default; None if the rate mode or
        a value is not allowed here.
        """
        if settings.rate_mode not in [mode.name for mode in self.modes]:
            return None
        values = {**settings.as_dict(), **self.fixed}
        active = active_parameters(self.parameters, settings.rate_mode, values)
        chosen = {p.name: _canonical(p, values.get(p.name, p.default)) for p in active}
        if not all(parameter.allows(chosen[parameter.name]) for parameter in active):
            return None
        return Settings.of(settings.rate_mode, chosen)

    def params_of(self, settings: Settings) -> dict[str, Value]:
        """What to enqueue so that `suggest` gives `settings`.

        Numbers off their declared grid move to the nearest point of it, for Optuna only.
        """
        declared = {parameter.name: parameter for parameter in self.parameters}
        params: dict[str, Value] = {
            name: _on_grid(declared[name], value)
            for name, value in settings.values
            if name not in self.fixed
        }
        if len(self.modes) > 1:
            params[RATE_MODE] = settings.rate_mode
        return params

    def digest(self) -> str:
        """First 16 hex digits of the sha256 of parameters, rate modes and fixed values."""
        declared = [[asdict(p) for p in self.parameters], [asdict(m) for m in self.modes]]
        content = json.dumps([declared, dict(self.fixed)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


@runtime_checkable
class HasPresets(Protocol):
    """What an adapter may have besides `tuner.encoder.Encoder`."""

    @property
    def presets(self) -> Sequence[Settings]:
        """Settings that its makers or users know as good; tried first at every bitrate."""


def presets_of(encoder: Encoder) -> Sequence[Settings]:
    """The presets of an adapter that has any."""
    return encoder.presets if isinstance(encoder, HasPresets) else ()


def make_space(encoder: Encoder, fixed: Mapping[str, Value]) -> Space:
    """The search space of an encoder.

    Args:
        encoder: the adapter.
        fixed: values of parameters (or of `RATE_MODE`) that are not searched. A text, as
            it comes from a command line, is read as the parameter's type.

    Raises:
        StudyError: listing every name or value that the encoder does not know.
    """
    problems: list[str] = []
    modes = tuple(encoder.rate_modes)
    if RATE_MODE in fixed:
        modes = tuple(mode for mode in modes if mode.name == fixed[RATE_MODE])
        if not modes:
            known = ", ".join(mode.name for mode in encoder.rate_modes)
            problems.append(f"{RATE_MODE}: must be one of {known} (got {fixed[RATE_MODE]!r})")
    declared = {parameter.name: parameter for parameter in encoder.parameters}
    values: dict[str, Value] = {}
    for name, raw in fixed.items():
        if name == RATE_MODE:
            continue
        if name not in declared:
            problems.append(
                f"{name}: {encoder.name} has no such parameter{did_you_mean(name, declared)};"
                f" it has: {', '.join(declared)}"
            )
            continue
        value = _read(declared[name], raw)
        if value is None:
            problems.append(f"{name}: must be {_allowed(declared[name])} (got {str(raw)[:80]!r})")
        else:
            values[name] = value
    if problems:
        raise StudyError("\n  ".join(["invalid fixed values:", *problems]))
    return Space(tuple(encoder.parameters), modes, values)


def _suggest(trial: Suggester, parameter: Parameter) -> Value:
    name = parameter.name
    if parameter.kind == "choice":
        return trial.suggest_categorical(name, parameter.choices)
    assert parameter.low is not None and parameter.high is not None
    if parameter.kind == "int":
        step = 1 if parameter.log else int(parameter.step or 1)
        low, high = int(parameter.low), int(_grid_end(parameter))
        return trial.suggest_int(name, low, high, step=step, log=parameter.log)
    step_or_none = None if parameter.log else parameter.step
    high_float = _grid_end(parameter)
    return trial.suggest_float(
        name, float(parameter.low), high_float, step=step_or_none, log=parameter.log
    )


def _grid_end(parameter: Parameter) -> float:
    """The highest point of the grid (Optuna warns when the range is no multiple of it)."""
    assert parameter.low is not None and parameter.high is not None
    if parameter.log or parameter.step is None:
        return float(parameter.high)
    steps = math.floor((parameter.high - parameter.low) / parameter.step + 1e-9)
    return round(parameter.low + steps * parameter.step, 9)


def _on_grid(parameter: Parameter, value: Value) -> Value:
    if parameter.kind == "choice" or parameter.step is None or parameter.log:
        return value
    assert parameter.low is not None
    steps = round((cast(float, value) - parameter.low) / parameter.step)
    snapped = min(round(parameter.low + steps * parameter.step, 9), _grid_end(parameter))
    return int(snapped) if parameter.kind == "int" else snapped


def _canonical(parameter: Parameter, value: Value) -> Value:
    """`value` in the type of its kind, so that 1 and 1.0 are the same settings."""
    if parameter.kind == "choice" or isinstance(value, str):
        return value
    return float(value) if parameter.kind == "float" else int(value)


def _read(parameter: Parameter, raw: Value) -> Value | None:
    """`raw` as a value that the parameter allows; None when there is none."""
    if parameter.kind == "choice":
        found = [c for c in parameter.choices if c == raw and type(c) is type(raw)]
        if not found and isinstance(raw, str):
            found = [c for c in parameter.choices if str(c).lower() == raw.lower()]
            found = found or [c for c in parameter.choices if c is read_switch(raw)]
        return found[0] if found else None
    try:
        number = float(raw) if isinstance(raw, str) else raw
    except ValueError:
        return None
    return _canonical(parameter, number) if parameter.allows(number) else None


def _allowed(parameter: Parameter) -> str:
    if parameter.kind == "choice":
        return "one of " + ", ".join(map(show_value, parameter.choices))
    kind = "an integer" if parameter.kind == "int" else "a number"
    return f"{kind} from {parameter.low:g} to {parameter.high:g} {parameter.unit}".rstrip()

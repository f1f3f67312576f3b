"""The search space: from an adapter's declaration to Optuna's suggestions and back.

The rate mode is a parameter like the others where the adapter has several. Conditional
parameters are suggested only when active, so settings are always in canonical form.

An optional number, one parameter of an encoder, is suggested in two steps: a word or "a
number", and then which. Samplers so learn of the word apart from the numbers, none of which it
is near to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from tuner.encoder import (
    NUMBER,
    RATE_MODE,
    Encoder,
    Parameter,
    RateMode,
    Settings,
    Value,
    active_parameters,
    is_active,
    is_number,
)
from tuner.errors import StudyError
from tuner.suggestion import did_you_mean, read_switch, show_value

#: After its name, where Optuna knows an optional number.
NUMBER_OF = f" ({NUMBER})"


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
            if parameter.when and not is_active(parameter, {RATE_MODE: mode, **values}):
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

    def dimensions(self, settings: Settings) -> dict[str, Value]:
        """What `suggest` asks for, as it is in `settings`; fixed values are left out."""
        words = {parameter.name: parameter.words for parameter in self.parameters}
        found: dict[str, Value] = {}
        for name, value in settings.values:
            if name in self.fixed:
                continue
            if words[name] and is_number(value):
                found |= {name: NUMBER, name + NUMBER_OF: value}
            else:
                found[name] = value
        if len(self.modes) > 1:
            found[RATE_MODE] = settings.rate_mode
        return found

    def params_of(self, settings: Settings) -> dict[str, Value]:
        """What to enqueue so that `suggest` gives `settings`.

        Numbers off their declared grid move to the nearest point of it, for Optuna only.
        """
        declared = {parameter.name: parameter for parameter in self.parameters}
        return {
            name: _on_grid(declared.get(parameter_of(name)), value)
            for name, value in self.dimensions(settings).items()
        }

    def digest(self) -> str:
        """First 16 hex digits of the sha256 of parameters, rate modes and fixed values."""
        declared = [[asdict(p) for p in self.parameters], [asdict(m) for m in self.modes]]
        content = json.dumps([declared, dict(self.fixed)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def parameter_of(dimension: str) -> str:
    """The name of the parameter that one of Optuna's parameters belongs to."""
    return dimension.removesuffix(NUMBER_OF)


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
        raise StudyError("\n  ".join(["invalid parameters:", *problems]), where=encoder.name)
    return Space(tuple(encoder.parameters), modes, values)


def _suggest(trial: Suggester, parameter: Parameter) -> Value:
    name = parameter.name
    if parameter.kind == "choice":
        return trial.suggest_categorical(name, parameter.choices)
    if parameter.words:
        chosen = trial.suggest_categorical(name, (*parameter.words, NUMBER))
        if chosen != NUMBER:
            return chosen
        name += NUMBER_OF
    low, high = parameter.range
    if parameter.kind == "int" or parameter.step is not None:
        # Optuna warns when the range is no multiple of the step.
        high = parameter.snap(high)
    if parameter.kind == "int":
        step = 1 if parameter.log else int(parameter.step or 1)
        return trial.suggest_int(name, int(low), int(high), step=step, log=parameter.log)
    step_or_none = None if parameter.log else parameter.step
    return trial.suggest_float(name, float(low), float(high), step=step_or_none, log=parameter.log)


def _on_grid(parameter: Parameter | None, value: Value) -> Value:
    if parameter is None or parameter.kind == "choice" or parameter.step is None:
        return value
    return value if isinstance(value, str) else parameter.snap(value)


def _canonical(parameter: Parameter, value: Value) -> Value:
    """`value` in the type of its kind, so that 1 and 1.0 are the same settings."""
    if parameter.kind == "choice" or isinstance(value, str):
        return value
    return float(value) if parameter.kind == "float" else int(value)


def _read(parameter: Parameter, raw: Value) -> Value | None:
    """`raw` as a value that the parameter allows; None when there is none."""
    found = [c for c in parameter.named if c == raw and type(c) is type(raw)]
    if not found and (isinstance(raw, str) or parameter.words):
        found = [c for c in parameter.named if str(c).lower() == show_value(raw).lower()]
    if not found and isinstance(raw, str):
        found = [c for c in parameter.named if c is read_switch(raw)]
    if found or parameter.kind == "choice":
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
    numbers = f"{kind} from {parameter.low:g} to {parameter.high:g} {parameter.unit}".rstrip()
    return " or ".join([*map(show_value, parameter.words), numbers])

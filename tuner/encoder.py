"""The encoder as a plug-in: what an adapter declares and does.

An adapter is an object that satisfies `Encoder`. It declares its tunable
parameters and its rate modes, and turns PCM into bytes and bytes into PCM. It is
found by entry point in the group ``tuner.encoders``; the core never branches on
an encoder's name. Adapters must be picklable: they travel to worker processes.

Conventions: PCM is float32 ``[C, T]`` (C = 1 or 2), nominal range ±1, not clipped.
Bitrates are in kb/s (1000 bits a second). A *knob* is the one number that moves an
adapter's bitrate in a rate mode: a target bitrate, or a VBR quality.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from tuner.errors import (
    AdapterError,
    DecodeFailed,
    EncoderError,
    EncoderFailed,
    EncoderMissing,
    EncoderTimedOut,
    OptionIgnored,
    SettingsError,
)
from tuner.time_limit import TimeLimit

__all__ = [
    "RATE_MODE",
    "SOURCE",
    "AdapterError",
    "DecodeFailed",
    "Encoded",
    "Encoder",
    "EncoderError",
    "EncoderFailed",
    "EncoderMissing",
    "EncoderTimedOut",
    "OptionIgnored",
    "Parameter",
    "Pcm",
    "RateMode",
    "Settings",
    "SettingsError",
    "TimeLimit",
    "Value",
    "Version",
    "active_parameters",
    "converting",
    "default_settings",
    "find_rate_mode",
    "validate",
]

Pcm = npt.NDArray[np.float32]
Value = bool | int | float | str

#: What stands for the user's file in command lines.
SOURCE = "input.wav"
#: The name under which conditions (`Parameter.when`) refer to the rate mode.
RATE_MODE = "rate_mode"


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
            is itself active and has one of these values.

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

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"parameter name {self.name!r} is not an identifier")
        if self.kind == "choice":
            if len(self.choices) < 2:
                raise ValueError(f"parameter {self.name!r}: a choice needs at least two values")
        elif self.low is None or self.high is None or self.low >= self.high:
            raise ValueError(f"parameter {self.name!r}: a {self.kind} needs low < high")
        if not self.allows(self.default):
            raise ValueError(f"parameter {self.name!r}: default {self.default!r} is not allowed")

    def allows(self, value: Value) -> bool:
        """Whether `value` is of the right type and in range."""
        if self.kind == "choice":
            return any(value == c and type(value) is type(c) for c in self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        assert self.low is not None and self.high is not None
        if not self.low <= value <= self.high:  # infinity and NaN are no whole numbers, either
            return False
        return self.kind != "int" or value == int(value)


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


@dataclass(frozen=True)
class Version:
    """Which build of an encoder runs; part of every cache key.

    Args:
        text: what the binary says of itself ("ffmpeg 9.0.2, LAME 4.1a").
        binary: path of the binary or library.
        digest: first 16 hex digits of the sha256 of the binary's bytes.
    """

    text: str
    binary: str
    digest: str


@dataclass(frozen=True)
class Encoded:
    """One encoded clip.

    Args:
        data: the whole file, container included.
        suffix: file suffix with dot (".m4a"); tells the decoder the container.
        payload_bits: bits of codec payload, container overhead not counted.
        encode_s: CPU seconds (user + system) that the encoder spent.
        notes: what the encoder told of choices of its own ("Resampling: input 48 kHz
            output 24 kHz"): facts to record, where an ignored option would be an error.
    """

    data: bytes
    suffix: str
    payload_bits: int
    encode_s: float
    notes: tuple[str, ...] = ()


@runtime_checkable
class Encoder(Protocol):
    """What an adapter is. See `docs/adapters.md` for a tutorial."""

    @property
    def name(self) -> str:
        """Short name, as on the command line."""

    @property
    def version(self) -> Version:
        """The build that runs, read from the binary. Raises `EncoderMissing`."""

    @property
    def parameters(self) -> Sequence[Parameter]:
        """The tunable parameters, conditions after what they depend on."""

    @property
    def rate_modes(self) -> Sequence[RateMode]:
        """The ways to control the bitrate; the first is the encoder's default."""

    def encode(self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float) -> Encoded:
        """Encode one clip.

        Args:
            pcm: float32 ``[C, T]``.
            sample_rate: Hz.
            settings: one value for each active parameter.
            knob: value of the rate mode's knob.

        Raises:
            SettingsError: unknown or inactive parameter, value out of range.
            EncoderMissing: the binary is not there.
            EncoderFailed: it crashed, timed out, or ignored an option.
        """

    def decode(self, encoded: Encoded) -> tuple[Pcm, int]:
        """Decode to float32 ``[C, T]`` and its sample rate in Hz, neither aligned nor trimmed.

        Raises:
            DecodeFailed: the data cannot be decoded.
        """

    def command_line(
        self, settings: Settings, knob: float, source: str, target: str
    ) -> Sequence[str]:
        """The command that a user types to get this encode of `source` into `target`."""


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
    return all(name in known and known[name] in allowed for name, allowed in conditions)


def default_settings(encoder: Encoder, rate_mode: str | None = None) -> Settings:
    """The encoder's own defaults in `rate_mode` (its first one when None)."""
    mode = rate_mode or encoder.rate_modes[0].name
    return settings_of(encoder.parameters, mode)


def settings_of(parameters: Sequence[Parameter], rate_mode: str, /, **values: Value) -> Settings:
    """Settings with the given values, defaults elsewhere; what is not active is left out."""
    active = active_parameters(parameters, rate_mode, values)
    return Settings.of(rate_mode, {p.name: values.get(p.name, p.default) for p in active})


def find_rate_mode(encoder: Encoder, name: str) -> RateMode:
    """The rate mode called `name`. Raises `SettingsError` if there is none."""
    for mode in encoder.rate_modes:
        if mode.name == name:
            return mode
    known = ", ".join(m.name for m in encoder.rate_modes)
    raise SettingsError(f"no rate mode {name!r}", where=encoder.name, remedy=f"available: {known}")


def validate(encoder: Encoder, settings: Settings, knob: float | None = None) -> RateMode:
    """Check settings (and a knob) against an adapter's declaration.

    Returns:
        The rate mode of the settings.

    Raises:
        SettingsError: naming the parameter, the value and what is allowed.
    """
    mode = find_rate_mode(encoder, settings.rate_mode)
    values = settings.as_dict()
    active = {p.name: p for p in active_parameters(encoder.parameters, mode.name, values)}
    known = {p.name for p in encoder.parameters}
    for name, value in values.items():
        if name not in known:
            raise SettingsError(
                f"unknown parameter {name!r}", where=encoder.name, remedy="see `tuner encoders`"
            )
        if name not in active:
            raise SettingsError(
                f"parameter {name!r} is not active in {settings}", where=encoder.name
            )
        if not active[name].allows(value):
            raise SettingsError(
                f"{name}={value!r} is out of range: {active[name]}", where=encoder.name
            )
    if missing := sorted(active.keys() - values.keys()):
        raise SettingsError(f"no value for {', '.join(missing)}", where=encoder.name)
    if knob is not None:
        legal = knob in mode.table if mode.table else mode.low <= knob <= mode.high
        if not legal:
            raise SettingsError(
                f"{mode.knob}={knob} is not legal in mode {mode.name}"
                f" ({mode.table or f'{mode.low} to {mode.high}'})",
                where=encoder.name,
            )
    return mode


def converting(rate: int) -> list[str]:
    """The command that brings `SOURCE` to a sample rate in Hz, as a WAV file of 24 bits."""
    return ["ffmpeg", "-i", SOURCE, "-ar", str(rate), "-c:a", "pcm_s24le", f"input-{rate}.wav"]

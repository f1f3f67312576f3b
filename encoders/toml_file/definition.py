"""What a file says: its keys as data, and the words that values become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from encoders.command import OPTION_IGNORED
from tuner.encoder import NUMBER, Parameter, RateMode, Value, is_number

Words = tuple[str, ...]
#: Words for every value, or for each value its own.
Options = Words | Mapping[str, Words]


@dataclass(frozen=True, kw_only=True)
class TomlRateMode(RateMode):
    """A rate mode and its options."""

    options: Options

    def arguments(self, knob: float) -> list[str]:
        """The words for a value of the knob."""
        return [fill_knob(word, knob) for word in pick(self.options, knob)]


@dataclass(frozen=True, kw_only=True)
class TomlParameter(Parameter):
    """A parameter, and how its value reaches the program."""

    options: Options = ()
    always: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    file: Words = ()

    def arguments(self, value: Value) -> list[str]:
        """Its options for a value; none at the default."""
        return self._filled(pick(self.options, value) if self._is_told(value) else (), value)

    def variables(self, value: Value) -> list[str]:
        """The environment's variables for a value, ``NAME=text``."""
        return self._filled([f"{name}={text}" for name, text in self.env.items()], value)

    def lines(self, value: Value) -> list[str]:
        """The configuration file's lines for a value."""
        return self._filled(self.file, value)

    def _is_told(self, value: Value) -> bool:
        return self.always or value != self.default

    def _filled(self, words: Sequence[str], value: Value) -> list[str]:
        return [fill_value(word, value) for word in words] if self._is_told(value) else []


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A whole file; `encoders.toml_file` tells what its keys mean."""

    name: str
    suffix: str
    encode: Words
    rate_modes: tuple[TomlRateMode, ...]
    parameters: tuple[TomlParameter, ...] = ()
    quiet: Words = ()
    version_arguments: Words = ("--version",)
    version_pattern: str = r"\S.*"
    version_mark: str = ""
    decode: Words = ()
    payload: Literal["packets", "file"] = "packets"
    header_bytes: int = 0
    install: str = "install it, or give its path (--binary)"
    channels: Literal[1, 2] | None = None
    sample_rates_hz: tuple[int, ...] = ()
    source_bits: Literal[16, 24] = 24
    config: str = ""
    libraries: Words = ()
    ignored: str = "{usual}"
    noted: str = ""
    noted_mark: str = ""


#: Stands for the usual complaints in the key `ignored`.
USUAL = "{usual}", OPTION_IGNORED.pattern


def fill_knob(word: str, knob: float) -> str:
    """A word of a rate mode's options, filled."""
    return _fill(word, knob=knob, knob_bps=round(1000 * knob))


def fill_value(word: str, value: Value) -> str:
    """A word of a parameter's options, filled."""
    return _fill(word, value=value)


def _fill(word: str, **places: Value) -> str:
    """A word with its places filled: numbers without trailing zeros, or as it says."""
    shown = {
        name: key(value) if f"{{{name}}}" in word or isinstance(value, bool) else value
        for name, value in places.items()
    }
    return word.format_map(shown)


def key(value: Value) -> str:
    """A value as a key of a TOML table, and as a program is told it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def pick(options: Options, value: Value) -> Sequence[str]:
    """The words for a value. Raises KeyError where a table has none."""
    if not isinstance(options, Mapping):
        return options
    if is_number(value) and key(value) not in options and NUMBER in options:
        return options[NUMBER]
    return options[key(value)]

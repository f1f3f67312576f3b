"""Does a parameter act? Tried by encoding clips with one value and with another.

A *fingerprint* is what an encode comes to: its payload bits and its decoded samples, which are
decoded only where the bits do not tell already. A parameter *acts* in a rate mode when moving it
changes the fingerprint of some clip at some knob value. Two values that always give the same
fingerprint are *aliases*.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np

from tuner.encoder import (
    NUMBER,
    RATE_MODE,
    Encoded,
    Encoder,
    Parameter,
    Pcm,
    RateMode,
    Settings,
    Value,
    settings_of,
)
from tuner.errors import EncoderError
from tuner.sound.audio import SAMPLE_RATE

#: At how many knob values a parameter is tried.
KNOBS = 4


@dataclass(eq=False)
class Fingerprint:
    """What an encode comes to; two are equal if payload bits and decoded samples are.

    Args:
        encoder: the adapter that decodes.
        encoded: what it made.
    """

    encoder: Encoder
    encoded: Encoded

    @cached_property
    def samples(self) -> bytes:
        """A digest of the decoded samples."""
        return hashlib.sha256(self.encoder.decode(self.encoded)[0].tobytes()).digest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Fingerprint):
            return NotImplemented
        if self.encoded.payload_bits != other.encoded.payload_bits:
            return False
        return self.encoded.data == other.encoded.data or self.samples == other.samples

    __hash__ = None  # type: ignore[assignment]  # as of all that compare by content


def spread_knobs(mode: RateMode, count: int) -> list[float]:
    """Legal knob values over the inner 80 % of a mode's range, the bitrate rising."""
    places = np.linspace(0.1, 0.9, count)
    if mode.nominal:
        knobs = mode.low * (mode.high / mode.low) ** places
    else:
        knobs = mode.low + (mode.high - mode.low) * places
    legal = sorted({mode.snap(float(knob)) for knob in knobs})
    return legal if mode.rising else legal[::-1]


@dataclass
class Probe:
    """Tries one encoder's parameters; remembers what it has encoded.

    Args:
        encoder: the adapter.
        clips: what is encoded, float32 ``[C, T]`` at 48 kHz.
    """

    encoder: Encoder
    clips: Sequence[Pcm]
    _memo: dict[object, Fingerprint | None] = field(default_factory=dict)

    def acts(self, parameter: Parameter, mode: RateMode) -> bool:
        """Whether some value gives another fingerprint than the default in `mode`."""
        for case in self._cases([mode]):
            default = self._outcome(*case, parameter, parameter.default)
            for value in other_values(parameter):
                if _differ(default, self._outcome(*case, parameter, value)):
                    return True
        return False

    def find_aliases(self, parameter: Parameter) -> list[tuple[Value, Value]]:
        """Pairs of values that come to the same in every mode, or of which one is never taken.

        All pairs of choices, and of words; for numbers each end and a value a quarter of the range
        inside.
        """
        pairs = list(_should_differ(parameter))
        for case in self._cases(active_modes(self.encoder, parameter)):
            outcomes = {
                value: self._outcome(*case, parameter, value) for pair in pairs for value in pair
            }
            pairs = [pair for pair in pairs if not _differ(*(outcomes[v] for v in pair))]
            if not pairs:
                break
        return pairs

    def _cases(self, modes: Sequence[RateMode]) -> Iterator[tuple[RateMode, float, int]]:
        """Where to look for an effect: mode, knob, and number of the clip."""
        for clip in range(len(self.clips)):
            for mode in modes:
                for knob in spread_knobs(mode, KNOBS):
                    yield mode, knob, clip

    def _outcome(
        self, mode: RateMode, knob: float, clip: int, parameter: Parameter, value: Value
    ) -> Fingerprint | None:
        """The fingerprint with one value changed; None where the encoder refuses it."""
        values = {**needed_values(self.encoder, parameter), parameter.name: value}
        settings = settings_with(self.encoder, mode, values)
        key = (settings, knob, clip)
        if key not in self._memo:
            try:
                self._memo[key] = fingerprint(self.encoder, settings, knob, self.clips[clip])
            except EncoderError:
                self._memo[key] = None
        return self._memo[key]


def _differ(one: Fingerprint | None, other: Fingerprint | None) -> bool:
    """Whether both were encoded, and to different things: a refusal proves nothing."""
    return one is not None and other is not None and one != other


def active_modes(encoder: Encoder, parameter: Parameter) -> list[RateMode]:
    """The rate modes in which a parameter can be active."""
    by_name = {p.name: p for p in encoder.parameters}
    modes = list(encoder.rate_modes)
    if RATE_MODE in parameter.when:
        modes = [mode for mode in modes if mode.name in parameter.when[RATE_MODE]]
    for name in parameter.when.keys() & by_name.keys():
        modes = [mode for mode in modes if mode in active_modes(encoder, by_name[name])]
    return modes


def needed_values(encoder: Encoder, parameter: Parameter) -> dict[str, Value]:
    """Values of other parameters under which `parameter` is active."""
    by_name = {p.name: p for p in encoder.parameters}
    needed: dict[str, Value] = {}
    for name, allowed in parameter.when.items():
        if name != RATE_MODE:
            value = _middle(by_name[name]) if allowed[0] == NUMBER else allowed[0]
            needed |= needed_values(encoder, by_name[name]) | {name: value}
    return needed


def other_values(parameter: Parameter) -> list[Value]:
    """Some values of a parameter other than its default."""
    ends = [] if parameter.kind == "choice" else list(map(parameter.snap, parameter.range))
    return [value for value in (*parameter.named, *ends) if value != parameter.default]


def _should_differ(parameter: Parameter) -> Iterator[tuple[Value, Value]]:
    """Pairs of values that must not come to the same."""
    yield from combinations(parameter.named, 2)
    if parameter.kind == "choice":
        return
    low, high = parameter.range
    quarter = (high - low) / 4
    for end, inside in ((low, quarter), (high, -quarter)):
        pair = parameter.snap(end), parameter.snap(end + inside)
        if pair[0] != pair[1]:
            yield pair


def _middle(parameter: Parameter) -> Value:
    low, high = parameter.range
    return parameter.snap((low + high) / 2)


def settings_with(encoder: Encoder, mode: RateMode, values: Mapping[str, Value]) -> Settings:
    """Settings with the given values, defaults elsewhere; inactive ones are left out."""
    return settings_of(encoder.parameters, mode.name, **values)


def fingerprint(encoder: Encoder, settings: Settings, knob: float, clip: Pcm) -> Fingerprint:
    """What one clip comes to."""
    return Fingerprint(encoder, encoder.encode(clip, SAMPLE_RATE, settings, knob))

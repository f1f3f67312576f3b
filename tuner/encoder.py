"""The encoder as a plug-in: what an adapter declares and does.

An adapter is an object that satisfies `Encoder`. It declares its tunable
parameters and its rate modes (`tuner.parameters`), and turns PCM into bytes and bytes into
PCM. It is found by entry point in the group ``tuner.encoders``; the core never branches on
an encoder's name. Adapters must be picklable: they travel to worker processes.

Conventions: PCM is float32 ``[C, T]`` (C = 1 to 8, in the order of
`tuner.layout`), nominal range ±1, not clipped.
Bitrates are in kb/s (1000 bits a second). A *knob* is the one number that moves an
adapter's bitrate in a rate mode: a target bitrate, or a VBR quality.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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
from tuner.parameters import (
    NUMBER,
    RATE_MODE,
    Parameter,
    RateMode,
    Settings,
    Value,
    active_parameters,
    is_active,
    is_number,
    settings_of,
    switch,
)
from tuner.time_limit import TimeLimit

__all__ = [
    "NUMBER",
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
    "is_active",
    "is_number",
    "settings_of",
    "switch",
    "validate",
]

Pcm = npt.NDArray[np.float32]

#: What stands for the user's file in command lines.
SOURCE = "input.wav"


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
    """What an adapter is. See `docs/adapters.md` for a tutorial.

    An adapter that inherits this class needs the abstract members only; the others have
    defaults, which suit a simple encoder.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Short name, as on the command line."""

    @property
    @abstractmethod
    def version(self) -> Version:
        """The build that runs, read from the binary. Raises `EncoderMissing`."""

    @property
    @abstractmethod
    def parameters(self) -> Sequence[Parameter]:
        """The tunable parameters, conditions after what they depend on."""

    @property
    @abstractmethod
    def rate_modes(self) -> Sequence[RateMode]:
        """The ways to control the bitrate; the first is the encoder's default."""

    @abstractmethod
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

    @abstractmethod
    def decode(self, encoded: Encoded) -> tuple[Pcm, int]:
        """Decode to float32 ``[C, T]`` and its sample rate in Hz, neither aligned nor trimmed.

        Raises:
            DecodeFailed: the data cannot be decoded.
        """

    @abstractmethod
    def command_line(
        self, settings: Settings, knob: float, source: str, target: str
    ) -> Sequence[str]:
        """The command that a user types to get this encode of `source` into `target`."""

    @property
    def presets(self) -> Sequence[Settings]:
        """Settings that its makers or users know as good; tried first at every bitrate."""
        return ()

    @property
    def teaches(self) -> bool:
        """Whether `tuner dataset` uses it without being asked for it by name."""
        return True

    @property
    def reads_floats(self) -> bool:
        """Whether its command takes WAV files of floats as they are; others get 24 bits."""
        return False

    def programs(self) -> Sequence[str]:
        """Paths of what would be run or loaded, found without running any of it.

        The user must trust them before a run's file or binary is used (`tuner.study.trust`).
        """
        return ()

    def latency_ms(self, settings: Settings) -> float | None:
        """Algorithmic delay of encoder and decoder together, milliseconds; None: not known."""
        return None


def default_settings(encoder: Encoder, rate_mode: str | None = None) -> Settings:
    """The encoder's own defaults in `rate_mode` (its first one when None)."""
    mode = rate_mode or encoder.rate_modes[0].name
    return settings_of(encoder.parameters, mode)


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


def converting(rate: int | None, *, to_stereo: bool = False) -> list[str]:
    """The command that makes of `SOURCE` what is encoded, a WAV file of 24 bits; empty if nothing.

    Args:
        rate: Hz, to which it is brought; None: it keeps its own.
        to_stereo: mix more than two channels down, as `tuner.sound.surround.downmix` does; mono and
            stereo stay as they are.
    """
    if rate is None and not to_stereo:
        return []
    mixing = ["-af", "aformat=channel_layouts=stereo|mono"] if to_stereo else []
    resampling = ["-ar", str(rate)] if rate is not None else []
    target = f"input-{rate or 'stereo'}.wav"
    return ["ffmpeg", "-i", SOURCE, *mixing, *resampling, "-c:a", "pcm_s24le", target]

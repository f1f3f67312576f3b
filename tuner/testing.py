"""For tests: the contract that every adapter must keep, a fake encoder, a fake scorer.

An adapter's whole test module, an outsider's too::

    from tuner.testing import EncoderContract
    class TestMine(EncoderContract):
        encoder = Mine()

The fakes satisfy the protocols in pure numpy, run in milliseconds, repeat exactly and
fail on demand.
"""

from __future__ import annotations

import hashlib
import math
import os
import pickle
import signal
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np

from tuner.audio import SAMPLE_RATE, align, find_delay, resample
from tuner.encoder import (
    RATE_MODE,
    Encoded,
    Encoder,
    Parameter,
    Pcm,
    RateMode,
    Settings,
    Value,
    Version,
    active_parameters,
    default_settings,
    validate,
)
from tuner.errors import DecodeFailed, EncoderFailed, EncoderMissing, ScoreError, SettingsError
from tuner.scorer import Score

#: Length of the contract's clips, s.
CLIP_S = 1.0
#: A short clip's bitrate may fall this much while the knob rises: rate control looks
#: ahead and saves, and the last frame pads (relative; 0.2 % measured on 1 s).
RATE_SLACK = 0.02
#: Least correlation at lag 0 between the aligned decode at a high rate and its clip.
FAITHFUL = 0.9
#: Digital silence may decode to dither at most this loud (-60 dBFS).
QUIET_PEAK = 1e-3

#: Pairs of a parameter's name and value.
Trigger = tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class FakeEncoder:
    """A codec that adds noise: less with more bits, and with better settings.

    The signal-to-noise ratio is 12 dB for each doubling of the bitrate above 16 kb/s,
    plus `gain_db` of the settings. The best ones are: vbr, shaping 7, joint True,
    bandwidth manual at 14 kHz, 9 dB in all; the defaults give 0.

    Args:
        binary: None, or a file that must exist.
        crash_on: settings with any of these values raise `EncoderFailed`.
        hang_on: settings with any of these values sleep for `hang_s` seconds first.
        garbage_on: settings with any of these values give data that cannot be decoded.
        die_on: settings with any of these values kill the process that encodes (SIGKILL).
        delay: samples by which the decoded signal is late.
        build: stands for the binary's version.
    """

    binary: str | None = None
    crash_on: Trigger = ()
    hang_on: Trigger = ()
    hang_s: float = 60.0
    garbage_on: Trigger = ()
    die_on: Trigger = ()
    delay: int = 0
    build: str = "1"

    name: ClassVar[str] = "fake"
    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        RateMode("abr", "bitrate_kbps", low=8, high=320),
        # One step is 1.7 % of bitrate.
        RateMode("vbr", "quality", low=0, high=10, step=0.05, nominal=False, rising=False),
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("shaping", "int", 3, "noise shaping, best at 7", low=0, high=10, step=1),
        Parameter("joint", "choice", True, "joint stereo", choices=(True, False)),
        Parameter("bandwidth", "choice", "auto", "low-pass", choices=("auto", "manual")),
        Parameter(
            "bandwidth_hz",
            "int",
            16_000,
            "low-pass frequency, best at 14 kHz",
            low=4_000,
            high=20_000,
            step=500,
            unit="Hz",
            when={"bandwidth": ("manual",)},
        ),
    )

    @property
    def version(self) -> Version:
        """A version made from `build`."""
        self._check_binary()
        digest = hashlib.sha256(self.build.encode()).hexdigest()[:16]
        return Version(f"fake {self.build}", self.binary or "fake", digest)

    def gain_db(self, settings: Settings) -> float:
        """Signal-to-noise ratio that the settings win over the defaults, dB."""
        values = settings.as_dict()
        gain = 4.0 - 0.25 * (float(values["shaping"]) - 7.0) ** 2
        gain -= 0.0 if values["joint"] else 2.0
        if "bandwidth_hz" in values:
            gain += 3.0 - ((float(values["bandwidth_hz"]) - 14_000.0) / 2_000.0) ** 2
        return gain + (2.0 if settings.rate_mode == "vbr" else 0.0)

    def spent_kbps(self, pcm: Pcm, settings: Settings, knob: float) -> float:
        """The bitrate that a clip costs: smooth, rising with the nominal one, never equal."""
        nominal = knob if settings.rate_mode == "abr" else 320.0 * 2.0 ** (-knob / 2.0)
        overshoot = 1.0 + 0.01 * float(settings.as_dict()["shaping"])
        busy = _rms(np.diff(pcm)) / max(_rms(pcm), 1e-9)
        return nominal * overshoot * (0.9 + 0.1 * min(busy, 2.0))

    def encode(self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float) -> Encoded:
        """Add deterministic noise; see `tuner.encoder.Encoder.encode`."""
        validate(self, settings, knob)
        self._check_binary()
        self._fail_on_demand(settings, knob)
        kbps = self.spent_kbps(pcm, settings, knob)
        snr_db = 12.0 * math.log2(kbps / 16.0) + self.gain_db(settings)
        level = _rms(pcm) * 10.0 ** (-snr_db / 20.0)
        noise = np.random.default_rng(pcm.shape[1]).standard_normal(pcm.shape, np.float32)
        samples = (pcm + level * noise).astype("<f4")
        data = struct.pack("<4sII", b"FAKE", sample_rate, len(samples)) + samples.tobytes()
        if _triggered(self.garbage_on, settings):
            data = b"garbage"
        bits = round(kbps * 1000.0 * pcm.shape[1] / sample_rate)
        return Encoded(data, ".fake", bits, encode_s=0.001)

    def decode(self, encoded: Encoded) -> tuple[Pcm, int]:
        """Read the noisy samples back, late by `delay`."""
        if encoded.data[:4] != b"FAKE":
            raise DecodeFailed("fake: not my data")
        rate, channels = struct.unpack_from("<II", encoded.data, 4)
        samples = np.frombuffer(encoded.data, "<f4", offset=12).reshape(channels, -1)
        return np.pad(samples, ((0, 0), (self.delay, 0))).astype(np.float32), rate

    def command_line(
        self, settings: Settings, knob: float, source: str, target: str
    ) -> Sequence[str]:
        """A command in the style of real ones."""
        mode = validate(self, settings, knob)
        flags = [f"--{name}={value}" for name, value in settings.values]
        return ["fake", f"--{mode.name}={knob:g}", *flags, source, target]

    def _check_binary(self) -> None:
        if self.binary is not None and not Path(self.binary).is_file():
            raise EncoderMissing(f"{self.binary}: no such file; name an existing one")

    def _fail_on_demand(self, settings: Settings, knob: float) -> None:
        if _triggered(self.die_on, settings):
            os.kill(os.getpid(), signal.SIGKILL)
        if _triggered(self.hang_on, settings):
            time.sleep(self.hang_s)
        if _triggered(self.crash_on, settings):
            command = self.command_line(settings, knob, "in", "out")
            raise EncoderFailed("exit code 3", command, 3, "crash on demand")


@dataclass(frozen=True)
class FakeScorer:
    """Scores the signal-to-noise ratio: `slope` points for each dB, 0 to 100.

    Args:
        name: name of the metric.
        slope: points for each dB; negative for a judge that always objects.
        spread: the spread of every score.
        build: stands for the weights' version.
    """

    name: str = "fake"
    slope: float = 2.0
    spread: float = 1.0
    build: str = "1"

    @property
    def version(self) -> str:
        """Changes with everything that changes a score."""
        return f"{self.name}-{self.build}-{self.slope:g}-{self.spread:g}"

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        """Score one clip; see `tuner.scorer.Scorer.score`."""
        if reference.shape != coded.shape:
            raise ScoreError(f"fake: shapes differ: {reference.shape} and {coded.shape}")
        if not (np.isfinite(reference).all() and np.isfinite(coded).all()):
            raise ScoreError("fake: the signals hold NaN or infinity")
        error = _rms(coded - reference) / max(_rms(reference), 1e-9)
        points = -20.0 * math.log10(max(error, 1e-5)) * self.slope
        mean = points if self.slope > 0 else 100.0 + points
        return Score(min(max(mean, 0.0), 100.0), self.spread)


def _rms(samples: Pcm) -> float:
    return float(np.sqrt(np.mean(np.square(samples), dtype=np.float64))) if samples.size else 0.0


def _triggered(trigger: Trigger, settings: Settings) -> bool:
    return any(pair in settings.values for pair in trigger)


def make_clip(channels: int = 2, duration_s: float = CLIP_S) -> Pcm:
    """A deterministic test signal: chords, clicks and wide noise, partly out of phase.

    Returns:
        float32 ``[channels, T]`` at 48 kHz.
    """
    time_s = np.arange(round(duration_s * SAMPLE_RATE)) / SAMPLE_RATE
    rng = np.random.default_rng(7)
    partials = np.outer((220.0, 277.0, 880.0, 1760.0, 5300.0), time_s)
    chord = np.sin(2 * np.pi * partials).sum(axis=0) * 0.06
    clicks = rng.standard_normal(time_s.size) * np.exp(-(time_s % 0.21) / 0.004) * 0.3
    noise = rng.standard_normal((2, time_s.size)) * 0.02
    side = rng.standard_normal(time_s.size) * np.exp(-(time_s % 0.33) / 0.02) * 0.1
    stereo = np.stack([chord + clicks + side, 0.6 * chord + clicks - side]) + noise
    return stereo[:channels].astype(np.float32)


def spread_knobs(mode: RateMode, count: int) -> list[float]:
    """Legal knob values over the inner 80 % of a mode's range, the bitrate rising."""
    places = np.linspace(0.1, 0.9, count)
    if mode.nominal:
        knobs = mode.low * (mode.high / mode.low) ** places
    else:
        knobs = mode.low + (mode.high - mode.low) * places
    legal = sorted({mode.snap(float(knob)) for knob in knobs})
    return legal if mode.rising else legal[::-1]


class EncoderContract:
    """What any adapter must do. Subclass it and set `encoder`; its name starts with Test."""

    encoder: ClassVar[Encoder]

    def test_satisfies_the_protocol(self) -> None:
        """The object has every member; conditions name what was declared before."""
        assert isinstance(self.encoder, Encoder)
        declared = {RATE_MODE}
        for parameter in self.encoder.parameters:
            assert parameter.name not in declared, f"{parameter.name} is declared twice"
            assert parameter.when.keys() <= declared, f"{parameter.name} comes too early"
            declared.add(parameter.name)

    def test_version_names_the_build(self) -> None:
        """The version tells what the binary says, where it lies and its digest."""
        version = self.encoder.version
        assert version.text and version.binary
        assert len(bytes.fromhex(version.digest)) == 8

    def test_repeats(self) -> None:
        """The same input gives the same payload and the same samples."""
        for mode in self.encoder.rate_modes:
            assert self._fingerprint(mode, {}) == self._fingerprint(mode, {})

    def test_bitrate_follows_the_knob(self) -> None:
        """In each rate mode more knob means more payload (or less, as declared)."""
        clip = make_clip()
        for mode in self.encoder.rate_modes:
            settings = default_settings(self.encoder, mode.name)
            bits = [
                self.encoder.encode(clip, SAMPLE_RATE, settings, knob).payload_bits
                for knob in spread_knobs(mode, 5)
            ]
            rises = all(b >= a * (1 - RATE_SLACK) for a, b in pairwise(bits))
            assert rises and bits[-1] > 1.5 * bits[0], f"{mode.name}: payload bits {bits}"

    def test_delay_can_be_removed(self) -> None:
        """After alignment a good decode correlates best with its clip at lag 0."""
        for mode in self.encoder.rate_modes:
            for channels in (1, 2):
                clip = make_clip(channels)
                aligned = self._round_trip(clip, mode, spread_knobs(mode, 5)[-1])
                lag, correlation = find_delay(clip, aligned)
                assert lag == 0 and correlation > FAITHFUL, f"{mode.name}: {lag}, {correlation}"

    def test_takes_a_tenth_of_a_second(self) -> None:
        """A very short clip comes back at its length."""
        clip = make_clip(2, 0.1)
        mode = self.encoder.rate_modes[0]
        assert self._round_trip(clip, mode, spread_knobs(mode, 5)[-1]).shape == clip.shape

    def test_takes_silence(self) -> None:
        """Digital silence is encoded and comes back silent."""
        silence = np.zeros((2, SAMPLE_RATE // 2), np.float32)
        for mode in self.encoder.rate_modes:
            decoded = self._round_trip(silence, mode, spread_knobs(mode, 3)[1])
            assert np.max(np.abs(decoded)) < QUIET_PEAK

    def test_refuses_wrong_settings(self) -> None:
        """Unknown names, values out of range and illegal knobs are errors."""
        mode = self.encoder.rate_modes[0]
        good = default_settings(self.encoder)
        wrong = [
            (Settings("no such mode", good.values), mode.high),
            (Settings(mode.name, (*good.values, ("no_such_parameter", 1))), mode.high),
            (good, mode.high + 1),
            (good, mode.low - 1),
        ]
        for name, value in good.values:
            others = tuple(pair for pair in good.values if pair != (name, value))
            wrong.append((Settings(mode.name, (*others, (name, "no such value"))), mode.high))
        for settings, knob in wrong:
            self._refuses(settings, knob)

    def test_every_parameter_acts(self) -> None:
        """Each parameter changes the payload or the decoded samples somewhere."""
        inert = [p.name for p in self.encoder.parameters if not self._acts(p)]
        assert not inert, f"change nothing: {', '.join(inert)}"

    def test_missing_binary(self) -> None:
        """A binary that is not there is named in `EncoderMissing`."""
        import pytest

        missing: Encoder = type(self.encoder)(binary="/nowhere/no-such-binary")  # type: ignore[call-arg]
        with pytest.raises(EncoderMissing, match="no-such-binary"):
            missing.encode(make_clip(), SAMPLE_RATE, default_settings(missing), self._knob())
        with pytest.raises(EncoderMissing, match="no-such-binary"):
            _ = missing.version

    def test_refuses_damaged_data(self) -> None:
        """Data that is not an encoded file is `DecodeFailed`, not samples."""
        import pytest

        with pytest.raises(DecodeFailed):
            self.encoder.decode(Encoded(b"not a sound file" * 9, ".xyz", 8, 0.0))

    def test_travels_to_other_processes(self) -> None:
        """The adapter pickles, and its copy is of the same version."""
        copy = pickle.loads(pickle.dumps(self.encoder))
        assert copy.version == self.encoder.version

    def test_command_line_names_the_files(self) -> None:
        """The command for people is a list of words with source and target."""
        for mode in self.encoder.rate_modes:
            settings = default_settings(self.encoder, mode.name)
            words = self.encoder.command_line(settings, mode.high, "a b.wav", "out.bin")
            assert {"a b.wav", "out.bin"} <= set(words)

    def _knob(self) -> float:
        return spread_knobs(self.encoder.rate_modes[0], 3)[1]

    def _round_trip(self, clip: Pcm, mode: RateMode, knob: float) -> Pcm:
        settings = default_settings(self.encoder, mode.name)
        encoded = self.encoder.encode(clip, SAMPLE_RATE, settings, knob)
        assert encoded.payload_bits > 0
        decoded, rate = self.encoder.decode(encoded)
        assert decoded.dtype == np.float32
        assert decoded.shape[0] == clip.shape[0]
        return align(clip, resample(decoded, rate))[0]

    def _refuses(self, settings: Settings, knob: float) -> None:
        import pytest

        with pytest.raises(SettingsError):
            self.encoder.encode(make_clip(), SAMPLE_RATE, settings, knob)

    def _acts(self, parameter: Parameter) -> bool:
        modes = parameter.when.get(RATE_MODE, [m.name for m in self.encoder.rate_modes])
        mode = next(m for m in self.encoder.rate_modes if m.name in modes)
        needed = self._needed(parameter)
        for knob in spread_knobs(mode, 4):
            plain = self._fingerprint(mode, needed, knob)
            for value in _other_values(parameter):
                changed = {**needed, parameter.name: value}
                if self._fingerprint(mode, changed, knob) != plain:
                    return True
        return False

    def _needed(self, parameter: Parameter) -> dict[str, Value]:
        """Values of other parameters under which `parameter` is active."""
        by_name = {p.name: p for p in self.encoder.parameters}
        needed: dict[str, Value] = {}
        for name, allowed in parameter.when.items():
            if name != RATE_MODE:
                needed |= self._needed(by_name[name]) | {name: allowed[0]}
        return needed

    def _fingerprint(
        self, mode: RateMode, values: Mapping[str, Value], knob: float | None = None
    ) -> tuple[int, bytes]:
        """Payload bits and decoded bytes of the stereo clip."""
        active = active_parameters(self.encoder.parameters, mode.name, values)
        chosen = {p.name: values.get(p.name, p.default) for p in active}
        knob = spread_knobs(mode, 3)[1] if knob is None else knob
        settings = Settings.of(mode.name, chosen)
        encoded = self.encoder.encode(make_clip(), SAMPLE_RATE, settings, knob)
        return encoded.payload_bits, self.encoder.decode(encoded)[0].tobytes()


def _other_values(parameter: Parameter) -> list[Value]:
    """Some values of a parameter other than its default."""
    if parameter.kind == "choice":
        return [value for value in parameter.choices if value != parameter.default]
    assert parameter.low is not None and parameter.high is not None
    ends: list[Value] = [parameter.low, parameter.high]
    whole = [int(end) for end in ends] if parameter.kind == "int" else ends
    return [value for value in whole if value != parameter.default]

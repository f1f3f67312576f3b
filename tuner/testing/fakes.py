"""A fake encoder and a fake scorer, for tests of code that uses encoders and scorers.

They satisfy the protocols in pure numpy, run in milliseconds, repeat exactly and fail on
demand.
"""

from __future__ import annotations

import hashlib
import math
import os
import signal
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np

from tuner.encoder import (
    Encoded,
    Encoder,
    Parameter,
    Pcm,
    RateMode,
    Settings,
    Value,
    Version,
    is_number,
    validate,
)
from tuner.errors import DecodeFailed, EncoderFailed, EncoderMissing
from tuner.metric import About, Family, check_pair
from tuner.records import METRIC_LABELS, TrialRecord, TrialState
from tuner.scorer import Score

#: Pairs of a parameter's name and value.
Trigger = tuple[tuple[str, Value], ...]
#: Names of real metrics that fakes may go by -> family.
STANDS_FOR: dict[str, Family] = {
    "insenet": "model",
    "visqol": "similarity",
    "zimtohrli": "distance",
    "2f": "masked noise",
    "peaq": "masked noise",
}


def make_trial(
    number: int, state: TrialState = "complete", like: TrialRecord | None = None, **given: Any
) -> TrialRecord:
    """A trial's record.

    Args:
        number: its number.
        state: what it is.
        like: has the fields that are not given, as far as it has them.
        given: fields; those that its state does not have are left out.
    """
    plain = {"rate_mode": "abr", "values": {}, "knob": 64.0, "bitrate_kbps": 64.0, "score": 50.0}
    plain |= {"spread": 6.0, "encode_s": 1.0, "error": "EncoderFailed", "reason": "exit code 3"}
    fields = plain | (msgspec.to_builtins(like) if like else {}) | given
    fields = {"objective": fields["score"]} | fields | {"number": number, "state": state}
    made: TrialRecord = msgspec.convert(fields, TrialRecord)
    return made


@dataclass(frozen=True)
class FakeEncoder(Encoder):
    """A codec that adds noise: less with more bits, and with better settings.

    The signal-to-noise ratio is 12 dB for each doubling of the bitrate above 16 kb/s,
    plus `gain_db` of the settings. The best ones are: vbr, shaping 7, joint True,
    bandwidth 14 kHz, 9 dB in all; the defaults give 0.

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
        Parameter(
            "bandwidth_hz",
            "int",
            "auto",
            "low-pass frequency, best at 14 kHz",
            low=4_000,
            high=20_000,
            step=500,
            unit="Hz",
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
        if is_number(values["bandwidth_hz"]):
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
            raise DecodeFailed("not my data", where="fake")
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
            raise EncoderMissing("no such file", where=self.binary, remedy="give an existing one")

    def _fail_on_demand(self, settings: Settings, knob: float) -> None:
        if _triggered(self.die_on, settings):
            os.kill(os.getpid(), signal.SIGKILL)
        if _triggered(self.hang_on, settings):
            time.sleep(self.hang_s)
        if _triggered(self.crash_on, settings):
            command = self.command_line(settings, knob, "in", "out")
            raise EncoderFailed("exit code 3", command, 3, "crash on demand")


class SteppedEncoder(FakeEncoder):
    """The fake with few legal bitrates; here, where worker processes can import it."""

    rate_modes = (replace(FakeEncoder.rate_modes[0], table=(20, 60.5, 63.5, 65.65, 68.5, 120)),)


@dataclass(frozen=True)
class FakeScorer:
    """Scores the signal-to-noise ratio: `slope` points for each dB, 0 to 100.

    Args:
        name: name of the metric.
        slope: points for each dB; negative for a judge that always objects.
        spread: the spread of every score.
        build: stands for the weights' version.
        family: of its opinion; None for that of the real metric of its name.
    """

    name: str = "fake"
    slope: float = 2.0
    spread: float = 1.0
    build: str = "1"
    family: Family | None = None

    @property
    def about(self) -> About:
        """See `tuner.metric.Metric.about`."""
        family = self.family or STANDS_FOR.get(self.name, "opinion")
        taught = self.name in STANDS_FOR and family != "model"
        label = METRIC_LABELS.get(self.name, self.name)
        return About(label, family, 0.0, 100.0, "points", taught_model=taught)

    @property
    def version(self) -> str:
        """Changes with everything that changes a score."""
        return f"{self.name}-{self.build}-{self.slope:g}-{self.spread:g}"

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        """Score one clip; see `tuner.scorer.Scorer.score`."""
        check_pair("fake", reference, coded)
        error = _rms(coded - reference) / max(_rms(reference), 1e-9)
        points = -20.0 * math.log10(max(error, 1e-5)) * self.slope
        mean = points if self.slope > 0 else 100.0 + points
        return Score(min(max(mean, 0.0), 100.0), self.spread)


def _rms(samples: Pcm) -> float:
    return float(np.sqrt(np.mean(np.square(samples), dtype=np.float64))) if samples.size else 0.0


def _triggered(trigger: Trigger, settings: Settings) -> bool:
    return any(pair in settings.values for pair in trigger)

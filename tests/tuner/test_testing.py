"""The fakes keep the contracts that they stand for, and fail on demand."""

import inspect
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from encoders.aac import Aac
from tuner.encoder import Encoder, Settings, default_settings
from tuner.errors import DecodeFailed, EncoderFailed, ScoreError
from tuner.testing import EncoderContract, FakeEncoder, FakeScorer, make_clip

RATE = 48_000
CLIP = make_clip(2, 0.25)
BEST = Settings.of("vbr", {"shaping": 7, "joint": True, "bandwidth_hz": 14_000})


class TestFakeEncoder(EncoderContract):
    encoder = FakeEncoder()
    runs_a_program = False
    command_line_runs = False


class TestLateFakeEncoder(TestFakeEncoder):
    encoder = FakeEncoder(delay=1105)


def shaped(shaping: int) -> Settings:
    """The defaults with another noise shaping."""
    values = default_settings(FakeEncoder()).as_dict()
    return Settings.of("abr", {**values, "shaping": shaping})


def test_defaults_gain_nothing_and_the_best_nine_db() -> None:
    """A search has a known optimum to find."""
    encoder = FakeEncoder()
    assert encoder.gain_db(default_settings(encoder)) == 0
    assert encoder.gain_db(BEST) == 9


def test_fake_scorer_hears_the_gain() -> None:
    """One dB of gain is worth the scorer's slope in points, at equal spent bitrate."""
    encoder, scorer = FakeEncoder(), FakeScorer(slope=2.0)

    def score(settings: Settings) -> float:
        knob = 64.0 * 64.0 / encoder.spent_kbps(CLIP, settings, 64.0)
        coded, _ = encoder.decode(encoder.encode(CLIP, RATE, settings, knob))
        return scorer.score(CLIP, coded).mean

    gain_db = encoder.gain_db(shaped(7)) - encoder.gain_db(shaped(3))
    assert score(shaped(7)) - score(shaped(3)) == pytest.approx(2.0 * gain_db, abs=0.05)


def test_crashes_on_demand_only() -> None:
    """The error carries command, exit code and stderr, and other settings still work."""
    encoder = FakeEncoder(crash_on=(("shaping", 5),))
    with pytest.raises(EncoderFailed, match="crash on demand") as caught:
        encoder.encode(CLIP, RATE, shaped(5), 64)
    assert caught.value.exit_code == 3
    assert "--shaping=5" in caught.value.command
    assert encoder.encode(CLIP, RATE, shaped(4), 64).payload_bits > 0


def test_makes_garbage_on_demand() -> None:
    """Garbage is encoded without complaint and refused by the decoder."""
    encoder = FakeEncoder(garbage_on=(("joint", True),))
    encoded = encoder.encode(CLIP, RATE, shaped(3), 64)
    with pytest.raises(DecodeFailed):
        encoder.decode(encoded)


def test_hangs_on_demand() -> None:
    """It sleeps for at least the time asked for, then goes on."""
    encoder = FakeEncoder(hang_on=(("shaping", 5),), hang_s=0.05)
    begun = time.monotonic()
    encoder.encode(CLIP, RATE, shaped(5), 64)
    assert time.monotonic() - begun >= 0.05


def test_dies_on_demand() -> None:
    """It takes the process that encodes with it."""
    script = (
        "from tuner.testing import *; from tuner.encoder import default_settings as d;"
        "e = FakeEncoder(die_on=(('joint', True),)); e.encode(make_clip(), 48000, d(e), 64)"
    )
    child = subprocess.run([sys.executable, "-c", script], check=False, env=dict(os.environ))
    assert child.returncode == -signal.SIGKILL


def test_build_changes_the_version() -> None:
    """Another build has another digest; the scorer's version follows its build too."""
    assert FakeEncoder().version.digest != FakeEncoder(build="2").version.digest
    assert FakeScorer().version != FakeScorer(build="2").version


def test_scorer_gives_100_to_identity_and_pickles() -> None:
    """Nothing is better than the reference, in a copy of the scorer as well."""
    scorer = pickle.loads(pickle.dumps(FakeScorer(spread=3.0)))
    score = scorer.score(CLIP, CLIP)
    assert (score.mean, score.spread) == (100.0, 3.0)


def test_objecting_judge() -> None:
    """A negative slope prefers the worse signal."""
    judge = FakeScorer("judge", slope=-1.0)
    near, far = CLIP + np.float32(0.001), CLIP + np.float32(0.01)
    assert judge.score(CLIP, far).mean > judge.score(CLIP, near).mean


@pytest.mark.parametrize("coded", [CLIP[:1], CLIP * np.float32("nan")])
def test_scorer_refuses_what_it_cannot_score(coded: np.ndarray) -> None:
    """Other shapes and NaN are errors, never scores."""
    with pytest.raises(ScoreError):
        FakeScorer().score(CLIP, coded)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        ("inert", "test_parameter_acts"),
        ("clamped", "test_whole_range_acts"),
        ("aliased", "test_whole_range_acts"),
        ("random", "test_repeats"),
        ("falling", "test_bitrate_follows_the_knob"),
        ("bits", "test_bitrate_follows_the_knob"),
        ("careless", "test_refuses_wrong_settings"),
        ("deaf", "test_ignored_option"),
        ("shell", "test_command_line_makes_what_was_measured"),
        ("other", "test_command_line_makes_what_was_measured"),
    ],
)
def test_contract_catches(broken: str, test: str, tmp_path: Path) -> None:
    """An adapter that breaks one promise fails that promise's test."""

    class Suite(EncoderContract):
        encoder: ClassVar[Encoder] = BROKEN[broken]

    check = getattr(Suite(), test)
    wanted = inspect.signature(check).parameters
    given: dict[str, object] = {"tmp_path": tmp_path, "mode": Suite.encoder.rate_modes[0]}

    def run_all() -> None:
        for parameter in Suite.encoder.parameters[:4]:
            arguments = {**given, "parameter": parameter}
            check(**{name: arguments[name] for name in wanted})

    with pytest.raises((AssertionError, pytest.fail.Exception, OSError)):
        run_all()


class Inert(FakeEncoder):
    def encode(self, pcm, sample_rate, settings, knob):  # type: ignore[no-untyped-def]
        fixed = default_settings(self, settings.rate_mode)
        return super().encode(pcm, sample_rate, fixed, knob)


class Random(FakeEncoder):
    def encode(self, pcm, sample_rate, settings, knob):  # type: ignore[no-untyped-def]
        encoded = super().encode(pcm, sample_rate, settings, knob)
        return replace(encoded, payload_bits=time.perf_counter_ns())


class Falling(FakeEncoder):
    def encode(self, pcm, sample_rate, settings, knob):  # type: ignore[no-untyped-def]
        encoded = super().encode(pcm, sample_rate, settings, knob)
        return replace(encoded, payload_bits=10**9 - encoded.payload_bits)


class Careless(FakeEncoder):
    def encode(self, pcm, sample_rate, settings, knob):  # type: ignore[no-untyped-def]
        return super().encode(pcm, sample_rate, default_settings(self), 64)


class Bits(FakeEncoder):
    """Its knob is in bits a second."""

    def encode(self, pcm, sample_rate, settings, knob):  # type: ignore[no-untyped-def]
        encoded = super().encode(pcm, sample_rate, settings, knob)
        return replace(encoded, payload_bits=encoded.payload_bits // 1000)


class Clamped(FakeEncoder):
    """Shaping stops at 5 without a word."""

    def gain_db(self, settings: Settings) -> float:
        values = settings.as_dict()
        clamped = {**values, "shaping": min(int(values["shaping"]), 5)}
        return super().gain_db(Settings.of(settings.rate_mode, clamped))

    def spent_kbps(self, pcm, settings, knob):  # type: ignore[no-untyped-def]
        return super().spent_kbps(pcm, default_settings(self, settings.rate_mode), knob)


class Aliased(FakeEncoder):
    """Joint stereo is only talked about."""

    def gain_db(self, settings: Settings) -> float:
        joint = {**settings.as_dict(), "joint": True}
        return super().gain_db(Settings.of(settings.rate_mode, joint))


class Deaf(Aac):
    """Does not read what the program says."""

    ignored: ClassVar[re.Pattern[str]] = re.compile("$^")


class Shell(Aac):
    """Its command takes a file's name for options."""

    def command_line(self, settings, knob, source, target):  # type: ignore[no-untyped-def]
        words = list(super().command_line(settings, knob, source, target))
        return [word.removeprefix("./") for word in words]


class Other(Aac):
    """Its command is not what was measured."""

    def command_line(self, settings, knob, source, target):  # type: ignore[no-untyped-def]
        return super().command_line(settings, knob + 1, source, target)


BROKEN = {
    "inert": Inert(),
    "clamped": Clamped(),
    "aliased": Aliased(),
    "random": Random(),
    "falling": Falling(),
    "bits": Bits(),
    "careless": Careless(),
    "deaf": Deaf(),
    "shell": Shell(),
    "other": Other(),
}

"""The rate model on synthetic encoders."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuner.encoder import Parameter, RateMode, Settings
from tuner.rate import first_guess
from tuner.search.rate_model import MEMORY, Features, Measured, guess_knob

ABR = RateMode("abr", "bitrate_kbps", 8, 320)
FALLING = RateMode("vbr", "quality", 0, 10, nominal=False, rising=False)
PARAMETERS = (
    Parameter("joint", "choice", True, "", choices=(True, False)),
    Parameter("shaping", "int", 3, "", low=0, high=10),
    Parameter("cutoff_hz", "float", "auto", "", low=4000, high=20000, log=True),
)
FEATURES = Features(PARAMETERS)


def settings_of(mode: RateMode, joint: bool, shaping: int, cutoff_hz: float) -> Settings:
    values = {"joint": joint, "shaping": shaping, "cutoff_hz": cutoff_hz}
    return Settings.of(mode.name, values)


def spend(mode: RateMode, settings: Settings, knob: float) -> float:
    """Kb/s: settings move it by up to 40 %, the knob by a power."""
    values = settings.as_dict()
    factor = (1.15 if values["joint"] else 1.0) * (1 + 0.02 * float(values["shaping"]))
    factor *= (float(values["cutoff_hz"]) / 8000) ** 0.1
    return factor * (knob**0.9 if mode.nominal else 250 * math.exp(-0.2 * knob))


def history(mode: RateMode, count: int, seed: int = 1) -> list[Measured]:
    """Trials measured at two knob values near 64 kb/s."""
    rng = np.random.default_rng(seed)
    trials = []
    for _ in range(count):
        settings = settings_of(
            mode, bool(rng.integers(2)), int(rng.integers(11)), float(rng.uniform(4000, 20000))
        )
        knobs = (70.0, 80.0) if mode.nominal else (8.0, 9.0)
        trials.append(Measured(settings, tuple((k, spend(mode, settings, k)) for k in knobs)))
    return trials


@pytest.mark.parametrize("mode", [ABR, FALLING], ids=["abr", "falling quality"])
def test_settings_move_the_guess(mode: RateMode) -> None:
    """After 40 trials most guesses for new settings spend the target within 1 %."""
    known = history(mode, 40)
    errors = []
    for trial in history(mode, 20, seed=2):
        guess = guess_knob(mode, FEATURES, 64.0, known, trial.settings)
        errors.append(abs(spend(mode, trial.settings, guess.knob) / 64.0 - 1))
    assert np.median(errors) < 0.005
    assert np.mean(np.array(errors) < 0.01) >= 0.75


@pytest.mark.parametrize(("mode", "slope"), [(ABR, 0.9), (FALLING, 0.2)])
def test_slope_is_learned(mode: RateMode, slope: float) -> None:
    """The slope comes from the steps that matching took."""
    guess = guess_knob(mode, FEATURES, 64.0, history(mode, 20), settings_of(mode, True, 3, 9000))
    assert guess.slope == pytest.approx(slope, rel=0.1)


def test_nothing_known_starts_at_the_prior() -> None:
    """Without trials the guess is that of `first_guess`, and no slope is claimed."""
    guess = guess_knob(ABR, FEATURES, 64.0, [], settings_of(ABR, True, 3, 9000))
    assert (guess.knob, guess.slope) == (first_guess(ABR, 64.0, []), None)


def test_same_settings_are_remembered() -> None:
    """Settings that were matched before start where they ended."""
    settings = settings_of(ABR, False, 9, 15000)
    matched = Measured(settings, ((55.0, 60.0), (58.7, 64.0)))
    guess = guess_knob(ABR, FEATURES, 64.0, [*history(ABR, 20), matched], settings)
    assert guess.knob == pytest.approx(58.7, rel=0.005)


def test_words_are_no_numbers() -> None:
    """An optional number that is left to the encoder is predicted by others that are."""
    bare = Settings.of("abr", {"joint": True, "shaping": 5, "cutoff_hz": "auto"})
    others = [Measured(settings_of(ABR, True, 5, 4000), ((90.0, 64.0),)) for _ in range(3)]
    guess = guess_knob(ABR, FEATURES, 64.0, [*others, Measured(bare, ((60.0, 64.0),))], bare)
    assert guess.knob == pytest.approx(60, rel=0.02)


def test_inactive_parameters_are_no_values() -> None:
    """Settings without a conditional parameter are predicted by those without it."""
    bare = Settings.of("abr", {"joint": True, "shaping": 5})
    others = [Measured(settings_of(ABR, True, 5, 9000), ((90.0, 64.0),)) for _ in range(3)]
    guess = guess_knob(ABR, FEATURES, 64.0, [*others, Measured(bare, ((60.0, 64.0),))], bare)
    assert guess.knob == pytest.approx(60, rel=0.02)


def test_memory_is_bounded() -> None:
    """What is older than `MEMORY` trials is forgotten."""
    settings = settings_of(ABR, True, 3, 9000)
    old = [Measured(settings, ((100.0, 64.0),))] * MEMORY
    new = [Measured(settings, ((50.0, 64.0),))] * MEMORY
    guess = guess_knob(ABR, FEATURES, 64.0, old + new, settings)
    assert guess.knob == pytest.approx(50, rel=0.01)


def test_adapter_without_parameters() -> None:
    """An encoder with nothing but a rate knob is predicted, too."""
    known = [Measured(Settings("abr"), ((70.0, 64.0),))]
    assert guess_knob(ABR, Features(()), 64.0, known, Settings("abr")).knob == pytest.approx(
        70, rel=0.01
    )

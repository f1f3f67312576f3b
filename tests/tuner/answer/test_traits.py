"""Traits tell kinds of sounds apart."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.answer.traits import LEAST_SIDE_DB, measure_traits, trait_ranges
from tuner.sound.audio import SAMPLE_RATE, lowpass
from tuner.sound.synth import synthesize

#: Ranges as the weights of a model tell them.
TAUGHT = {
    "attacks_per_s": (0.0, 7.0),
    "side_db": (LEAST_SIDE_DB, 6.7),
    "bandwidth_hz": (6500.0, 24_000.0),
    "crest_db": (11.1, 30.2),
}


def test_castanets_have_attacks_and_an_organ_has_none() -> None:
    castanets, organ = (
        measure_traits(synthesize(name, 1, duration_s=3.0)) for name in ("castanets", "organ")
    )
    assert castanets["attacks_per_s"] > 1 > organ["attacks_per_s"]
    assert castanets["crest_db"] > organ["crest_db"]


def test_a_made_signal_has_its_traits() -> None:
    """Noise with a side 6 dB down, low-passed at 12 kHz, is nothing that was not taught."""
    rng = np.random.default_rng(0)
    mid, side = 0.1 * rng.standard_normal((2, 3 * SAMPLE_RATE))
    pcm = lowpass(np.stack([mid + side / 2, mid - side / 2]).astype(np.float32), 12_000)
    traits = measure_traits(pcm, TAUGHT)
    assert traits["side_db"] == pytest.approx(-6.0, abs=0.2)
    assert traits["bandwidth_hz"] < 20_000
    assert traits["duration_s"] == 3.0
    assert traits["attacks_per_s"] == 0
    assert traits["outside_taught"] == 0


def test_the_untaught_is_counted() -> None:
    """A sine of 1 kHz is narrow and has a crest factor of 3 dB; mono has no side."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    traits = measure_traits(tone[None], TAUGHT)
    assert traits["side_db"] == LEAST_SIDE_DB
    assert traits["crest_db"] == pytest.approx(3.01, abs=0.01)
    assert traits["outside_taught"] == 2


def test_ranges_hold_the_sounds_that_they_are_of() -> None:
    """No sound lies outside the ranges of all; without ranges none lies outside."""
    sounds = [synthesize(name, 1, duration_s=1.0) for name in ("castanets", "organ")]
    traits = [measure_traits(pcm) for pcm in sounds]
    ranges = trait_ranges(traits)
    assert ranges["crest_db"] == tuple(sorted(each["crest_db"] for each in traits))
    assert [measure_traits(pcm, ranges)["outside_taught"] for pcm in sounds] == [0, 0]
    assert measure_traits(sounds[0], {"crest_db": (0.0, 1.0)})["outside_taught"] == 1
    assert measure_traits(sounds[0])["outside_taught"] == 0


def test_silence_has_finite_traits() -> None:
    silence = measure_traits(np.zeros((2, SAMPLE_RATE), np.float32))
    assert all(np.isfinite(list(silence.values())))

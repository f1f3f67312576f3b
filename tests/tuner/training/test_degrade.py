"""The distortions do what their names say."""

import numpy as np
import pytest

from tuner.sound.audio import lowpass
from tuner.sound.synth import synthesize
from tuner.training.degrade import FAMILIES, degrade, find_attacks, narrow, pre_echo


@pytest.fixture(scope="module")
def castanets() -> np.ndarray:
    return synthesize("castanets", seed=1, duration_s=3.0)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_severity_grows_the_error(family: str, castanets: np.ndarray) -> None:
    """More severe is further from the reference, same shape, finite, and repeatable."""
    errors = []
    for severity in (0.1, 0.9):
        coded = degrade(castanets, family, severity, seed=3)
        assert coded.shape == castanets.shape
        assert coded.dtype == np.float32
        assert np.isfinite(coded).all()
        assert np.array_equal(coded, degrade(castanets, family, severity, seed=3))
        errors.append(float(np.mean((coded - castanets) ** 2)))
    assert 0 < errors[0] < errors[1]


def test_attacks_are_found_where_they_are() -> None:
    """Bursts in silence are found to 2.5 ms; a steady tone has none."""
    pcm = np.zeros((1, 48_000), np.float32)
    rng = np.random.default_rng(0)
    for start in (12_000, 30_000):
        pcm[0, start : start + 2000] = rng.standard_normal(2000) * np.linspace(0.5, 0, 2000)
    assert find_attacks(pcm) == pytest.approx([12_000, 30_000], abs=120)
    tone = np.sin(np.arange(48_000) * 0.05)[None].astype(np.float32)
    assert find_attacks(tone) == []


def test_pre_echo_touches_only_what_is_before_the_attacks(castanets: np.ndarray) -> None:
    """10 ms before each attack change, at the level asked for; the rest stays."""
    coded = pre_echo(castanets, 10.0, -20.0, np.random.default_rng(0))
    changed = np.any(coded != castanets, axis=0)
    expected = np.zeros_like(changed)
    for attack in find_attacks(castanets):
        expected[max(attack - 480, 0) : attack] = True
    assert changed.sum() > 0
    assert not (changed & ~expected).any()


def test_lowpass_and_narrow() -> None:
    """The low-pass stops what is above; width 0 is mono."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((2, 48_000)).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(lowpass(noise, 3500.0)[0]))
    assert spectrum[5000:].mean() < 0.01 * spectrum[:3000].mean()
    mono = narrow(noise, 0.0)
    assert np.allclose(mono[0], mono[1])

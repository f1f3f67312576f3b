"""Each figure of the diagnosis finds the fault that was put in, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from tuner.answer.diagnosis import (
    METERS,
    bandwidth_hz,
    clipping_db,
    figures,
    holes_share,
    noise_db,
    pre_echo_db,
    stereo_db,
)
from tuner.artefacts import ARTEFACTS
from tuner.scorer import Score
from tuner.sound.audio import SAMPLE_RATE, Pcm, lowpass
from tuner.training.degrade import pre_echo

SECONDS = 2


@pytest.fixture(scope="module")
def noise() -> Pcm:
    """Stereo noise, pink enough to fall by 40 dB; the side 10 dB under the mid."""
    rng = np.random.default_rng(3)
    mid, side = signal.lfilter([1.0], [1.0, -0.7], rng.standard_normal((2, SECONDS * SAMPLE_RATE)))
    side = side * 10 ** (-10 / 20)
    return (0.05 * np.stack([mid + side, mid - side])).astype(np.float32)


@pytest.fixture(scope="module")
def clicks() -> Pcm:
    """Four bursts of noise a second with decay, over almost nothing."""
    rng = np.random.default_rng(4)
    count = SECONDS * SAMPLE_RATE
    since = np.arange(count) % (SAMPLE_RATE // 4)
    envelope = np.where(np.arange(count) < 6000, 0.0, np.exp(-since / 1200))
    pcm = rng.standard_normal((2, count)) * (envelope + 1e-5)
    return (0.2 * pcm).astype(np.float32)


def test_identity_is_faultless(noise: Pcm, clicks: Pcm) -> None:
    """The reference itself has its own bandwidth and no artefact."""
    for pcm in (noise, clicks, noise[:1]):
        found = {meter.name: meter.score(pcm, pcm).mean for meter in METERS}
        assert found.pop("bandwidth_hz") == SAMPLE_RATE / 2
        assert found.pop("noise_db") == -60
        assert set(found.values()) == {0.0}


def test_silence_has_figures() -> None:
    """Digital silence, and a clip shorter than a window, give finite figures."""
    for length in (500, SAMPLE_RATE):
        silence = np.zeros((2, length), np.float32)
        assert all(np.isfinite(meter.score(silence, silence).mean) for meter in METERS)


@pytest.mark.parametrize("cutoff_hz", [4000, 12_000, 18_000])
def test_bandwidth_is_the_cutoff(noise: Pcm, cutoff_hz: int) -> None:
    """Within one band (188 Hz) and the slope of the filter, 12 dB at 96 dB an octave (9 %)."""
    assert bandwidth_hz(noise, lowpass(noise, cutoff_hz)) == pytest.approx(cutoff_hz, rel=0.12)


def test_bandwidth_ends_where_the_reference_does(noise: Pcm) -> None:
    """What the reference does not have cannot be lost."""
    narrow = lowpass(noise, 10_000)
    assert bandwidth_hz(narrow, narrow) < 16_500


@pytest.mark.parametrize(("level_db", "least", "most"), [(-20.0, 18.0, 32.0), (-30.0, 9.0, 22.0)])
def test_pre_echo_follows_its_level(
    clicks: Pcm, level_db: float, least: float, most: float
) -> None:
    """20 ms of noise before attacks that follow silence: it rises out of a floor of -50 dB."""
    coded = pre_echo(clicks, 20.0, level_db, np.random.default_rng(0))
    assert least < pre_echo_db(clicks, coded) < most


def test_quiet_noise_is_no_pre_echo(clicks: Pcm, noise: Pcm) -> None:
    """Noise 80 dB down is inaudible before an attack; steady noise has no attacks at all."""
    assert pre_echo_db(clicks, clicks + 1e-5 * noise) < 0.1
    assert pre_echo_db(noise, 1.5 * noise) == 0


def test_holes_are_counted(noise: Pcm) -> None:
    """A third of the frames without 4 to 8 kHz; a low-pass alone makes no hole."""
    band = signal.butter(6, [4000, 8000], "bandstop", fs=SAMPLE_RATE, output="sos")
    stopped = signal.sosfiltfilt(band, noise, axis=1)
    cut = np.arange(noise.shape[1]) // 12_000 % 3 == 0
    holed = np.where(cut, stopped, noise).astype(np.float32)
    assert 0.02 < holes_share(noise, holed) < 0.10
    assert holes_share(noise, lowpass(noise, 8000)) < 0.01


def test_noise_is_measured_against_the_signal(noise: Pcm) -> None:
    """Noise of the signal's own spectrum 20 dB down is -20 dB in every band.

    The mean of decibels of two random powers of few bins lies a little off their ratio.
    """
    shifted = np.roll(noise, SAMPLE_RATE // 2, axis=1)
    assert noise_db(noise, noise + 0.1 * shifted) == pytest.approx(-20, abs=1.0)


def test_stereo_is_measured_in_bands(noise: Pcm) -> None:
    """A side 6 dB down is 6 dB narrower; mono, far narrower; a mono clip cannot be narrowed."""
    mid, side = (noise[0] + noise[1]) / 2, (noise[0] - noise[1]) / 2
    narrowed = np.stack([mid + side / 2, mid - side / 2])
    assert stereo_db(noise, narrowed) == pytest.approx(-6.0, abs=0.3)
    assert stereo_db(noise, np.stack([mid, mid])) < -15
    assert stereo_db(noise, np.stack([mid + 2 * side, mid - 2 * side])) > 4
    assert stereo_db(noise[:1], noise[:1]) == 0


def test_clipping_is_over_full_scale(noise: Pcm) -> None:
    """6 dB over full scale; a reference that goes there itself is no fault."""
    loud = noise / np.max(np.abs(noise))
    assert clipping_db(loud, 2 * loud) == pytest.approx(6.02, abs=0.01)
    assert clipping_db(2 * loud, 2 * loud) == 0
    assert clipping_db(loud, 0.5 * loud) == 0


def test_meters_are_the_artefacts_that_are_described() -> None:
    """Every figure has its words, and the other way round; other metrics are left out."""
    assert [meter.name for meter in METERS] == [artefact.key for artefact in ARTEFACTS]
    assert figures({"insenet": Score(50.0), "noise_db": Score(-12.0)}) == {"noise_db": -12.0}

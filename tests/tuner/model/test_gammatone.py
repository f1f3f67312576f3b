"""The front end against ViSQOL's own, and its conventions."""

import doctest

import numpy as np
import pytest
import torch
from visqol.analysis_window import AnalysisWindow
from visqol.audio_utils import AudioSignal
from visqol.gammatone import GammatoneSpectrogramBuilder

from tuner.model import gammatone
from tuner.sound.synth import synthesize


@pytest.fixture(scope="module")
def drums() -> np.ndarray:
    return synthesize("drums", seed=1, duration_s=2.0)


def test_doctests_hold() -> None:
    """Centre frequencies are those of Slaney's ERBSpace."""
    assert doctest.testmod(gammatone).failed == 0


def test_coarse_spectrogram_is_visqols(drums: np.ndarray) -> None:
    """Within 60 dB of the peak each band follows ViSQOL's, but for one constant.

    To 0.3 dB for most and 3 dB for all but a twentieth: ours is made of shorter windows above
    1.6 kHz, hears nothing under 20 Hz, and its lowest filters ring for longer than a window, which
    ViSQOL cuts off and a product of spectra wraps around.
    """
    builder = GammatoneSpectrogramBuilder(gammatone.BANDS, gammatone.LOW_HZ)
    theirs = builder.build(
        AudioSignal(drums[0].astype(float), 48_000), AnalysisWindow(48_000, 0.25)
    )
    # ViSQOL's frame 2 i - 1, of hops of 20 ms, has the centre of our frame i.
    ours = gammatone.spectrograms(torch.from_numpy(drums[None]))[0, 0, 0].numpy()
    frames = (theirs.data.shape[1] - 3) // 2
    theirs_db = 20 * np.log10(theirs.data[:, 1 : 2 * frames : 2] + 1e-9)
    ours_db = 10 * np.log10(ours[:, 1 : frames + 1] + 1e-18)
    loud = theirs_db > theirs_db.max() - 60
    difference = (ours_db - theirs_db)[loud]
    error = np.abs(difference - np.median(difference))
    assert np.median(error) < 0.3
    assert np.percentile(error, 95) < 3.0


def test_shapes_and_mono(drums: np.ndarray) -> None:
    """A mono signal has equal left, right and mid, and nothing in the side."""
    power = gammatone.spectrograms(torch.from_numpy(drums[None, :1]))
    assert power.shape == (1, 4, 9, 32, 50)
    assert torch.equal(power[:, 0], power[:, 1])
    assert torch.allclose(power[:, 0], power[:, 2])
    assert float(power[:, 3].max()) == 0.0


def test_gain_over_the_whole_clip_is_not_heard(drums: np.ndarray) -> None:
    """Features of a signal 6 dB down differ by under 0.1 dB above the floor."""
    signal = torch.from_numpy(drums[None])
    known = gammatone.know(signal)
    coded = gammatone.features(signal * 0.5, known)
    loud = known.features > 0.3
    assert float((known.features - coded)[loud].abs().max()) * gammatone.FLOOR_DB < 0.1
    assert float(coded[:, :, gammatone.PLANES :].max()) == 0.0


@pytest.mark.parametrize("gain", [-1.0, -0.3])
def test_polarity_is_no_error(drums: np.ndarray, gain: float) -> None:
    """An inverted copy has the same magnitudes and no error."""
    signal = torch.from_numpy(drums[None])
    known = gammatone.know(signal)
    inverted = gammatone.features(signal * gain, known)
    torch.testing.assert_close(inverted, known.features, atol=1e-3, rtol=0)


def test_a_constant_is_not_heard(drums: np.ndarray) -> None:
    """One of 1 % of full scale, in the coded signal or in the reference alone."""
    signal = torch.from_numpy(drums[None])
    shifted = signal + 0.01
    for one, other in ((signal, shifted), (shifted, signal)):
        known = gammatone.know(one)
        torch.testing.assert_close(
            gammatone.features(other, known), known.features, atol=1e-3, rtol=0
        )


@pytest.mark.parametrize("under_db", [10.0, 25.0])
def test_noise_under_the_signal_shows_as_error(under_db: float) -> None:
    """Its level against the signal's in the same band, to 1 dB; magnitudes hardly move."""
    generator = torch.Generator().manual_seed(0)
    signal, noise = torch.randn(2, 1, 1, 96_000, generator=generator) * 0.1
    known = gammatone.know(signal)
    coded = gammatone.features(signal + noise * 10 ** (-under_db / 20), known)
    coarse = coded[:, 2, gammatone.PLANES, 16:]
    expected = 1 - (-under_db) / gammatone.LEAST_NSR_DB
    assert float(coarse.mean()) == pytest.approx(expected, abs=1 / -gammatone.LEAST_NSR_DB)


def test_both_resolutions_see_a_stationary_level_alike() -> None:
    """White noise has the same mean power in the coarse and the fine planes, to 0.5 dB."""
    noise = torch.randn(1, 1, 96_000, generator=torch.Generator().manual_seed(0))
    power = gammatone.spectrograms(noise)[0, 0, :, 16:, 3:-3].mean(dim=(1, 2))
    assert torch.allclose(10 * torch.log10(power / power[0]), torch.zeros(9), atol=0.5)


def test_fine_planes_see_a_click_where_it_is() -> None:
    """A click lights up one fine frame of its hop far above the fine frame 10 ms before."""
    pcm = torch.zeros(1, 1, 48_000)
    pcm[..., 23_040 + 600] = 1.0  # fine frame 2 of hop 12 covers 480 to 720
    fine = gammatone.spectrograms(pcm)[0, 0, 1:, 24, 12]
    assert int(fine.argmax()) == 2
    assert float(fine[2]) > 1000 * float(fine[0])


def test_several_are_heard_together_as_alone(drums: np.ndarray) -> None:
    """Features of a batch are those of each signal against its own reference."""
    signals = [torch.from_numpy(drums[None]), torch.from_numpy(drums[None, ::-1].copy()) * 0.4]
    known = [gammatone.know(signal) for signal in signals]
    coded = [signal.roll(3, dims=-1) * 0.7 for signal in signals]
    together = gammatone.features(torch.cat(coded), gammatone.join(known))
    alone = [gammatone.features(*pair) for pair in zip(coded, known, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=0)

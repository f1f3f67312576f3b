"""The front end against ViSQOL's own, and its conventions."""

import doctest

import numpy as np
import pytest
import torch
from visqol.analysis_window import AnalysisWindow
from visqol.audio_utils import AudioSignal
from visqol.gammatone import GammatoneSpectrogramBuilder

from tuner.quality import gammatone
from tuner.synth import synthesize


@pytest.fixture(scope="module")
def drums() -> np.ndarray:
    return synthesize("drums", seed=1, duration_s=2.0)


def test_doctests_hold() -> None:
    """Centre frequencies are those of Slaney's ERBSpace."""
    assert doctest.testmod(gammatone).failed == 0


def test_coarse_spectrogram_is_visqols(drums: np.ndarray) -> None:
    """Within 60 dB of the peak each band follows ViSQOL's, but for one constant.

    To 0.1 dB for most and 1 dB for all but a hundredth: the lowest filters ring for longer
    than a window, which ViSQOL cuts off and a product of spectra wraps around.
    """
    builder = GammatoneSpectrogramBuilder(gammatone.BANDS, gammatone.LOW_HZ)
    theirs = builder.build(
        AudioSignal(drums[0].astype(float), 48_000), AnalysisWindow(48_000, 0.25)
    )
    # ViSQOL's frame i starts at hop i, ours is centred in it: 480 samples make them meet at i + 1.
    shifted = torch.from_numpy(drums[None, :, 480:].copy())
    ours = gammatone.spectrograms(shifted)[0, 0, 0].numpy()
    frames = theirs.data.shape[1] - 3
    theirs_db = 20 * np.log10(theirs.data[:, :frames] + 1e-9)
    ours_db = 10 * np.log10(ours[:, 1 : frames + 1] + 1e-18)
    loud = theirs_db > theirs_db.max() - 60
    difference = (ours_db - theirs_db)[loud]
    error = np.abs(difference - np.median(difference))
    assert np.median(error) < 0.1
    assert np.percentile(error, 99) < 1.0


def test_shapes_and_mono(drums: np.ndarray) -> None:
    """A mono signal has equal left, right and mid, and nothing in the side."""
    power = gammatone.spectrograms(torch.from_numpy(drums[None, :1]))
    assert power.shape == (1, 4, 5, 32, 100)
    assert torch.equal(power[:, 0], power[:, 1])
    assert torch.allclose(power[:, 0], power[:, 2])
    assert float(power[:, 3].max()) == 0.0


def test_gain_over_the_whole_clip_is_not_heard(drums: np.ndarray) -> None:
    """Features of a signal 6 dB down differ by under 0.1 dB above the floor."""
    signal = torch.from_numpy(drums[None])
    reference, coded = gammatone.features(signal), gammatone.features(signal * 0.5)
    loud = reference > 0.3
    assert float((reference - coded)[loud].abs().max()) * gammatone.FLOOR_DB < 0.1


def test_both_resolutions_see_a_stationary_level_alike() -> None:
    """White noise has the same mean power in the coarse and the fine planes, to 0.5 dB."""
    noise = torch.randn(1, 1, 96_000, generator=torch.Generator().manual_seed(0))
    power = gammatone.spectrograms(noise)[0, 0, :, 16:, 5:-5].mean(dim=(1, 2))
    assert torch.allclose(10 * torch.log10(power / power[0]), torch.zeros(5), atol=0.5)


def test_fine_planes_see_a_click_where_it_is() -> None:
    """A click lights up one fine frame of its hop far above the fine frame 10 ms before."""
    pcm = torch.zeros(1, 1, 48_000)
    pcm[..., 24_000 + 600] = 1.0  # fine frame 2 of hop 25 covers 480 to 720
    fine = gammatone.spectrograms(pcm)[0, 0, 1:, 24, 25]
    assert int(fine.argmax()) == 2
    assert float(fine[2]) > 1000 * float(fine[0])

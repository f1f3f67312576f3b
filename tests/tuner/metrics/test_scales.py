"""The teachers' opinions: scale, side signal, failures."""

import numpy as np
import pytest
from visqol.analysis_window import AnalysisWindow
from visqol.audio_utils import AudioSignal

from tuner.errors import ScoreError
from tuner.metrics.scales import (
    MosScale,
    VisqolScorer,
    ZimtohrliScorer,
    _RememberingBuilder,
    opinion,
)
from tuner.scorer import Scorer
from tuner.sound.audio import lowpass
from tuner.sound.stereo import blend
from tuner.sound.synth import synthesize
from tuner.training.degrade import narrow

SCALE = MosScale(lowpass_3500=2.0, lowpass_7000=3.0, identity=5.0)


@pytest.fixture(scope="module")
def wide() -> np.ndarray:
    return synthesize("applause", seed=1, duration_s=3.0)


def test_scale_passes_through_the_known_places() -> None:
    """Anchors and identity sit where listeners put them, straight lines between."""
    assert [SCALE.to_mushra(mos) for mos in (1.0, 2.0, 3.0, 4.0, 5.0)] == [
        0,
        19.7,
        36.8,
        68.4,
        100,
    ]


@pytest.mark.parametrize("scorer", [VisqolScorer(), ZimtohrliScorer()])
def test_identity_beats_anchors_in_order(scorer: Scorer, wide: np.ndarray) -> None:
    """Reference 100, then the 7 kHz, then the 3.5 kHz anchor."""
    identity = scorer.score(wide, wide).mean
    seven, three = (scorer.score(wide, lowpass(wide, hz)).mean for hz in (7000.0, 3500.0))
    assert identity == pytest.approx(100, abs=0.5)
    assert identity > seven > three > 0


@pytest.mark.parametrize("scorer", [VisqolScorer(), ZimtohrliScorer()])
def test_mono_downmix_of_wide_stereo_is_punished(scorer: Scorer, wide: np.ndarray) -> None:
    """Per channel both metrics prefer a mono downmix; through the side they do not."""
    assert scorer.score(wide, narrow(wide, 0.0)).mean < 80


def test_only_what_is_the_same_is_remembered() -> None:
    """A spectrogram is another one for other samples, another rate or another window."""

    class Builder:
        def build(self, signal: AudioSignal, window: AnalysisWindow) -> object:
            return object()

    build = _RememberingBuilder(Builder()).build
    samples, window = np.zeros(48_000), AnalysisWindow(48_000)
    first = build(AudioSignal(samples, 48_000), window)
    assert build(AudioSignal(samples.copy(), 48_000), AnalysisWindow(48_000)) is first
    other = samples.copy()
    other[-1] = 1e-300
    for signal, seen in (
        (AudioSignal(other, 48_000), window),
        (AudioSignal(samples, 44_100), window),
        (AudioSignal(samples, 48_000), AnalysisWindow(48_000, overlap=0.5)),
    ):
        assert build(signal, seen) is not first


def test_the_side_counts_by_its_level() -> None:
    """A side that is not heard takes nothing; one as loud as the mid takes half."""
    assert blend(80, 20, (-40, -40)) == blend(80, None, (0, 0)) == 80
    assert blend(80, 20, (-15, -15)) == pytest.approx(65)
    assert blend(80, 20, (0, 0)) == pytest.approx(50)


def test_a_change_of_width_costs_either_way() -> None:
    """Half the width and double the width cost the same, a downmix costs most."""
    half, double, none = (blend(100, 100, (-6.0, changed)) for changed in (-12, 0, -60))
    assert half == pytest.approx(100 * (1 - 0.7 * 0.8 * 0.393), abs=0.1)
    assert 40 < none < double < half < 100


def test_nan_is_an_error_not_a_score(wide: np.ndarray) -> None:
    """A metric that gives NaN raises."""
    with pytest.raises(ScoreError, match="nan"):
        opinion(lambda reference, coded: float("nan"), SCALE, wide, wide)


def test_remembered_spectrograms_do_not_change_the_score(wide: np.ndarray) -> None:
    """ViSQOL with its memory gives what a fresh ViSQOL gives."""
    from visqol import VisqolApi

    from tuner.metrics.scales import visqol_mos
    from tuner.sound.stereo import mid_and_side

    reference, _ = mid_and_side(wide)
    coded, _ = mid_and_side(lowpass(wide, 12_000.0))
    fresh = VisqolApi()
    fresh.create(mode="audio")
    expected = fresh.measure_from_arrays(reference, coded, 48_000).moslqo
    # The last digits move with the load of the machine, in a fresh ViSQOL as well.
    for _ in range(2):
        assert visqol_mos(reference, coded) == pytest.approx(expected, abs=1e-9)

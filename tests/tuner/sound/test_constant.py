"""A constant that nobody hears costs no points; sound that is missing does."""

from __future__ import annotations

import numpy as np
import pytest

from encoders.opus_ffmpeg import OpusFfmpeg
from tuner.encoder import default_settings
from tuner.metrics.registry import load_metric
from tuner.scorer import Scorer
from tuner.sound.alignment import align_fully
from tuner.sound.audio import SAMPLE_RATE, Pcm
from tuner.sound.constant import remove_constant, remove_constants
from tuner.sound.surround import score_signal
from tuner.sound.synth import synthesize
from tuner.unchanging import freeze

TIME_S = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE


def level_db(hz: float) -> float:
    """What a tone keeps."""
    tone = np.sin(2 * np.pi * hz * TIME_S)[None].astype(np.float32)
    kept = remove_constant(tone)[0, SAMPLE_RATE:]
    return float(20 * np.log10(np.std(kept) / np.std(tone)))


def test_what_is_taken_away() -> None:
    """A constant after half a second; of what is heard nothing."""
    assert np.abs(remove_constant(np.ones((2, SAMPLE_RATE), np.float32))[:, 24_000:]).max() < 1e-4
    assert level_db(20) == pytest.approx(0, abs=0.02)
    assert level_db(1) < -25


def test_only_constants_are_removed() -> None:
    """Of either signal; what has none stays as it is, and a reference is filtered once."""
    music = 0.6 * synthesize("mix", seed=3, duration_s=1.0)
    reference, coded = freeze(music), 0.9 * music
    assert remove_constants(reference, coded) == (reference, coded)
    moved = coded + 0.1 * np.eye(2, dtype=np.float32)[1][:, None]
    filtered, without = remove_constants(reference, moved)
    assert abs(without[1, SAMPLE_RATE // 2 :].mean()) < 0.002
    assert remove_constants(reference, moved)[0] is filtered
    empty = music[:, :0]
    assert remove_constants(empty, empty) == (empty, empty)


@pytest.fixture(scope="module")
def music() -> Pcm:
    return 0.6 * synthesize("mix", seed=3, duration_s=5.0)


def coded(pcm: Pcm) -> Pcm:
    """By Opus, which takes constants away."""
    encoder = OpusFfmpeg()
    return encoder.decode(encoder.encode(pcm, SAMPLE_RATE, default_settings(encoder), 96))[0]


@pytest.mark.parametrize("name", ["insenet", "2f", "zimtohrli"])
def test_a_constant_costs_nothing_and_dropouts_do(music: Pcm, name: str) -> None:
    """10 % of full scale cost 7 points of the model here, 29 of Zimtohrli."""
    metric: Scorer = load_metric(name)
    scores = []
    for constant in (0.0, 0.1):
        reference = music + np.float32(constant)
        aligned, alignment = align_fully(reference, coded(reference))
        assert alignment.correlation > 0.8
        scores.append(score_signal(metric, reference, aligned).mean)
    assert scores[1] == pytest.approx(scores[0], abs=0.5)
    gone = music.copy()
    gone[:, 2 * SAMPLE_RATE : 3 * SAMPLE_RATE] = 0
    assert score_signal(metric, music, gone).mean < 40

"""ViSQOL of aligned signals gives what the published one gives."""

import numpy as np
import pytest

from tuner.metrics.scales import visqol_mos
from tuner.metrics.visqol_aligned import mono_mos
from tuner.sound.audio import Pcm, lowpass
from tuner.sound.synth import synthesize


def damaged(kind: str, clip: Pcm) -> Pcm:
    if kind == "dull":
        return lowpass(clip, 8000.0)
    noise = np.random.default_rng(3).standard_normal(clip.shape).astype(np.float32)
    if kind == "noisy":
        return clip + 0.01 * noise
    return clip + np.float32(0.3) * np.abs(clip) * noise


@pytest.mark.parametrize("kind", ["dull", "noisy", "rough"])
@pytest.mark.parametrize("sound", ["drums", "applause"])
def test_agrees_with_the_published_one(sound: str, kind: str) -> None:
    """Within 0.02 MOS, for tones, clicks and noise."""
    clip = synthesize(sound, seed=2, duration_s=3.0)
    reference, coded = (pcm[0].astype(np.float64) for pcm in (clip, damaged(kind, clip)))
    assert mono_mos(reference, coded) == pytest.approx(visqol_mos(reference, coded), abs=0.02)


def test_identity() -> None:
    """The reference against itself has the highest MOS, again from memory."""
    clip = synthesize("bells", seed=2, duration_s=2.0)[0].astype(np.float64)
    assert [mono_mos(clip, clip) for _ in range(2)] == pytest.approx([4.732] * 2, abs=0.001)

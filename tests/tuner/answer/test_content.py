"""What a clip is, guessed from its signal."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.answer.content import guess_category, measure_speech
from tuner.sound.audio import SAMPLE_RATE, Pcm
from tuner.sound.synth import synthesize


@pytest.mark.parametrize(
    ("sound", "kind"),
    [
        ("speech", "speech"),
        ("castanets", "sparse attacks"),
        ("sung", "music"),
        ("pad", "music"),
    ],
)
def test_kinds_of_sounds(sound: str, kind: str) -> None:
    """Syllables with pauses and gliding pitch are speech; a voice that sings is not."""
    assert guess_category(synthesize(sound, seed=5, duration_s=4.0)) == kind


def test_mono_is_told_unless_it_speaks() -> None:
    """One channel, or two that are equal."""
    organ = synthesize("organ", seed=1, duration_s=3.0)
    assert guess_category(organ[:1]) == guess_category(np.stack([organ[0]] * 2)) == "mono"
    assert guess_category(synthesize("speech", seed=6, duration_s=4.0)[:1]) == "speech"


@pytest.mark.parametrize(
    "pcm",
    [
        np.zeros((2, SAMPLE_RATE), np.float32),
        np.ones((1, 100), np.float32),
        np.sin(np.arange(3 * SAMPLE_RATE) * 2 * np.pi * 200 / SAMPLE_RATE)[None].astype(np.float32),
    ],
    ids=["silence", "a moment", "a held note"],
)
def test_what_says_nothing_is_no_speech(pcm: Pcm) -> None:
    """Silence, a moment and a held note have finite cues, and are no speech."""
    cues = measure_speech(pcm)
    assert all(np.isfinite(list(vars(cues).values()))) and not cues.is_speech

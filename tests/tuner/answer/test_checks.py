"""Identity and anchor checks of a scorer."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.answer.checks import check_scorer
from tuner.errors import ScoreError
from tuner.scorer import Score
from tuner.sound.audio import Pcm
from tuner.testing import FakeScorer


@pytest.fixture
def references() -> dict[str, Pcm]:
    """One second of white noise."""
    return {"a" * 64: np.random.default_rng(1).standard_normal((2, 48_000)).astype(np.float32)}


def test_a_sound_scorer_passes(references: dict[str, Pcm]) -> None:
    """Identity above all coded clips, anchors in order."""
    identity, anchors = check_scorer(FakeScorer(slope=20.0), references, {"a" * 64: [80.0]})
    assert identity.startswith("Identity check passed") and "100.0" in identity
    assert anchors.startswith("Anchor check passed")


def test_a_scorer_that_prefers_damage_fails(references: dict[str, Pcm]) -> None:
    """A scorer upside down fails both checks, and the clip is named."""
    identity, anchors = check_scorer(FakeScorer(slope=-1.0), references, {"a" * 64: [10.0]})
    assert identity.startswith("Identity check failed") and "aaaaaaaaaaaa" in identity
    assert anchors.startswith("Anchor check failed")


def test_a_failing_scorer_is_told(references: dict[str, Pcm]) -> None:
    """A scorer that cannot score is a sentence, not a crash at the end of the night."""

    class Broken(FakeScorer):
        def score(self, reference: Pcm, coded: Pcm) -> Score:
            raise ScoreError("no weights")

    (note,) = check_scorer(Broken(), references, {})
    assert "could not be run: no weights" in note

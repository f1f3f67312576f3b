"""What whole runs on fakes are made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tuner.driver.parts import Parts
from tuner.sound.clips import load_clips
from tuner.study.spec import ClipsSpec, StudySpec
from tuner.testing import FakeEncoder, FakeScorer


def wire(music: Path, trials: int = 3, *, seed: int = 0, **changes: object) -> Parts:
    """A study of the fake encoder at 64 kb/s; `changes` are the encoder's."""
    clips = ClipsSpec(str(music))
    spec = StudySpec("fake", clips, (64.0,), trials=trials, seed=seed, workers=1)
    judges = (FakeScorer("visqol"), FakeScorer("zimtohrli"))
    encoder = FakeEncoder(**changes)  # type: ignore[arg-type]
    return Parts(spec, encoder, load_clips(music), FakeScorer("insenet"), judges)


@pytest.fixture
def make_parts(music: Path, in_place: None) -> Callable[..., Parts]:
    """Makes what a run is wired from: (trials, seed=, …), where more are the fake encoder's."""

    def make(*given: int, **changes: object) -> Parts:
        return wire(music, *given, **changes)  # type: ignore[arg-type]

    return make

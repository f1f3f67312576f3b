"""What whole runs on fakes are made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tuner.driver.parts import Parts
from tuner.sound.clips import load_clips
from tuner.study.spec import ClipsSpec, StudySpec
from tuner.testing import FakeEncoder, FakeScorer

#: Seconds of each clip: the least that is allowed.
CLIP_S = 2.5


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four files of noise, by turns for tuning and held out."""
    folder = tmp_path_factory.mktemp("music")
    rng = np.random.default_rng(1)
    for level in range(1, 5):
        noise = 0.1 * level * rng.standard_normal(round(CLIP_S * 48_000))
        soundfile.write(folder / f"{level}.wav", np.clip(noise, -0.9, 0.9), 48_000)
    sides = [f"{level}.wav,{side}" for level, side in enumerate(["tune", "holdout"] * 2, start=1)]
    (folder / "manifest.csv").write_text("\n".join(["file,side", *sides]) + "\n")
    return folder


def wire(music: Path, trials: int = 3, *, seed: int = 0, **changes: object) -> Parts:
    """A study of the fake encoder at 64 kb/s; `changes` are the encoder's."""
    clips = ClipsSpec(str(music))
    spec = StudySpec("fake", clips, (64.0,), trials=trials, seed=seed, workers=1)
    judges = (FakeScorer("visqol"), FakeScorer("zimtohrli"))
    encoder = FakeEncoder(**changes)  # type: ignore[arg-type]
    return Parts(spec, encoder, load_clips(music), FakeScorer("insenet"), judges)


@pytest.fixture
def make_parts(music: Path) -> Callable[..., Parts]:
    """Makes what a run is wired from: (trials, seed=, …), where more are the fake encoder's."""

    def make(*given: int, **changes: object) -> Parts:
        return wire(music, *given, **changes)  # type: ignore[arg-type]

    return make

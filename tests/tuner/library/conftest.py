"""A clip and a damaged version of it, short enough to be scored many times."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from tuner.sound.audio import lowpass
from tuner.sound.synth import synthesize

Pcm = npt.NDArray[np.float32]


@pytest.fixture(scope="session")
def pair() -> tuple[Pcm, Pcm]:
    """Two seconds of stereo, and the same without its treble: ``[C, T]``."""
    reference = synthesize("drums", seed=1, duration_s=2.0)
    return reference, lowpass(reference, 8000.0)

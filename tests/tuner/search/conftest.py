"""What tests of jobs and executors share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tuner.audio import resample, sample_digest
from tuner.encoder import default_settings
from tuner.search.job import ClipRef, Job
from tuner.testing import FakeEncoder, FakeScorer


@pytest.fixture
def clip(tmp_path: Path) -> ClipRef:
    """Half a second of stereo noise up to 11 kHz, as a clip file."""
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 12_000)).astype(np.float32)
    pcm = resample(noise, 24_000)
    path = tmp_path / "clip.npy"
    np.save(path, pcm)
    return ClipRef(sample_digest(pcm), str(path), 2, 0.5)


@pytest.fixture
def job(clip: ClipRef) -> Job:
    """The fake encoder's default settings at 64 kb/s, with one scorer."""
    encoder = FakeEncoder()
    return Job(encoder, default_settings(encoder), 64.0, clip, (FakeScorer(),))

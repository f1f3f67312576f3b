"""The WAV file that a command-line encoder reads holds what the source holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from encoders.command import write_wav
from encoders.lame import Lame
from encoders.musepack import Musepack
from encoders.opus import Opus
from encoders.twolame import Twolame
from tuner.pcm import Pcm, to_grid

FINE = np.random.default_rng(0).uniform(-0.9, 0.9, (2, 441)).astype(np.float32) * np.float32(0.01)


def test_programs_that_read_16_bits(tmp_path: Path) -> None:
    """Get no more, whatever the source holds."""
    write_wav(tmp_path / "in.wav", FINE, 44_100, 16)
    assert soundfile.info(tmp_path / "in.wav").subtype == "PCM_16"


@pytest.mark.parametrize(
    ("pcm", "floats", "subtype"),
    [
        (to_grid(FINE, 16), True, "PCM_16"),
        (to_grid(FINE), True, "PCM_24"),
        (FINE, True, "FLOAT"),
        (1000 * FINE, True, "FLOAT"),
        (FINE, False, "PCM_24"),
    ],
)
def test_samples_and_rate_are_the_sources(
    tmp_path: Path, pcm: Pcm, floats: bool, subtype: str
) -> None:
    """To the bit; only an encoder that reads no floats gets them to a step of 24 bits."""
    write_wav(tmp_path / "in.wav", pcm, 44_100, floats=floats)
    written, rate = soundfile.read(tmp_path / "in.wav", dtype="float32", always_2d=True)
    assert (soundfile.info(tmp_path / "in.wav").subtype, rate) == (subtype, 44_100)
    np.testing.assert_allclose(written.T, pcm, rtol=0, atol=0 if floats else 2.0**-23)
    # lame and twolame bring files of floats to full scale.
    assert Opus.reads_floats and not any(e.reads_floats for e in (Lame, Twolame, Musepack))

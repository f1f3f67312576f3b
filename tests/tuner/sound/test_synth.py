"""The synthetic clips: deterministic, varied, and hard enough for encoders to differ."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tuner.sound.synth import SOUNDS, demo_clips, synthesize, write_demo_clips

SAMPLE_RATE = 48_000


@pytest.mark.parametrize("sound", SOUNDS)
def test_sounds_repeat_by_seed_and_differ_between_seeds(sound: str) -> None:
    """float32 ``[2, T]`` under full scale; the same seed gives the same samples."""
    one = synthesize(sound, seed=3, duration_s=2.0)
    assert one.shape == (2, 2 * SAMPLE_RATE)
    assert one.dtype == np.float32
    assert 0.5 < np.max(np.abs(one)) < 1.0
    assert np.array_equal(one, synthesize(sound, seed=3, duration_s=2.0))
    other = synthesize(sound, seed=4, duration_s=2.0)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.5


def test_demo_has_what_the_report_needs(tmp_path: Path) -> None:
    """At least 10 clips of 6 s; most reach above 12 kHz, some are wide, some have attacks."""
    from tuner.sound.stereo import side_level_db
    from tuner.training.degrade import find_attacks

    clips = demo_clips()
    assert len(clips) >= 10
    bright = wide = attacking = 0
    for pcm in clips.values():
        assert pcm.shape == (2, 6 * SAMPLE_RATE)
        power = np.abs(np.fft.rfft(pcm, axis=1)) ** 2
        bright += power[:, 72_000:].sum() > 1e-5 * power.sum()
        wide += side_level_db(pcm) > -10
        attacking += len(find_attacks(pcm)) > 3
    assert bright > len(clips) / 2
    assert wide >= 3
    assert attacking >= 3


def test_demo_files_are_the_demo_clips(tmp_path: Path) -> None:
    """24-bit FLAC at 48 kHz, equal to the clips but for rounding."""
    paths = write_demo_clips(tmp_path, duration_s=1.0)
    clips = demo_clips(1.0)
    assert sorted(p.stem for p in paths) == sorted(clips)
    samples, rate = soundfile.read(tmp_path / "castanets.flac")
    assert rate == SAMPLE_RATE
    assert np.allclose(samples.T, clips["castanets"], atol=2**-22)

"""The tone: as loud as it says beside the clips, by the meter of the clips."""

import numpy as np
import pytest

from tuner.errors import StudyError
from tuner.listening.answers import AnswerRefused
from tuner.listening.plan import read_plan
from tuner.listening.volume import make_tone, read_volume, store_volume
from tuner.sound.loudness import loudness_lufs


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("level_db", [0.0, -12.0])
def test_its_loudness_is_the_clips(channels, level_db):
    tone = make_tone(level_db, -23.0, channels)
    phase = 2 * np.pi * 1000 / 48_000 * np.arange(4 * 48_000)
    sine = (10 ** (tone.peak_dbfs / 20) * np.sin(phase)).astype(np.float32)
    assert loudness_lufs(np.stack([sine] * channels)) == pytest.approx(-23 + level_db, abs=0.1)


def test_more_channels_are_played_by_two():
    assert make_tone(0.0, -23.0, 6) == make_tone(0.0, -23.0, 2)


@pytest.mark.parametrize("level_db", [-40.1, 12.1, float("nan")])
def test_levels_out_of_range_are_refused(level_db):
    with pytest.raises(StudyError, match="tone"):
        make_tone(level_db, -23.0, 2)


def test_each_setting_is_kept(asked_folder):
    plan = read_plan(asked_folder)
    assert plan.tone.level_db == -6.0
    assert read_volume(asked_folder, "anna") == ()
    store_volume(asked_folder, plan, "anna", False)
    store_volume(asked_folder, plan, "anna", True)
    assert read_volume(asked_folder, "anna") == (False, True)
    with pytest.raises(AnswerRefused):
        store_volume(asked_folder, plan, "anna", "yes")


def test_a_test_without_tone_keeps_none(folder):
    with pytest.raises(AnswerRefused, match="no tone"):
        store_volume(folder, read_plan(folder), "anna", True)

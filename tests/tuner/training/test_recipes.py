"""Recipes: groups at one bitrate, ladders in order, the same signal again."""

import numpy as np
import pytest

from tuner.encoder import default_settings
from tuner.testing import FakeEncoder, make_clip
from tuner.training.recipes import (
    CLIP_TOLERANCE,
    LADDER_GAP,
    Recipe,
    artefact_step,
    codec_step,
    cook,
    families,
    plan_recipes,
)

CLIP = make_clip(2, 1.0)
ENCODERS = {"fake": FakeEncoder()}


def plans(kind: str) -> list[list[Recipe]]:
    """Plans of many seeds whose last step is of one kind and that form a group."""
    made = [plan_recipes(CLIP, ENCODERS, np.random.default_rng(seed)) for seed in range(25)]
    return [p for p in made if p and p[0].group and p[0].steps[-1]["kind"] == kind]


def test_a_group_is_one_encoder_at_one_bitrate() -> None:
    """The default comes first, settings differ, measured bitrates agree within the tolerance."""
    groups = plans("codec")
    assert groups
    for group in groups:
        assert len({recipe.group for recipe in group}) == 1
        default = default_settings(FakeEncoder()).as_dict()
        assert group[0].steps[0]["values"] == default
        spent = np.array([recipe.kbps for recipe in group], dtype=float)
        # Recipes hold kb/s to two digits.
        assert np.max(np.abs(spent - spent[0])) <= CLIP_TOLERANCE * spent[0] + 0.01
        assert len({str(recipe.steps) for recipe in group}) == len(group) > 1


def test_a_ladder_rises() -> None:
    """Severities of one artefact rise by a least step, with the same random parts."""
    ladders = plans("artefact")
    assert ladders
    for ladder in ladders:
        severities = [recipe.steps[0]["severity"] for recipe in ladder]
        assert np.all(np.diff(severities) >= LADDER_GAP - 0.002)
        assert len({recipe.steps[0]["seed"] for recipe in ladder}) == 1
        assert all(recipe.ladder for recipe in ladder)


def test_the_same_recipe_gives_the_same_signal() -> None:
    """Audio is made again from the table."""
    step = codec_step("fake", default_settings(FakeEncoder()), 64.0)
    tandem = Recipe((step, artefact_step("clipping", 0.5, 3), step))
    first, second = (cook(CLIP, tandem, ENCODERS) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == CLIP.shape


@pytest.mark.parametrize(("channels", "stereo"), [(1, False), (2, True)])
def test_mono_has_no_stereo_artefacts(channels: int, stereo: bool) -> None:
    """Narrowing and imbalance need two channels."""
    assert ("stereo narrowing" in families(make_clip(channels))) == stereo

"""Opinions: of three families and fused; what is known by construction overrules the metrics."""

from dataclasses import replace

import numpy as np
import pytest

from tuner.sound.audio import lowpass
from tuner.sound.synth import synthesize
from tuner.training.degrade import INAUDIBLE, degrade
from tuner.training.labels import Label, label
from tuner.training.opinions import mid_opinions, opinions, opinions_of
from tuner.training.recipes import Recipe, artefact_step

WIDE = synthesize("applause", 1, 1.5)
PLAIN = Recipe(({"kind": "anchor", "hz": 9000.0},))


@pytest.fixture(scope="module")
def measured() -> Label:
    """A low-pass at 9 kHz."""
    return label(WIDE, lowpass(WIDE, 9000.0), PLAIN, apart=False)


def test_every_family_and_the_fused_opinion_speak(measured: Label) -> None:
    """On the MUSHRA scale, of the whole and of the mid."""
    for taught in (opinions(measured), mid_opinions(measured)):
        assert len(taught.families) == 3
        assert all(0 <= points < 100 for points in (*taught.families, taught.fused))


def test_a_signal_that_is_its_reference_is_worth_100() -> None:
    """By every family."""
    taught = opinions(label(WIDE, WIDE, PLAIN, apart=True))
    assert [*taught.families, taught.fused] == pytest.approx([100.0] * 4, abs=0.5)


@pytest.mark.parametrize("family", list(INAUDIBLE))
def test_what_cannot_be_heard_costs_nothing(measured: Label, family: str) -> None:
    """Whatever the metrics say of it."""
    recipe = Recipe((artefact_step(family, 1.0, 1),))
    assert opinions(replace(measured, recipe=recipe)).fused == 100


def test_silence_in_the_middle_costs_more_than_the_metrics_say() -> None:
    """A tenth of the signal muted is worth 25 points at most, by every family."""
    coded = WIDE.copy()
    coded[:, 20_160:27_600] = 0
    taught = opinions(label(WIDE, coded, PLAIN, apart=False))
    assert max(*taught.families, taught.fused) <= 25


def test_the_deaf_are_not_asked(measured: Label) -> None:
    """On pre-echo ViSQOL has no say: its number changes nothing."""
    recipe = Recipe((artefact_step("pre-echo", 0.5, 1),))
    one = replace(measured, recipe=recipe)
    other = replace(one, visqol=(1.0, *one.visqol[1:]))
    assert opinions(one) == opinions(other)


def test_no_teacher_overrules_a_ladder(measured: Label) -> None:
    """Opinions that rise with the severity are levelled."""
    severe, mild = (
        replace(
            label(WIDE, degrade(WIDE, "clipping", made_at, 1), PLAIN, apart=False),
            recipe=Recipe((artefact_step("clipping", told, 1),), group="clipping"),
        )
        for made_at, told in ((0.2, 0.9), (0.8, 0.1))
    )
    taught = opinions_of([severe, mild])
    assert np.array(taught[0].families) == pytest.approx(np.array(taught[1].families))
    assert taught[0].fused == pytest.approx(taught[1].fused)

"""Opinions: the same as the scorers', left and right only object, the deaf are not asked."""

import numpy as np
import pytest

from tuner.audio import lowpass
from tuner.quality.degrade import narrow
from tuner.quality.labels import Label, label
from tuner.quality.opinions import opinions, opinions_of
from tuner.quality.recipes import Recipe, artefact_step
from tuner.quality.teachers import VisqolScorer, ZimtohrliScorer
from tuner.synth import synthesize

WIDE = synthesize("applause", 1, 1.5)
PLAIN = Recipe(({"kind": "anchor", "hz": 9000.0},))


@pytest.mark.parametrize("coded", [lowpass(WIDE, 9000.0), narrow(WIDE, 0.4)])
def test_are_those_of_the_scorers(coded: np.ndarray) -> None:
    """A label read from the table is worth what the judge would say."""
    visqol, zimtohrli = opinions(label(WIDE, coded, PLAIN, apart=False))
    assert visqol == pytest.approx(VisqolScorer().score(WIDE, coded).mean, abs=1.5)
    assert zimtohrli == pytest.approx(ZimtohrliScorer().score(WIDE, coded).mean, abs=0.01)


def test_left_and_right_only_object() -> None:
    """A mono downmix is not forgiven because each channel sounds well."""
    kind = Label(PLAIN, (4.7, 1.2, 4.7, 4.7), (5.0, 1.1, 5.0, 5.0), (0.0, -60.0), "")
    harsh = Label(PLAIN, (4.7, 4.7, 2.0, 2.0), (5.0, 5.0, 3.0, 3.0), (0.0, 0.0), "")
    assert max(opinions(kind)) < 60
    assert max(opinions(harsh)) < 55


def test_the_deaf_are_not_asked() -> None:
    """On pre-echo Zimtohrli speaks for both."""
    recipe = Recipe((artefact_step("pre-echo", 0.5, 1),))
    made = Label(recipe, (4.7, None, None, None), (3.0, None, None, None), (-60.0, -60.0), "")
    assert len(set(opinions(made))) == 1


def test_no_teacher_overrules_a_ladder() -> None:
    """Opinions that rise with the severity are levelled; the others stay."""
    mos = [(4.7, 4.9), (3.0, 4.0), (3.5, 3.8)]
    rungs = [
        Label(
            Recipe((artefact_step("clipping", severity, 1),), group="clipping"),
            (visqol, None, None, None),
            (zimtohrli, None, None, None),
            (-60.0, -60.0),
            "",
        )
        for severity, (visqol, zimtohrli) in zip((0.1, 0.4, 0.7), mos, strict=True)
    ]
    made = opinions_of([rungs[2], rungs[0], rungs[1]])
    severe, mild, middle = made
    assert mild[0] > middle[0] == pytest.approx(severe[0])
    assert [each[1] for each in made] == [opinions(r)[1] for r in (rungs[2], rungs[0], rungs[1])]

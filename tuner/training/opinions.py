"""From raw labels to opinions on the MUSHRA scale: what the model is taught.

What the metrics measured becomes the opinions of three families and one that is fused of them as
people would (`tuner.training.fusion`). What is known by construction overrules the metrics: the
order of a ladder of severities (`tuner.training.recipes.Recipe.ladder`), changes that nobody can
hear (`tuner.training.degrade.INAUDIBLE`), and what silence in the middle of a sound costs at least.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tuner.scorer import FAMILIES
from tuner.training.degrade import INAUDIBLE
from tuner.training.fusion import Raw, deaf_to, shipped
from tuner.training.labels import Label

#: Points at most for a signal of which this share is muted: a listener who loses a second of six
#: calls it bad. Our choice: all metrics average over time and give such signals 78 to 89.
MUTED_SHARE = (0.0, 0.003, 0.02, 0.1, 0.3, 1.0)
MUTED_POINTS = (100.0, 72.0, 45.0, 20.0, 4.0, 0.0)
#: Level of a side that is not there, dB under the mid.
NO_SIDE_DB = (-60.0, -60.0)


class Taught(NamedTuple):
    """What one coded signal is worth, 0 to 100.

    Args:
        families: the opinion of each of `tuner.scorer.FAMILIES`.
        fused: of all, as people would.
    """

    families: tuple[float, ...]
    fused: float


def opinions_of(labels: Sequence[Label]) -> list[Taught]:
    """The opinions of all labels of one reference, ladders put in their known order.

    Where an opinion rises with the severity of an artefact it is wrong, and is replaced by
    the nearest opinions that do not rise (least squares, isotonic regression).
    """
    from scipy.optimize import isotonic_regression

    found = np.array([[*each.families, each.fused] for each in map(opinions, labels)])
    for group in {label.recipe.group for label in labels if label.recipe.ladder}:
        rungs = [n for n, each in enumerate(labels) if each.recipe.group == group]
        rungs.sort(key=lambda n: float(labels[n].recipe.steps[-1]["severity"]))
        for column in range(found.shape[1]):
            ordered = isotonic_regression(found[rungs, column], increasing=False)
            found[rungs, column] = ordered.x
    return [Taught(tuple(map(float, row[:-1])), float(row[-1])) for row in found]


def opinions(label: Label) -> Taught:
    """What is taught of one signal."""
    return _taught(label, Raw(label.visqol, label.zimtohrli, label.side_db, _peaq(label, 0)))


def mid_opinions(label: Label) -> Taught:
    """The same of the mid signal alone, which the mono network is taught."""
    visqol, zimtohrli = ((mos[0], None, None, None) for mos in (label.visqol, label.zimtohrli))
    return _taught(label, Raw(visqol, zimtohrli, NO_SIDE_DB, _peaq(label, 1)))


def _peaq(label: Label, place: int) -> tuple[float, ...]:
    found = label.peaq[place] if label.peaq else None
    if found is None:
        raise ValueError(f"a label without PEAQ's variables: {label.recipe}")
    return found


def _taught(label: Label, raw: Raw) -> Taught:
    artefacts = {step["family"] for step in label.recipe.steps if step["kind"] == "artefact"}
    if artefacts and artefacts <= INAUDIBLE.keys():
        return Taught((100.0,) * len(FAMILIES), 100.0)
    raw = Raw(raw.visqol, raw.zimtohrli, raw.side_db, raw.peaq, deaf_to(artefacts))
    fusion = shipped()
    most = float(np.interp(label.muted, MUTED_SHARE, MUTED_POINTS))
    families = tuple(min(float(opinion), most) for opinion in fusion.opinions(raw))
    return Taught(families, min(fusion.fused(raw), most))

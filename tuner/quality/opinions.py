"""From raw labels to opinions on the MUSHRA scale: what the model is taught.

Each teacher's MOS of mid, side, left and right becomes one opinion, 0 to 100, as its scorer
in `tuner.quality.teachers` would give it; left and right can only take from it, because on
them alone both teachers prefer a mono downmix. The opinions stay apart: where they disagree
the label is wide. The order of a ladder of severities is known and no opinion may overrule
it (`tuner.quality.recipes.Recipe.ladder`).
"""

from __future__ import annotations

from collections.abc import Sequence

from tuner.quality.labels import Label
from tuner.quality.teachers import VISQOL_SCALE, ZIMTOHRLI_SCALE, MosScale, blend

#: Artefacts that a teacher cannot hear, by what it said itself (FACTS.md): ViSQOL's 80 ms
#: windows miss pre-echo (a synthetic one of 20 ms costs 0.13 MOS of 3.73).
DEAF_TO = {"visqol": ("pre-echo",)}


def opinions_of(labels: Sequence[Label]) -> list[tuple[float, float]]:
    """The opinions of all labels of one reference, ladders put in their known order.

    Where an opinion rises with the severity of an artefact it is wrong, and is replaced by
    the nearest opinions that do not rise (least squares, isotonic regression).
    """
    from scipy.optimize import isotonic_regression

    found = [opinions(label) for label in labels]
    ladders = {label.recipe.group for label in labels if label.recipe.ladder}
    for group in ladders:
        rungs = [n for n, each in enumerate(labels) if each.recipe.group == group]
        rungs.sort(key=lambda n: float(labels[n].recipe.steps[-1]["severity"]))
        ordered = [
            isotonic_regression([found[n][teacher] for n in rungs], increasing=False).x
            for teacher in (0, 1)
        ]
        for place, n in enumerate(rungs):
            found[n] = (float(ordered[0][place]), float(ordered[1][place]))
    return found


def opinions(label: Label) -> tuple[float, float]:
    """ViSQOL's and Zimtohrli's opinion, 0 to 100; one speaks for both where the other is deaf."""
    visqol = _opinion(label.visqol, label.side_db, VISQOL_SCALE)
    zimtohrli = _opinion(label.zimtohrli, label.side_db, ZIMTOHRLI_SCALE)
    return (zimtohrli if _is_deaf(label) else visqol, zimtohrli)


def mid_opinions(label: Label) -> tuple[float, float]:
    """The same opinions of the mid signal alone, which the mono network is taught."""
    visqol = VISQOL_SCALE.to_mushra(_measured(label.visqol[0]))
    zimtohrli = ZIMTOHRLI_SCALE.to_mushra(_measured(label.zimtohrli[0]))
    return (zimtohrli if _is_deaf(label) else visqol, zimtohrli)


def _measured(mos: float | None) -> float:
    assert mos is not None
    return mos


def _is_deaf(label: Label) -> bool:
    artefacts = {step.get("family") for step in label.recipe.steps}
    return bool(artefacts & set(DEAF_TO["visqol"]))


def _opinion(mos: Sequence[float | None], side_db: tuple[float, float], scale: MosScale) -> float:
    mid, side, left, right = (None if m is None else scale.to_mushra(m) for m in mos)
    assert mid is not None
    opinion = blend(mid, side, side_db)
    if left is not None and right is not None:
        opinion = min(opinion, (left + right) / 2)
    return opinion

"""The artefact gauntlet: eight families in five severities; is the worse one told every time?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.truth.listening import Listening
from bench.truth.references import SIDES, Reference
from bench.truth.table import Row, row_of, share
from tuner.sound.stereo import SIDE_INAUDIBLE_DB, side_level_db
from tuner.training.degrade import degrade
from tuner.training.recipes import families

#: The five of the Open Dataset of Audio Quality, and three.
FAMILIES = (
    "low-pass",
    "pre-echo",
    "spectral holes",
    "tonality mismatch",
    "unmasked noise",
    "stereo narrowing",
    "clipping",
    "drop-outs",
)
SEVERITIES = (0.0, 0.25, 0.5, 0.75, 1.0)


def audible(reference: Reference) -> list[str]:
    """The families that can be heard on a reference."""
    names = [name for name in FAMILIES if name in families(reference.pcm)]
    if side_level_db(reference.pcm) <= SIDE_INAUDIBLE_DB and "stereo narrowing" in names:
        names.remove("stereo narrowing")
    return names


def gauntlet(references: Sequence[Reference], listening: Listening) -> list[Row]:
    """Shares of neighbouring severities in the right order, by family and by side."""
    right: dict[tuple[str, str], list[np.ndarray]] = {}
    for reference in references:
        for family in audible(reference):
            scores = np.array(
                [
                    listening.scores(
                        reference, degrade(reference.pcm, family, severity, reference.seed)
                    )
                    for severity in SEVERITIES
                ]
            )
            right.setdefault((family, reference.side), []).extend(scores[1:] < scores[:-1])
            if not (scores[1:, 0] < scores[:-1, 0]).all():
                told = " ".join(f"{score:.2f}" for score in scores[:, 0])
                print(f"wrong order: {family} on {reference.name} ({reference.side}): {told}")

    def row(name: str, goal: str, place: int, key: str | None) -> list[Row]:
        pairs = [p for k, part in right.items() if key in (None, k[place]) for p in part]
        return [row_of(f"gauntlet: {name}", goal, np.array(pairs), share)] if pairs else []

    rows = [r for family in FAMILIES for r in row(family, ">= 95 %", 0, family)]
    rows += [r for side in SIDES for r in row(f"all, {side}", ">= 98 %", 1, side)]
    return rows + row("all", ">= 98 %", 0, None)

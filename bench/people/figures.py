"""Prints people against the fusion, and collects the figures that travel with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bench.people.coded import CUTOFFS_KHZ, POINTS_PER_GRADE, SWEPT_KBPS, swept
from bench.people.fit import Heard, fit
from tuner.metrics import peaq_basic as peaq
from tuner.metrics.scales import VISQOL_SCALE, ZIMTOHRLI_SCALE, MosScale
from tuner.sound.stereo import blend
from tuner.training.fusion import FAMILIES, Fusion, Raw, two_f_uncut

GROUPS = ("LP", "SH", "TM", "UN", "PE", "public")
Value = Callable[[Raw], float]


def columns(fusion: Fusion) -> dict[str, Value]:
    """What is printed of a condition: the fusion's opinions, and the metrics without it."""

    def opinion(place: int) -> Value:
        return lambda raw: fusion.opinions(raw)[place]

    return {
        "fused": fusion.fused,
        "consensus": lambda raw: consensus(fusion, raw),
        **{family: opinion(place) for place, family in enumerate(FAMILIES)},
        "ViSQOL": lambda raw: _as_before(VISQOL_SCALE, raw.visqol, raw.side_db),
        "Zimtohrli": lambda raw: _as_before(ZIMTOHRLI_SCALE, raw.zimtohrli, raw.side_db),
        "2f-model": lambda raw: float(np.clip(two_f_uncut(raw.peaq[6], raw.peaq[4]), 0, 100)),
        "ODG": lambda raw: float(peaq.odg(peaq.Variables(*np.array(raw.peaq)[:, None]))[0]),
    }


def consensus(fusion: Fusion, raw: Raw) -> float:
    """Mean of the three opinions less their standard deviation."""
    said = fusion.opinions(raw)
    return float(np.mean(said) - np.std(said))


def _as_before(scale: MosScale, mos: Sequence[float | None], side_db: tuple[float, float]) -> float:
    mid, side = (None if each is None else scale.to_mushra(each) for each in mos[:2])
    return blend(mid or 0.0, side, side_db)


def show(conditions: Sequence[Heard], fusion: Fusion) -> dict[str, Any]:
    """Print every condition and what it comes to; the figures."""
    values = columns(fusion)
    table = {name: np.array([each.mean(v) for each in conditions]) for name, v in values.items()}
    print(f"{'':26}{'people':>8}" + "".join(f"{name:>13}" for name in table))
    for place, each in enumerate(conditions):
        people = "" if each.people is None else f"{each.people:.1f}"
        cells = "".join(f"{column[place]:13.2f}" for column in table.values())
        print(f"{each.family + ' ' + each.level:26}{people:>8}{cells}")
    figures = {
        "spearman_odaq": {name: _spearman(conditions, column) for name, column in table.items()},
        "mean_distance": {
            name: {group: _distance(conditions, table[name], group) for group in GROUPS}
            for name in list(table)[:-1]
            if name != "consensus"
        },
        "grades": _grades(conditions, table["fused"]),
        "best_cutoff_khz": {
            f"aac {kbps:g}": {
                name: _best_cutoff(conditions, table[name], kbps)
                for name in ("fused", "consensus", *FAMILIES)
            }
            for kbps in SWEPT_KBPS
        },
    }
    for name, figure in figures.items():
        print(f"{name}:")
        for key, value in figure.items():
            print(f"  {key}: {value}")
    return figures


def left_out(conditions: Sequence[Heard]) -> dict[str, Any]:
    """Each group of conditions judged by a fusion that was fitted to the others."""
    found = {}
    for group in GROUPS:
        fusion = fit([each for each in conditions if each.group != group])
        own = [each for each in conditions if each.group == group]
        errors = np.array([each.mean(fusion.fused) - (each.people or 0.0) for each in own])
        found[group] = round(float(np.mean(np.abs(errors))), 1)
        weights = ", ".join(f"{family} {fusion.weights[family]:.2f}" for family in FAMILIES)
        print(
            f"fitted without {group}: off by {np.round(errors, 1)}, mean {found[group]}; {weights}"
        )
    return found


def _spearman(conditions: Sequence[Heard], column: np.ndarray) -> float:
    from scipy.stats import spearmanr

    places = [n for n, each in enumerate(conditions) if each.test == "odaq"]
    people = [conditions[n].people for n in places]
    return round(float(spearmanr(people, column[places])[0]), 3)


def _distance(conditions: Sequence[Heard], column: np.ndarray, group: str) -> float:
    places = [n for n, each in enumerate(conditions) if each.group == group]
    return round(float(np.mean([abs(column[n] - (conditions[n].people or 0)) for n in places])), 1)


def _grades(conditions: Sequence[Heard], column: np.ndarray) -> dict[str, str]:
    """Of the public tests: people's grade and ours."""
    grades = 1 + column / POINTS_PER_GRADE
    return {
        each.family: f"{1 + (each.people or 0) / POINTS_PER_GRADE:.2f}, fused {grades[n]:.2f}"
        for n, each in enumerate(conditions)
        if each.test == "public"
    }


def _best_cutoff(conditions: Sequence[Heard], column: np.ndarray, kbps: float) -> float:
    names = [each.family for each in conditions]
    points = [column[names.index(swept(kbps, khz))] for khz in CUTOFFS_KHZ]
    return CUTOFFS_KHZ[int(np.argmax(points))]

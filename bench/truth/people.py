"""Against people: ODAQ's artefacts and public codec tests, made again on sounds never taught."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import spearmanr

from bench.people.coded import POINTS_PER_GRADE, PUBLIC
from bench.people.people import odaq_means
from bench.truth.listening import Listening
from bench.truth.matched import code, match
from bench.truth.references import Reference
from bench.truth.table import Row, Values
from tuner.encoder import default_settings
from tuner.plugins import load_encoder
from tuner.scorer import Score
from tuner.training.odaq import Condition, conditions

#: Low-pass frequencies at which people's curve is known.
CURVE = ("LP3.5", "Q1", "LP7", "Q2", "Q3", "Q4", "Q5")
#: The tests whose order and distance a score must have, best first (grades as in `PUBLIC`).
ORDER = ("opus 96", "vorbis 96", "lame V5", "opus 64", "vorbis 64", "aac 48")
#: Grades that people themselves did not tell apart.
TIED = 0.05


def lowpass_curve(references: Sequence[Reference], listening: Listening) -> list[Row]:
    """Mean absolute distance from people's low-pass curve; a line for each frequency."""
    people = odaq_means(listening.data)
    known = {(c.family, c.level): c for c in conditions()}
    sounds = _recorded(references)
    told = []
    for level in CURVE:
        told.append(_mean(known["LP", level], sounds, listening))
        _print(f"low-pass {known['LP', level].name}", people["LP", level], told[-1])
    wanted = np.array([people["LP", level] for level in CURVE])
    distances = np.abs(np.array(told) - wanted[:, None]).mean(axis=0)
    return [
        Row(
            f"low-pass curve: mean distance from people, points, {len(sounds)} sounds",
            "<= 4",
            tuple(f"{distance:.1f}" for distance in distances),
        )
    ]


def odaq_families(references: Sequence[Reference], listening: Listening) -> list[Row]:
    """Spearman of the levels of all families together with people; distances by family."""
    people = odaq_means(listening.data)
    sounds = _recorded(references)
    made = [c for c in conditions() if not c.level.startswith("LP")]
    told = []
    for condition in made:
        told.append(_mean(condition, sounds, listening))
        _print(condition.name, people[condition.family, condition.level], told[-1])
    table, wanted = np.array(told), np.array([people[c.family, c.level] for c in made])
    others = np.array([c.family != "LP" for c in made])
    rows = [
        _row(
            f"ODAQ, {what}: Spearman with people, {int(keep.sum())} levels",
            table[keep].T,
            wanted[keep],
        )
        for what, keep in (("all families", others | ~others), ("all but the low-pass", others))
    ]
    for family in dict.fromkeys(c.family for c in made):
        keep = np.array([c.family == family for c in made])
        distance = np.abs(table[keep] - wanted[keep, None]).mean(axis=0)
        rows.append(
            Row(
                f"ODAQ {family}: mean distance from people, points",
                "–",
                tuple(f"{points:.1f}" for points in distance),
            )
        )
    return rows


def _row(figure: str, columns: Values, wanted: Values) -> Row:
    found = tuple(f"{spearmanr(column, wanted).statistic:.2f}" for column in columns)
    return Row(figure, ">= 0.9, above each metric", found)


def public_tests(references: Sequence[Reference], listening: Listening) -> list[Row]:
    """Order and distance of encoders in public tests, in grades after one monotone map."""
    from scipy.optimize import isotonic_regression

    sounds = _recorded(references)
    heard = {each.name: each for each in PUBLIC}
    told = []
    for name in ORDER:
        each = heard[name]
        encoder = load_encoder(each.encoder)
        settings = default_settings(encoder, each.mode)
        knob = match(encoder, settings, each.kbps, sounds)
        if knob is None:
            print(f"{name}: {each.kbps:g} kb/s is not reached; left out")
            return []
        scores = [listening.listen(r, code(encoder, settings, knob, r.pcm)) for r in sounds]
        told.append(_over(scores))
        _print(f"{name} at {each.kbps:g} kb/s", POINTS_PER_GRADE * (each.grade - 1), told[-1])
    grades = np.array([heard[name].grade for name in ORDER])
    table = np.array(told)

    def right(column: Values) -> str:
        pairs = [
            column[i] > column[j]
            for i in range(len(grades))
            for j in range(len(grades))
            if grades[i] - grades[j] > TIED
        ]
        return f"{int(sum(pairs))} of {len(pairs)} pairs"

    def distance(column: Values) -> str:
        order = np.argsort(column)
        mapped = isotonic_regression(grades[order]).x
        return f"{np.abs(mapped - grades[order]).max():.2f}"

    return [
        _told("public tests: encoders in people's order", "all pairs", table, right),
        _told(
            "public tests: most distance after a monotone map, grades", "<= 0.5", table, distance
        ),
        _told(
            "public tests: mean distance from people, points",
            "–",
            table,
            lambda column: f"{np.abs(column - POINTS_PER_GRADE * (grades - 1)).mean():.1f}",
        ),
    ]


def _told(figure: str, goal: str, table: Values, tell: Callable[[Values], str]) -> Row:
    return Row(figure, goal, tuple(tell(column) for column in table.T))


def _recorded(references: Sequence[Reference]) -> list[Reference]:
    """Stereo recordings, as people heard."""
    return [r for r in references if r.side != "synthetic" and r.pcm.shape[0] == 2]


def _mean(condition: Condition, sounds: Sequence[Reference], listening: Listening) -> Values:
    return _over([listening.listen(r, condition.make(r.pcm, r.seed)) for r in sounds])


def _over(scores: Sequence[Sequence[Score]]) -> Values:
    return np.array([[score.mean for score in each] for each in scores]).mean(axis=0)


def _print(name: str, people: float, told: Values) -> None:
    values = " ".join(f"{points:.0f}" for points in told)
    print(f"{name}: people {people:.0f}; {values}", flush=True)

"""Pearson with each teacher over all encoders and bitrates, and what the model knows of its error.

Every reference goes through every encoder at random settings and bitrates, so most of what is
told is easy: which of two is bad. The teachers differ, too: one number that follows both
equally well reaches sqrt((1 + r) / 2) with each at most, r being what they reach with each other.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import pearsonr, spearmanr

from bench.truth.coding import run_jobs, store
from bench.truth.references import SIDES, Reference
from bench.truth.table import Row, Values
from tuner.encoder import Encoder, default_settings, find_rate_mode
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef, Job
from tuner.model.insenet import LOGISTIC_STD
from tuner.scorer import Score, Scorer
from tuner.training.agreement import INTERVAL_SCALES
from tuner.training.recipes import random_settings

#: Bitrates of stereo, kb/s; mono gets half.
LOW_KBPS, HIGH_KBPS = 24.0, 192.0
#: Where the knob of a mode without bitrate may stand, in its range.
KNOB_RANGE = (0.2, 0.7)
#: Share of the pairs at an encoder's default settings.
DEFAULT_SHARE = 0.25
SEEN_GOAL, LEFT_OUT_GOAL = 0.97, 0.94
COVERAGE_GOAL = "85 to 95 %"
NONE = "–"


@dataclass(frozen=True)
class Heard:
    """A coded reference: its side, its encoder, the scores of the model and the two teachers."""

    side: str
    encoder: str
    scores: tuple[Score, ...]


def pearson(
    references: Sequence[Reference],
    scorers: tuple[Scorer, ...],
    executor: Executor,
    work: Path,
    encoders: Mapping[str, Encoder],
    pairs: int,
    *,
    left_out: bool,
) -> list[Row]:
    """Rows of each side over all encoders; a line for each encoder.

    Args:
        scorers: the model and the two teachers.
        work: where the references are stored for the workers.
        encoders: by name.
        pairs: coded versions of each reference by each encoder.
        left_out: the model never met these encoders.
    """
    where, jobs = [], []
    for reference in references:
        clip = store(reference, work / "clips")
        for name, encoder in encoders.items():
            for number in range(pairs):
                where.append((reference.side, name))
                jobs.append(_draw(encoder, reference, clip, scorers, number))
    scores = run_jobs(jobs, executor, "pearson")
    heard = [Heard(*w, s) for w, s in zip(where, scores, strict=True) if s is not None]
    what = f", {' '.join(encoders)}" if left_out else ""
    goal = LEFT_OUT_GOAL if left_out else SEEN_GOAL
    rows: list[Row] = []
    for side in SIDES:
        part = [each for each in heard if each.side == side]
        if len(part) < 3:
            continue
        _print_encoders(side, part)
        rows += pearson_rows(f"{side}{what}", _means(part), goal)
        rows += _doubt_rows(f"{side}{what}", part)
    return rows


def _draw(
    encoder: Encoder, reference: Reference, clip: ClipRef, scorers: tuple[Scorer, ...], number: int
) -> Job:
    """One of an encoder's settings and knobs on a reference, always the same."""
    rng = np.random.default_rng([reference.seed, zlib.crc32(encoder.name.encode()), number])
    mode = encoder.rate_modes[int(rng.integers(len(encoder.rate_modes)))]
    settings = random_settings(encoder, mode, rng)
    if rng.random() < DEFAULT_SHARE:
        settings = default_settings(encoder)
        mode = find_rate_mode(encoder, settings.rate_mode)
    kbps = LOW_KBPS * (HIGH_KBPS / LOW_KBPS) ** rng.random() * clip.channels / 2
    place = rng.uniform(*KNOB_RANGE)
    knob = mode.snap(kbps if mode.nominal else mode.low + (mode.high - mode.low) * place)
    return Job(encoder, settings, knob, clip, scorers)


def pearson_rows(what: str, means: Values, goal: float) -> Iterator[Row]:
    """Pearson with each teacher, and what one number can reach with both.

    Args:
        what: of whom the rows tell.
        means: by the model and the two teachers, ``[pairs, 3]``.
        goal: what the model must reach with each.
    """
    for place, teacher in ((1, "ViSQOL"), (2, "Zimtohrli")):
        told = tuple(f"{_pearson(means[:, n], means[:, place]):.3f}" for n in range(3))
        yield Row(f"{what}: Pearson with {teacher}, {len(means)} pairs", f">= {goal}", told)
    ceiling = math.sqrt((1 + _pearson(means[:, 1], means[:, 2])) / 2)
    both = means[:, 1:].mean(axis=1)
    told = tuple(f"{_pearson(means[:, n], both):.3f}" for n in range(3))
    yield Row(f"{what}: Pearson with their mean", f"(with each alike: <= {ceiling:.3f})", told)


def _doubt_rows(what: str, heard: Sequence[Heard]) -> Iterator[Row]:
    """Whether disagreement tells the error, and whether the interval holds the opinions."""
    opinions = _means(heard)[:, 1:]
    disagreement, spread, mean = (_of(heard, name) for name in ("disagreement", "spread", "mean"))
    error = np.abs(mean - opinions.mean(axis=1))
    told = f"{spearmanr(disagreement, error).statistic:.2f}" if np.ptp(disagreement) else NONE
    yield Row(
        f"{what}: Spearman of disagreement and error (mean {error.mean():.1f} points)",
        "> 0",
        (told, NONE, NONE),
    )
    # Opinions end at 0 and 100, and so does the interval: as tuner.training.agreement has it.
    reach = spread / LOGISTIC_STD * INTERVAL_SCALES
    low, high = np.clip(mean - reach, 0, 100), np.clip(mean + reach, 0, 100)
    inside = (low[:, None] <= opinions) & (opinions <= high[:, None])
    yield Row(
        f"{what}: 90 % interval holds each opinion (reaches {reach.mean():.1f} points)",
        COVERAGE_GOAL,
        (f"{inside.mean():.1%}", *(f"{share:.1%}" for share in inside.mean(axis=0))),
    )


def _print_encoders(side: str, heard: Sequence[Heard]) -> None:
    for name in dict.fromkeys(each.encoder for each in heard):
        ours, one, other = _means([each for each in heard if each.encoder == name]).T
        print(
            f"{side} {name}, {len(ours)} pairs: ours with ViSQOL {_pearson(ours, one):.3f},"
            f" with Zimtohrli {_pearson(ours, other):.3f}, they {_pearson(one, other):.3f};"
            f" error {np.abs(ours - (one + other) / 2).mean():.1f} points",
            flush=True,
        )


def _means(heard: Sequence[Heard]) -> Values:
    return np.array([[score.mean for score in each.scores] for each in heard])


def _of(heard: Sequence[Heard], name: str) -> Values:
    return np.array([float(getattr(each.scores[0], name)) for each in heard])


def _pearson(a: Values, b: Values) -> float:
    """NaN where too few or all the same."""
    return float(pearsonr(a, b).statistic) if len(a) > 2 and np.ptp(a) and np.ptp(b) else math.nan

"""MUSHRA ratings as means: of each condition at each bitrate, and against the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.listening.crossed import Mean, crossed_mean, holm
from tuner.listening.items import Answers
from tuner.listening.plan import ANCHORS, REFERENCE, Plan, Trial

Cells = Mapping[tuple[float | None, str], npt.NDArray[np.float64]]
"""Bitrate and condition -> ratings ``[S, C]``, subjects by clips."""


@dataclass(frozen=True)
class ConditionMean:
    """The mean rating of a condition at a bitrate.

    Args:
        bitrate_kbps: target bitrate, or None.
        condition: what was rated.
        mean: over subjects and clips.
        by_subject: each subject's mean over the clips, in the order of the subjects.
    """

    bitrate_kbps: float | None
    condition: str
    mean: Mean
    by_subject: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """A condition minus the baseline, paired by subject and clip; `p` is corrected (Holm)."""

    bitrate_kbps: float | None
    condition: str
    baseline: str
    difference: Mean
    p: float | None


def find_cells(plan: Plan, answers: Answers) -> Cells:
    """The ratings of subjects who rated every page."""
    trials: dict[tuple[float | None, str], list[Trial]] = {}
    for trial in plan.trials:
        for stimulus in trial.stimuli:
            trials.setdefault((trial.bitrate_kbps, stimulus.condition), []).append(trial)
    return {
        (rate, condition): np.stack(
            [ratings_of(answers, trial, condition) for trial in rated], axis=1
        )
        for (rate, condition), rated in trials.items()
    }


def ratings_of(answers: Answers, trial: Trial, condition: str) -> npt.NDArray[np.float64]:
    """Every subject's rating of one stimulus, ``[S]``."""
    given = [pages[trial.name]["answer"][condition] for pages in answers.values()]
    return np.array(given, dtype=np.float64)


def find_means(cells: Cells) -> Iterator[ConditionMean]:
    """The mean of each condition at each bitrate."""
    for (rate, condition), values in cells.items():
        subjects = tuple(float(each) for each in values.mean(axis=1))
        yield ConditionMean(rate, condition, crossed_mean(values), subjects)


def compare(baseline: str, cells: Cells) -> Iterator[Comparison]:
    """Each coded condition against the baseline of its bitrate."""
    pairs = [
        (rate, condition, crossed_mean(values - cells[rate, baseline]))
        for (rate, condition), values in cells.items()
        if condition != baseline
        and _is_coded(condition)
        and (rate, baseline) in cells
        and values.shape == cells[rate, baseline].shape
    ]
    corrected = holm([mean.p for *_, mean in pairs if mean.p is not None])
    for rate, condition, mean in pairs:
        yield Comparison(
            rate, condition, baseline, mean, None if mean.p is None else corrected.pop(0)
        )


def _is_coded(condition: str) -> bool:
    return condition != REFERENCE and condition not in ANCHORS

"""Ratings of each item (a clip at a bitrate), and what listeners wrote about it."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuner.listening.crossed import Mean, crossed_mean
from tuner.listening.plan import Plan

Answers = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Subject -> page -> stored line."""


@dataclass(frozen=True)
class ItemMean:
    """One condition of one item.

    Args:
        page: the trial's name.
        clip: the clip's name.
        bitrate_kbps: target bitrate, or None.
        condition: what was rated.
        mean: over subjects; its interval is about other listeners, of this clip alone.
        ratings: one per subject who counts, 0 to 100.
        predicted: the quality model's score, or None.
    """

    page: str
    clip: str
    bitrate_kbps: float | None
    condition: str
    mean: Mean
    ratings: tuple[int, ...]
    predicted: float | None


@dataclass(frozen=True)
class Comment:
    """What a subject wrote about an item.

    Args:
        subject: who.
        page: the trial's name.
        clip: the clip's name.
        bitrate_kbps: target bitrate, or None.
        text: what.
        letters: the conditions behind this subject's letters on this page, as in "A tuned".
    """

    subject: str
    page: str
    clip: str
    bitrate_kbps: float | None
    text: str
    letters: tuple[str, ...]


def find_items(plan: Plan, answers: Answers) -> Iterator[ItemMean]:
    """Every condition of every item, in the plan's order.

    Args:
        plan: of a MUSHRA test.
        answers: of the subjects who count; all of them rated every page.
    """
    for trial in plan.trials:
        for stimulus in trial.stimuli:
            given = [pages[trial.name]["answer"][stimulus.condition] for pages in answers.values()]
            yield ItemMean(
                trial.name,
                trial.clip,
                trial.bitrate_kbps,
                stimulus.condition,
                crossed_mean(np.array(given, dtype=np.float64)[:, None]),
                tuple(given),
                stimulus.predicted,
            )


def find_comments(plan: Plan, answers: Answers) -> Iterator[Comment]:
    """What anybody wrote, who counts or not, in the plan's order."""
    for trial in plan.trials:
        for subject, pages in answers.items():
            line = pages.get(trial.name, {})
            if text := line.get("comment", ""):
                letters = "ABX" if plan.kind == "abx" else string.ascii_uppercase
                behind = tuple(map(" ".join, zip(letters, line["order"], strict=False)))
                yield Comment(subject, trial.name, trial.clip, trial.bitrate_kbps, text, behind)


def name_item(clip: str, bitrate_kbps: float | None) -> str:
    """A clip at its bitrate, in words."""
    return clip if bitrate_kbps is None else f"{clip} @ {bitrate_kbps:g} kb/s"

"""What is good enough: a quality that the clips must reach, on average or a share of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.errors import StudyError
from tuner.rungs import noticeable_step
from tuner.scorer import Score
from tuner.study.objective import clip_values, is_mean

#: Legal targets of quality, points, and of the share of clips.
QUALITY_RANGE, SHARE_RANGE = (1.0, 99.0), (0.05, 1.0)
#: Share of the clips that must be transparent where nothing else is said.
TRANSPARENT_SHARE = 0.9


@dataclass(frozen=True)
class Goal:
    """A target of quality.

    Args:
        quality: points, 0 to 100.
        share: of the clips that must reach it, 0 to 1; None: their mean must.
        transparent: a clip reaches it where the model cannot tell it from the reference: the
            mean opinion lies less than a just noticeable difference under 100.
    """

    quality: float
    share: float | None = None
    transparent: bool = False

    def values(self, scores: Sequence[Score], objective: str) -> list[float]:
        """What each clip is worth, points.

        By the objective where that is a mean over the clips, else by the consensus.
        """
        if self.transparent:
            return [score.mean + noticeable_step(score.spread, score.spread) for score in scores]
        return clip_values(scores, objective if is_mean(objective) else "consensus")

    def reached(self, values: Sequence[float]) -> float:
        """The quality that the target is compared with, points.

        With a share it is what so many clips reach: the target is reached where it is.
        """
        if self.share is None:
            return statistics.fmean(values)
        needed = max(math.ceil(self.share * len(values) - 1e-9), 1)
        return sorted(values, reverse=True)[needed - 1]

    def __str__(self) -> str:
        """For sentences: "quality 85", "80 or better on 95 % of the clips"."""
        on = "" if self.share is None else f" on {100 * self.share:g} % of the clips"
        if self.transparent:
            return f"transparency{on}"
        return f"{self.quality:g} or better{on}" if on else f"quality {self.quality:g}"


def transparency(share: float = TRANSPARENT_SHARE) -> Goal:
    """So many clips that the model cannot tell from their references."""
    return Goal(100.0, share, transparent=True)


def make_goal(quality: float | None, share: float | None, *, transparent: bool = False) -> Goal:
    """A goal from what a user gave.

    Raises:
        StudyError: neither or both of a quality and transparency, or a value out of range.
    """
    if (quality is None) == (not transparent):
        raise StudyError("give --target-quality, as in 85, or --transparent")
    low, high = SHARE_RANGE
    if share is not None and not low <= share <= high:
        raise StudyError(f"--target-share must be from {low:g} to {high:g} (got {share:g})")
    if quality is None:
        return transparency(TRANSPARENT_SHARE if share is None else share)
    low, high = QUALITY_RANGE
    if not low <= quality <= high:
        raise StudyError(f"--target-quality must be from {low:g} to {high:g} (got {quality:g})")
    return Goal(quality, share)

"""Clips that cannot be scored: left out for every candidate, before the search begins.

The encoder's default decides, so that no candidate can get rid of a clip that it spoils: what
cannot be aligned or scored with the default's own encode, at any of the bitrates, tells nothing of
anyone. What is encoded and scored here is in the cache for the search and its validation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tuner.answer.diagnosis import METERS
from tuner.encoder import find_rate_mode
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef
from tuner.jobs.passes import Passes
from tuner.jobs.unscorable import find_unscorable
from tuner.rate import RateMatch, first_guess
from tuner.records import SIDE_WORDS, Side
from tuner.search.evaluate import TRIAL_ERRORS
from tuner.updates import Observer, PhaseStarted

if TYPE_CHECKING:
    from tuner.driver.parts import Parts

#: Times at most that progress is told for each bitrate and side.
TOLD = 4

_log = logging.getLogger(__name__)


def leave_out(
    parts: Parts, executor: Executor, clips: dict[Side, list[ClipRef]], observer: Observer
) -> tuple[Parts, list[str]]:
    """The run's parts without the clips that cannot be scored.

    Where none of a side can be, all stay: the search tells what is wrong.

    Args:
        parts: what to run.
        executor: where jobs run.
        clips: its clips as files.
        observer: told of progress.

    Returns:
        The parts, and a sentence for each clip that was left out.
    """
    progress = _Progress(observer, len(parts.spec.bitrates_kbps) * len(parts.clips.clips))
    reasons: dict[str, str] = {}
    for kbps in parts.spec.bitrates_kbps:
        found = _try_default(parts, executor, clips, kbps, progress)
        if any(all(clip.digest in found for clip in side) for side in clips.values()):
            continue
        for digest, reason in found.items():
            reasons.setdefault(digest, f"at {kbps:g} kb/s: {reason}")
    kept = tuple(clip for clip in parts.clips.clips if clip.digest not in reasons)
    if {clip.side for clip in kept} != set(clips):
        return parts, []
    told = [
        f"{clip.name} ({SIDE_WORDS[clip.side]}) is left out: it cannot be scored with the encoder's"
        f" default {reasons[clip.digest]}"
        for clip in parts.clips.clips
        if clip.digest in reasons
    ]
    for sentence in told:
        _log.warning("%s", sentence)
    return replace(parts, clips=replace(parts.clips, clips=kept)), told


def _try_default(
    parts: Parts,
    executor: Executor,
    clips: dict[Side, list[ClipRef]],
    kbps: float,
    progress: _Progress,
) -> dict[str, str]:
    """Digest -> reason of the clips that cannot be scored with the default at a bitrate."""
    settings = parts.space().defaults()[0]
    mode = find_rate_mode(parts.encoder, settings.rate_mode)
    guess, reasons = first_guess(mode, kbps, ()), dict[str, str]()
    scorers = (parts.scorer, *parts.judges, *METERS)
    for name, side in clips.items():
        passes = Passes(parts.encoder, executor, side, lambda _: None, kbps)
        try:
            match = (passes.match_widely if name == "holdout" else passes.match)(settings, guess)
        except TRIAL_ERRORS:
            return reasons  # of no single clip; the search tells it
        if not isinstance(match, RateMatch):
            return reasons
        guess = match.knob
        for knob in (match.knob, *(match.beside or ())[:1]):
            told = progress.of(len(side))
            job = (parts.encoder, settings, knob, scorers)
            reasons |= find_unscorable(executor, side, *job, told)
        progress.passed(len(side))
    return reasons


class _Progress:
    """Tells how many clips are tried."""

    def __init__(self, observer: Observer, total: int) -> None:
        self._observer, self._total, self._before = observer, total, 0
        self.tell(0)

    def of(self, clips: int) -> Callable[[int], None]:
        """Told of each clip of so many; tells some of them."""
        return lambda done: self.tell(done) if done % max(clips // TOLD, 1) == 0 else None

    def tell(self, done: int) -> None:
        """So many of the clips in work are done."""
        done += self._before
        text = "Trying the encoder's default on all clips"
        self._observer(PhaseStarted(text, done, self._total))

    def passed(self, count: int) -> None:
        """So many clips are behind."""
        self._before += count

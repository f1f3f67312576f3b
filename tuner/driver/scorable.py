"""Clips that cannot be scored: left out for every candidate, before the search begins.

The encoder's default decides, so that no candidate can get rid of a clip that it spoils: what
cannot be aligned or scored with the default's own encode, at any of the bitrates, tells nothing of
anyone. What is encoded and scored here is in the cache for the search and its validation.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tuner.answer.diagnosis import METERS
from tuner.encoder import Settings, find_rate_mode
from tuner.errors import AlignmentError, ScoreError, compose
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef, Job
from tuner.jobs.passes import Passes, cancel
from tuner.rate import RateMatch, first_guess
from tuner.records import SIDE_WORDS, Side
from tuner.scorer import Scorer
from tuner.search.evaluate import TRIAL_ERRORS
from tuner.updates import Observer, PhaseStarted

if TYPE_CHECKING:
    from tuner.driver.parts import Parts

#: How much of a reason is told.
REASON_CHARS = 200
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
            jobs = (parts, settings, knob, scorers)
            reasons |= dict(_failures(executor, side, jobs, progress))
        progress.passed(len(side))
    return reasons


def _failures(
    executor: Executor,
    clips: Sequence[ClipRef],
    what: tuple[Parts, Settings, float, tuple[Scorer, ...]],
    progress: _Progress,
) -> Iterator[tuple[str, str]]:
    parts, settings, knob, scorers = what
    jobs = [executor.submit(Job(parts.encoder, settings, knob, clip, scorers)) for clip in clips]
    try:
        for done, (clip, job) in enumerate(zip(clips, jobs, strict=True), start=1):
            try:
                job.result()
            except (AlignmentError, ScoreError) as error:
                told = compose(error.what, "" if error.clip else error.where, error.remedy)
                yield clip.digest, " ".join(told.split())[:REASON_CHARS]
            except TRIAL_ERRORS:
                pass  # the encoder's own failure, which fails the default
            if done % max(len(clips) // TOLD, 1) == 0:
                progress.tell(done)
    finally:
        cancel(jobs)


class _Progress:
    """Tells how many clips are tried."""

    def __init__(self, observer: Observer, total: int) -> None:
        self._observer, self._total, self._before = observer, total, 0
        self._started = time.monotonic()
        self.tell(0)

    def tell(self, done: int) -> None:
        """So many of the clips in work are done."""
        done += self._before
        told = f"Trying the encoder's default on all clips, {done}/{self._total}"
        if 0 < done < self._total:
            left_s = (time.monotonic() - self._started) / done * (self._total - done)
            told += f", ETA {left_s:.0f} s"
        self._observer(PhaseStarted(told))

    def passed(self, count: int) -> None:
        """So many clips are behind."""
        self._before += count

"""Rate matching over many clips, found on a few of them.

A *ruler* tells which share of the set's bits each clip takes: from another trial, or, once all
clips were encoded at one knob value, from this trial itself. With it, the bits of a block of
clips project the bitrate of all. The knob is searched on the block and confirmed on all clips:
what is accepted was always measured on them all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.encoder import Settings, find_rate_mode
from tuner.jobs.passes import Passes
from tuner.rate import (
    TOLERANCE,
    KnobAxis,
    RateMatch,
    Unreachable,
    match_rate,
    prior_slope,
    straddle,
)
from tuner.scorer import Scorer

#: Bits of each clip over their mean.
Shares = npt.NDArray[np.float16]

#: Most knob values that a block of clips is encoded at before all of them are.
MAX_PROBES = 3
#: The same with the trial's own ruler, which is worth following further.
MAX_REFINEMENTS = 5
#: Most knob values that all clips are encoded at.
MAX_CONFIRMATIONS = 4
#: A projection with another trial's ruler further than this from the target (natural
#: logarithm) is on its side of it for certain. Measured on 5 clips with random settings: half
#: of the projections from 3 of them are within 0.5 % (opus-ffmpeg 0.1 %), one of a hundred is
#: more than 13 % off.
CERTAIN = 0.15
#: The same with the trial's own ruler.
CERTAIN_OWN = 0.03
#: A projection further than this from the target (natural logarithm) moves the knob.
AIM = 0.02


@dataclass
class Matcher:
    """Matches one trial's settings to the target.

    Args:
        passes: the trial's passes.
        settings: the settings.
        block: indices of the clips that stand for all.
        slope: see `match_rate`.
    """

    passes: Passes
    settings: Settings
    block: Sequence[int]
    slope: float | None = None

    def probe(self, guess: float, ruler: Shares) -> RateMatch | Unreachable:
        """Where another trial's ruler puts the knob."""
        return self._search(guess, ruler, (), MAX_PROBES)

    def confirm(self, knob: float) -> RateMatch | Unreachable:
        """Measure all clips; where they miss the target, go on with the trial's own ruler."""
        passes, known = self.passes, list[tuple[float, float]]()
        reason = ""
        for _ in range(MAX_CONFIRMATIONS):
            kbps = passes.measure(self.settings, knob)
            known.append((knob, kbps))
            if abs(kbps / passes.target_kbps - 1) <= TOLERANCE:
                return RateMatch(knob, kbps, len(known))
            mode = find_rate_mode(passes.encoder, self.settings.rate_mode)
            straddled = straddle(mode, passes.target_kbps, known, len(known))
            if straddled is not None:
                return straddled
            found = self._search(knob, self._own_ruler(knob), known[:-1], MAX_REFINEMENTS)
            if isinstance(found, RateMatch):
                knob = _untried(found, known)
                continue
            reason, knob = found.reason, found.closest_knob
            is_hopeless = is_off(found.closest_kbps, passes.target_kbps, CERTAIN_OWN)
            if is_hopeless or knob in (tried for tried, _ in known):
                break
        closest, kbps = min(known, key=lambda point: abs(math.log(point[1] / passes.target_kbps)))
        reason = reason or f"{kbps:.1f} kb/s at {closest:g} was closest to the target"
        return Unreachable(reason, closest, kbps, len(known))

    def step(self, knob: float, kbps: float) -> float:
        """The knob value that should spend the target, from what one spends; legal, not tried."""
        mode = find_rate_mode(self.passes.encoder, self.settings.rate_mode)
        axis = KnobAxis(mode)
        way = math.log(self.passes.target_kbps / kbps) / (self.slope or prior_slope(mode))
        return mode.snap(axis.knob(axis.place(knob) + (way if mode.rising else -way)))

    def project(
        self, knob: float, indices: Sequence[int], ruler: Shares, scorers: tuple[Scorer, ...] = ()
    ) -> float:
        """Encode (and score) some clips; the bitrate that all would spend, kb/s."""
        clips = [self.passes.clips[index] for index in indices]
        outcomes = self.passes.run(self.settings, knob, scorers, clips)
        bits = sum(outcome.payload_bits for outcome in outcomes.values())
        seconds = sum(clip.duration_s for clip in self.passes.clips)
        kbps = bits / share_of(indices, ruler) / seconds / 1000
        self.passes.note_rate(knob, kbps)
        return kbps

    def _search(
        self,
        guess: float,
        ruler: Shares,
        known: Sequence[tuple[float, float]],
        max_passes: int,
    ) -> RateMatch | Unreachable:
        return match_rate(
            find_rate_mode(self.passes.encoder, self.settings.rate_mode),
            self.passes.target_kbps,
            lambda knob: self.project(knob, self.block, ruler),
            guess,
            max_passes=max_passes,
            slope=self.slope,
            known=known,
            coarse=True,
        )

    def _own_ruler(self, knob: float) -> Shares:
        outcomes = self.passes.run(self.settings, knob, ())
        return make_ruler([outcome.payload_bits for outcome in outcomes.values()])


def _untried(found: RateMatch, known: Sequence[tuple[float, float]]) -> float:
    """The step to measure next: the nearer one, or the one beside it where that is measured."""
    tried = {knob for knob, _ in known}
    if found.knob in tried and found.beside is not None:
        return found.beside[0]
    return found.knob


def make_ruler(bits: Sequence[int]) -> Shares:
    """Shares of the clips, from their bits."""
    return (np.array(bits, dtype=np.float64) / np.mean(bits)).astype(np.float16)


def share_of(indices: Sequence[int], ruler: Shares) -> float:
    """Which share of all bits these clips take."""
    wide = ruler.astype(np.float64)
    return float(wide[list(indices)].sum() / wide.sum())


def is_off(kbps: float, target_kbps: float, by: float) -> bool:
    """Whether a bitrate is further from the target than `by` (natural logarithm)."""
    return abs(math.log(kbps / target_kbps)) > by

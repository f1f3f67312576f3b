"""Passes over the clips: runs jobs for settings, and adds up what they cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, fields, replace

from tuner.encoder import Encoder, Settings, find_rate_mode
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef, Job, Outcome
from tuner.rate import RateMatch, Unreachable, match_rate, straddle
from tuner.records import Timing
from tuner.scorer import Score, Scorer
from tuner.updates import Observer, PassFinished, Purpose

#: The widest jump of the bitrate that the default's quality is interpolated over, as a ratio.
JUMP = 2.0


@dataclass
class Passes:
    """Runs jobs over one clip set; used for one trial, from one thread.

    What it has run it remembers, so that no job runs twice.

    Args:
        encoder: the adapter.
        executor: where jobs run.
        clips: the clips; submitted longest first, so that a pass ends evenly.
        observer: told of every pass.
        target_kbps: the target bitrate.
        timing: what the jobs cost so far.
        notes: what the encoder told so far of choices of its own, each once.
        rates: (knob, kb/s) of all measurements so far.
    """

    encoder: Encoder
    executor: Executor
    clips: Sequence[ClipRef]
    observer: Observer
    target_kbps: float
    timing: Timing = field(default_factory=Timing)
    notes: dict[str, None] = field(default_factory=dict)
    rates: list[tuple[float, float]] = field(default_factory=list)
    _known: dict[tuple[Settings, float, str], Outcome] = field(default_factory=dict)

    @property
    def count(self) -> float:
        """Encodes over the number of clips, those that the cache gave included."""
        return len(self._known) / len(self.clips)

    def match(
        self,
        settings: Settings,
        guess: float,
        slope: float | None = None,
        known: Sequence[tuple[float, float]] = (),
    ) -> RateMatch | Unreachable:
        """Match the bitrate of `settings` over the clips; see `match_rate`."""
        mode = find_rate_mode(self.encoder, settings.rate_mode)
        return match_rate(
            mode,
            self.target_kbps,
            lambda knob: self.measure(settings, knob),
            guess,
            slope=slope,
            known=known,
            coarse=True,
        )

    def match_widely(self, settings: Settings, guess: float) -> RateMatch | Unreachable:
        """As `match`; where the bitrate jumps over the target, both sides of the jump.

        For the default on held-out clips: Opus changes its mode at a bitrate that depends on the
        clips, and without the default nothing that was found has an answer.
        """
        match = self.match(settings, guess)
        if isinstance(match, RateMatch):
            return match
        mode = find_rate_mode(self.encoder, settings.rate_mode)
        jump = straddle(mode, self.target_kbps, self.rates, match.passes, JUMP, JUMP)
        return jump or match

    def measure(self, settings: Settings, knob: float) -> float:
        """Payload kb/s over all clips at one knob value."""
        outcomes = self.run(settings, knob, ())
        kbps = spent_kbps(self.clips, list(outcomes.values()))
        self.note_rate(knob, kbps)
        return kbps

    def note_rate(self, knob: float, kbps: float) -> None:
        """Remember a measurement, unless it is the last one again."""
        if [(knob, kbps)] != self.rates[-1:]:
            self.rates.append((knob, kbps))

    def hear(
        self, settings: Settings, match: RateMatch, scorers: tuple[Scorer, ...]
    ) -> dict[str, Outcome]:
        """Score all clips as matched: at the knob, or between two steps that straddle the target.

        Interpolated are bits, scores and all that belongs to them, clip by clip over the
        logarithm of bitrate; the costs are those of both steps.
        """
        near = self.run(settings, match.knob, scorers)
        if match.beside is None:
            return near
        far = self.run(settings, match.beside[0], scorers)
        share = match.share_beside(self.target_kbps)
        return {digest: between(outcome, far[digest], share) for digest, outcome in near.items()}

    def run(
        self,
        settings: Settings,
        knob: float,
        scorers: tuple[Scorer, ...],
        clips: Sequence[ClipRef] | None = None,
    ) -> dict[str, Outcome]:
        """One job per clip; outcomes by clip digest, in the order of the clips.

        Args:
            settings, knob, scorers: what the jobs do.
            clips: some of the clips; all when None.

        Raises:
            TunerError: the first job's error, the jobs behind it taken back.
        """
        purpose: Purpose = "matching"
        if scorers:
            purpose = "scoring" if clips is None else "racing"
        clips = self.clips if clips is None else clips
        names = {scorer.name for scorer in scorers}
        keys = {clip.digest: (settings, float(knob), clip.digest) for clip in clips}
        missing = [
            clip
            for clip in clips
            if (outcome := self._known.get(keys[clip.digest])) is None
            or not names <= outcome.scores.keys()
        ]
        jobs = {
            clip.digest: self.executor.submit(Job(self.encoder, settings, knob, clip, scorers))
            for clip in sorted(missing, key=lambda clip: -clip.duration_s)
        }
        try:
            fresh = {clip.digest: jobs[clip.digest].result() for clip in missing}
        finally:
            cancel(jobs.values())
        if fresh:
            self._account(missing, list(fresh.values()), purpose)
        self._known |= {keys[digest]: outcome for digest, outcome in fresh.items()}
        return {clip.digest: self._known[keys[clip.digest]] for clip in clips}

    def _account(
        self, clips: Sequence[ClipRef], fresh: Sequence[Outcome], purpose: Purpose
    ) -> None:
        costs = add_timings(map(cost, fresh))
        self.timing = add_timings([self.timing, costs])
        self.notes |= dict.fromkeys(note for outcome in fresh for note in outcome.notes)
        kbps = spent_kbps(clips, fresh)
        spent = (costs.encodes, costs.cached_encodes)
        self.observer(PassFinished(self.target_kbps, kbps, *spent, purpose))


def between(near: Outcome, far: Outcome, share: float) -> Outcome:
    """An outcome between those of two steps; `share` is the weight of the farther one."""
    bits = math.exp(_mix(math.log(near.payload_bits), math.log(far.payload_bits), share))
    scores = {name: _mix_scores(own, far.scores[name], share) for name, own in near.scores.items()}
    return replace(near, payload_bits=round(bits), scores=scores)


def _mix_scores(near: Score, far: Score, share: float) -> Score:
    """Every figure of a score, and every figure of its lists where both have as many."""
    mixed: dict[str, str | float | tuple[float, ...]] = {}
    for each in fields(Score):
        one, other = getattr(near, each.name), getattr(far, each.name)
        if isinstance(one, tuple):
            together = zip(one, other, strict=False)
            same = len(one) == len(other)
            mixed[each.name] = tuple(_mix(a, b, share) for a, b in together) if same else one
        elif isinstance(one, str):
            mixed[each.name] = one
        else:
            mixed[each.name] = _mix(one, other, share)
    # What lies between two points of a curve is known to a part of their distance.
    doubt = share * (1 - share) * (far.mean - near.mean)
    mixed["spread"] = math.hypot(_mix(near.spread, far.spread, share), doubt)
    return Score(**mixed)  # type: ignore[arg-type]


def _mix(near: float, far: float, share: float) -> float:
    return (1 - share) * near + share * far


def spent_kbps(clips: Sequence[ClipRef], outcomes: Sequence[Outcome]) -> float:
    """Payload kb/s over these clips."""
    bits = sum(outcome.payload_bits for outcome in outcomes)
    return bits / sum(clip.duration_s for clip in clips) / 1000


def cost(outcome: Outcome) -> Timing:
    """What one job cost."""
    return Timing(
        encode_s=outcome.encode_s,
        decode_s=outcome.decode_s,
        score_s=outcome.score_s,
        encodes=outcome.encodes,
        scores=outcome.scored,
        cached_encodes=outcome.cached_encodes,
        cached_scores=outcome.cached_scores,
    )


def add_timings(timings: Iterable[Timing]) -> Timing:
    """The sum, field by field."""
    all_timings = list(timings)
    sums = {
        each.name: sum(getattr(timing, each.name) for timing in all_timings)
        for each in fields(Timing)
    }
    return Timing(**sums)


def cancel(futures: Iterable[Future[Outcome]]) -> None:
    """Take back what has not begun."""
    for future in futures:
        future.cancel()

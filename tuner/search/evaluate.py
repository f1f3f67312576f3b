"""One trial: settings in, a matched bitrate and a score out. Runs in a thread of the driver.

With nothing to compare with, passes over all clips match the bitrate, without decoding; then
the same jobs run again with scorers, their encodes from the cache. With a ruler
(`tuner.search.matching`) a block of clips finds the knob, and with a *rival* (the best trial
so far) the trial races it block by block and stops when it is losing. Whatever finishes has
spent the target over all clips, as measured, and was scored on them all.

A failure of the encoder or the scorer fails the trial with its reason; it is never a score.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypedDict

import msgspec

from tuner.encoder import Settings
from tuner.errors import EncoderError, ScoreError, WorkerDied
from tuner.jobs.passes import Passes, spent_kbps
from tuner.rate import TOLERANCE, RateMatch, Unreachable
from tuner.records import (
    Complete,
    Failed,
    Infeasible,
    Pruned,
    Scored,
    Timing,
    TrialRecord,
    Value,
)
from tuner.scorer import Score, Scorer
from tuner.search.matching import AIM, CERTAIN, Matcher, Shares, is_off, make_ruler
from tuner.search.race import (
    MOST_WORTH,
    P_THRESHOLD,
    USUAL_WORTH,
    Hearing,
    estimate,
    make_blocks,
    p_worse,
)
from tuner.study.limits import NO_LIMITS, PEAK, Limits, find_latency, peak_of
from tuner.study.objective import clip_values, is_mean, objective_of
from tuner.system.machine import may_be_the_machines

#: What fails a trial. Anything else (a full disk, a lost clip) ends the run.
TRIAL_ERRORS = (EncoderError, ScoreError, WorkerDied)
#: A projection nearer than this to the target (natural logarithm) may be judged before the
#: bitrate is matched.
SIGHT = 0.3
#: Longest stored reason: an encoder's message with the end of its stderr.
REASON_CHARS = 1500


@dataclass(frozen=True)
class Plan:
    """What one trial tries.

    Args:
        ordinal: the trial's number within its bitrate.
        settings: the settings.
        guess: knob value where rate matching starts.
        slope: how fast the bitrate moves there (`match_rate`), or None.
        seed: of the clips' order.
        rival: the best trial so far, to race against; None to score all clips.
        ruler: which share of the bits each clip took in the trial most like this one.
        is_default: whether the settings are the encoder's default, which no limit binds.
    """

    ordinal: int
    settings: Settings
    guess: float
    slope: float | None = None
    seed: int = 0
    rival: Hearing | None = None
    ruler: Shares | None = None
    is_default: bool = False


@dataclass(frozen=True)
class TrialResult:
    """How one trial went.

    Args:
        record: what the results keep.
        timing: its cost, without wall-clock time.
        rates: (knob, kb/s) of each measurement or projection, for the rate model.
        hearing: what each clip scored; None unless complete.
        ruler: which share of the bits each clip took; None unless complete.
        machine: it failed by what may be the machine's fault (`tuner.system.machine`).
    """

    record: TrialRecord
    timing: Timing = field(default_factory=Timing)
    rates: tuple[tuple[float, float], ...] = ()
    hearing: Hearing | None = None
    ruler: Shares | None = None
    machine: bool = False

    @property
    def objective(self) -> float | None:
        """What the search maximises, an estimate if pruned; None for what has none."""
        return self.record.objective if isinstance(self.record, Scored) else None


def evaluate(
    passes: Passes,
    plan: Plan,
    scorer: Scorer,
    objective: str,
    *,
    prune: bool = True,
    limits: Limits = NO_LIMITS,
) -> TrialResult:
    """Run one trial: match the bitrate, score.

    Args:
        passes: a new one.
        plan: what to try.
        scorer: the quality model.
        objective: see `tuner.study.objective`.
        prune: stop a trial that is losing (where the objective is a mean).
        limits: what is measured besides; only the latency is judged here, as it needs no
            encode, the rest when the trial is told.
    """
    settings = plan.settings
    latency_ms = find_latency(passes.encoder, settings, limits)
    about: _About = {
        "number": plan.ordinal,
        "rate_mode": settings.rate_mode,
        "values": settings.as_dict(),
        "latency_ms": latency_ms,
    }
    late = limits.too_late(latency_ms)
    if late is not None and not plan.is_default:
        return TrialResult(Infeasible(**about, reason=late))
    trial = _Trial(passes, plan, scorer, objective, limits.meters(), about)
    try:
        result = trial.run(prune=prune and is_mean(objective))
    except TRIAL_ERRORS as error:
        reason = f"{error.kind}: {error}"[:REASON_CHARS]
        failed = Failed(**about, error=error.kind, reason=reason)
        result = TrialResult(failed, machine=may_be_the_machines(error))
    return replace(
        result,
        record=msgspec.structs.replace(result.record, passes=round(passes.count, 4)),
        timing=passes.timing,
        rates=tuple(passes.rates),
    )


class _About(TypedDict):
    """What is known of a trial before it runs."""

    number: int
    rate_mode: str
    values: dict[str, Value]
    latency_ms: float | None


@dataclass(frozen=True)
class _Trial:
    passes: Passes
    plan: Plan
    scorer: Scorer
    objective: str
    meters: tuple[Scorer, ...]
    about: _About

    def run(self, *, prune: bool) -> TrialResult:
        plan, passes = self.plan, self.passes
        blocks = make_blocks(len(passes.clips), plan.seed)
        if plan.ruler is None or len(blocks) == 1:
            return self._finish(passes.match(plan.settings, plan.guess, plan.slope))
        matcher = Matcher(passes, plan.settings, blocks[0], plan.slope)
        rival = plan.rival if prune else None
        if rival is not None:
            # Most losers lose by far more than a wrong guess of the knob could explain.
            scorers = (self.scorer, *self.meters)
            kbps = matcher.project(plan.guess, blocks[0], plan.ruler, scorers)
            if not is_off(kbps, passes.target_kbps, SIGHT):
                pruned = self._look(blocks[0], plan.guess, kbps, rival)
                if pruned is not None:
                    return pruned
        probe = matcher.probe(plan.guess, plan.ruler)
        if isinstance(probe, Unreachable):
            if is_off(probe.closest_kbps, passes.target_kbps, CERTAIN):
                reason = f"on {len(blocks[0])} clips, {probe.reason}"
                return self._infeasible(replace(probe, reason=reason))
            knob = probe.closest_knob
        else:
            knob = probe.knob
        if rival is not None:
            raced = self._race(matcher, knob, blocks, rival, plan.ruler)
            if isinstance(raced, TrialResult):
                return raced
            knob = raced
        return self._finish(matcher.confirm(knob))

    def _race(
        self,
        matcher: Matcher,
        knob: float,
        blocks: list[list[int]],
        rival: Hearing,
        ruler: Shares,
    ) -> TrialResult | float:
        """Score block by block; the pruned result, or the best knob known if it holds out.

        The more clips are heard, the better is it known what all spend, and the knob follows.
        """
        heard: list[int] = []
        for block in blocks[:-1]:
            heard += block
            kbps = matcher.project(knob, heard, ruler, (self.scorer, *self.meters))
            pruned = self._look(heard, knob, kbps, rival)
            if pruned is not None:
                return pruned
            if is_off(kbps, self.passes.target_kbps, AIM):
                knob = matcher.step(knob, kbps)
        return knob

    def _look(
        self, heard: Sequence[int], knob: float, kbps: float, rival: Hearing
    ) -> TrialResult | None:
        """The pruned result if the trial is losing on the clips heard.

        One that loses for want of bits has not lost: missing bits are credited generously.
        """
        scores = self._scores_of(heard, knob)
        values = dict(zip(heard, clip_values(scores, self.objective), strict=True))
        target = self.passes.target_kbps
        # What is within the tolerance is not missing.
        missing = max(0.0, math.log2(target * (1 - TOLERANCE) / kbps))
        chance = p_worse(values, rival.values, missing * MOST_WORTH)
        if chance >= P_THRESHOLD:
            return None
        means = dict(zip(heard, (score.mean for score in scores), strict=True))
        # Points for bits that it did not spend, taken off for those that were too many.
        credit = math.log2(target / kbps) * USUAL_WORTH
        # Its estimates are the rival's, less the lead.
        value = estimate(values, rival.values) + credit
        return TrialResult(
            Pruned(
                **self.about,
                knob=knob,
                bitrate_kbps=kbps,
                score=estimate(means, rival.means) + credit,
                objective=value,
                spread=statistics.fmean(score.spread for score in scores),
                reason=(
                    f"after {len(values)} of {len(rival.values)} clips it was"
                    f" {statistics.fmean(rival.values) - value:.1f} points behind trial"
                    f" {rival.ordinal} (p = {chance:.2g})"
                ),
            )
        )

    def _scores_of(self, indices: Sequence[int], knob: float) -> list[Score]:
        clips = [self.passes.clips[index] for index in indices]
        outcomes = self.passes.run(self.plan.settings, knob, (self.scorer, *self.meters), clips)
        return [outcomes[clip.digest].scores[self.scorer.name] for clip in clips]

    def _finish(self, match: RateMatch | Unreachable) -> TrialResult:
        return self._infeasible(match) if isinstance(match, Unreachable) else self._complete(match)

    def _infeasible(self, match: Unreachable) -> TrialResult:
        return TrialResult(
            Infeasible(
                **self.about,
                reason=match.reason,
                knob=match.closest_knob,
                bitrate_kbps=match.closest_kbps,
            )
        )

    def _complete(self, match: RateMatch) -> TrialResult:
        passes, name = self.passes, self.scorer.name
        scorers = (self.scorer, *self.meters)
        outcomes = list(passes.hear(self.plan.settings, match, scorers).values())
        scores = [outcome.scores[name] for outcome in outcomes]
        complete = Complete(
            **self.about,
            knob=match.knob,
            bitrate_kbps=spent_kbps(passes.clips, outcomes),
            score=statistics.fmean(score.mean for score in scores),
            objective=objective_of(scores, self.objective),
            spread=statistics.fmean(score.spread for score in scores),
            encode_s=sum(outcome.encoder_s for outcome in outcomes),
            peak_dbfs=peak_of([o.scores[PEAK] for o in outcomes if PEAK in o.scores]),
        )
        hearing = Hearing(
            complete.number,
            tuple(clip_values(scores, self.objective)),
            tuple(score.mean for score in scores),
        )
        ruler = make_ruler([outcome.payload_bits for outcome in outcomes])
        return TrialResult(complete, hearing=hearing, ruler=ruler)

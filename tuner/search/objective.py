"""One trial: settings in, a matched bitrate and a score out. Runs in a thread of the driver.

A pass encodes every clip at one knob value, without decoding. When a pass has met the
target, the same jobs run again with scorers; their encodes then come from the cache.
A failure of the encoder or the scorer fails the trial with its reason; it is never a score.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, fields, replace

from tuner.encoder import Encoder, Settings, find_rate_mode
from tuner.errors import EncoderError, ScoreError, WorkerDied
from tuner.rate import RateMatch, Unreachable, match_rate
from tuner.results import Timing, TrialRecord
from tuner.scorer import Score, Scorer
from tuner.search.executors import Executor
from tuner.search.job import ClipRef, Job, Outcome
from tuner.search.spec import Objective
from tuner.search.updates import Observer, PassFinished

#: What fails a trial. Anything else (a full disk, a lost clip) ends the run.
TRIAL_ERRORS = (EncoderError, ScoreError, WorkerDied)
#: How many standard deviations of opinion the lower bound lies under the mean.
PESSIMISM = 1.0
#: Longest stored reason: an encoder's message with the end of its stderr.
REASON_CHARS = 1500


@dataclass(frozen=True)
class Plan:
    """What one trial tries.

    Args:
        ordinal: the trial's number within its bitrate; 0 is the default.
        settings: the settings.
        guess: knob value where rate matching starts.
    """

    ordinal: int
    settings: Settings
    guess: float


@dataclass(frozen=True)
class TrialResult:
    """How one trial went.

    Args:
        record: what the results keep.
        objective: what the search maximises; None unless complete.
        timing: its cost, without wall-clock time.
    """

    record: TrialRecord
    objective: float | None
    timing: Timing


@dataclass
class Bench:
    """Runs jobs over one clip set and adds up what they cost.

    Args:
        encoder: the adapter.
        executor: where jobs run.
        clips: the clips; submitted longest first, so that a pass ends evenly.
        observer: told of every pass.
        target_kbps: the target bitrate.
        timing: what the jobs cost so far.
        notes: what the encoder told so far of choices of its own, each once.
    """

    encoder: Encoder
    executor: Executor
    clips: Sequence[ClipRef]
    observer: Observer
    target_kbps: float
    timing: Timing = field(default_factory=Timing)
    notes: dict[str, None] = field(default_factory=dict)

    def match(self, settings: Settings, guess: float) -> RateMatch | Unreachable:
        """Match the bitrate of `settings` over the clips."""
        mode = find_rate_mode(self.encoder, settings.rate_mode)
        return match_rate(mode, self.target_kbps, lambda knob: self.measure(settings, knob), guess)

    def measure(self, settings: Settings, knob: float) -> float:
        """Payload kb/s over all clips at one knob value."""
        outcomes = self.run(settings, knob, ())
        seconds = sum(clip.duration_s for clip in self.clips)
        kbps = sum(outcome.payload_bits for outcome in outcomes.values()) / seconds / 1000
        self.observer(
            PassFinished(
                target_kbps=self.target_kbps,
                kbps=kbps,
                encodes=sum(outcome.encodes for outcome in outcomes.values()),
                cached=sum(outcome.cached_encodes for outcome in outcomes.values()),
            )
        )
        return kbps

    def score(
        self, settings: Settings, knob: float, scorers: tuple[Scorer, ...]
    ) -> dict[str, dict[str, Score]]:
        """Scores of all clips: clip digest -> scorer name -> score."""
        outcomes = self.run(settings, knob, scorers)
        return {digest: outcome.scores for digest, outcome in outcomes.items()}

    def run(
        self, settings: Settings, knob: float, scorers: tuple[Scorer, ...]
    ) -> dict[str, Outcome]:
        """One job per clip; outcomes by clip digest, in the order of the clips.

        Raises:
            TunerError: the first job's error, the jobs behind it taken back.
        """
        longest_first = sorted(self.clips, key=lambda clip: -clip.duration_s)
        jobs = {
            clip.digest: self.executor.submit(Job(self.encoder, settings, knob, clip, scorers))
            for clip in longest_first
        }
        try:
            outcomes = {clip.digest: jobs[clip.digest].result() for clip in self.clips}
        finally:
            cancel(jobs.values())
        self.timing = add_timings([self.timing, *map(cost, outcomes.values())])
        self.notes |= dict.fromkeys(note for o in outcomes.values() for note in o.notes)
        return outcomes


def evaluate(bench: Bench, plan: Plan, scorer: Scorer, objective: Objective) -> TrialResult:
    """Run one trial: match the bitrate, then score."""
    settings = plan.settings
    record = TrialRecord(plan.ordinal, "failed", settings.rate_mode, settings.as_dict())
    try:
        match = bench.match(settings, plan.guess)
        record = replace(record, passes=match.passes)
        if isinstance(match, Unreachable):
            record = replace(
                record,
                state="infeasible",
                knob=match.closest_knob,
                bitrate_kbps=match.closest_kbps,
                reason=match.reason,
            )
            return TrialResult(record, None, bench.timing)
        record = replace(record, knob=match.knob, bitrate_kbps=match.kbps)
        scored = bench.score(settings, match.knob, (scorer,))
        scores = [by_name[scorer.name] for by_name in scored.values()]
        value = objective_of(scores, objective)
    except TRIAL_ERRORS as error:
        failed = replace(record, reason=f"{type(error).__name__}: {error}"[:REASON_CHARS])
        return TrialResult(failed, None, bench.timing)
    complete = replace(
        record,
        state="complete",
        score=statistics.fmean(score.mean for score in scores),
        spread=statistics.fmean(score.spread for score in scores),
    )
    return TrialResult(complete, value, bench.timing)


def objective_of(scores: Sequence[Score], objective: Objective) -> float:
    """What the search maximises, points.

    "mean": mean predicted quality over the clips. "lower-bound": the same less
    `PESSIMISM` spreads, so that what all opinions lift beats what one of them loves.

    Raises:
        ScoreError: if it is not finite (Optuna would take infinity for the best).
    """
    pessimism = PESSIMISM if objective == "lower-bound" else 0.0
    value = statistics.fmean(score.mean - pessimism * score.spread for score in scores)
    if not math.isfinite(value):
        raise ScoreError(f"the mean score of {len(scores)} clips is not finite: {value}")
    return value


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

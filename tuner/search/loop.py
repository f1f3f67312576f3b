"""The search loop: trials of all bitrates in flight, told in the order they were asked.

Each bitrate has a window of trials in flight. Results are told strictly first in, first
out, and only then is the next trial asked, so the proposals of a seed do not depend on
which trial happens to finish first. The bitrates are interleaved to keep all cores busy:
while one trial waits for the last clip of a pass, another one's clips run.

Now and then a bitrate tries what its neighbours found best. For the same proposals on every
machine, it takes what they knew at a certain trial, and waits for them to get there.
"""

from __future__ import annotations

import collections
import contextlib
import math
import queue
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from tuner.jobs.executor import Executor
from tuner.search.evaluate import Plan, TrialResult
from tuner.search.trials import Trials
from tuner.updates import (
    Observer,
    SearchFinished,
    SearchStarted,
    TrialFinished,
    Update,
)

#: Every so many trials a bitrate tries its neighbours' best settings,
SHARE_EVERY = 15
#: as they were so many trials earlier: neighbours that keep pace are not waited for.
SHARE_LAG = 5
#: From this trial on the encode passes are counted for `SearchFinished`.
COUNTED_FROM = 10

#: Evaluates one trial of a bitrate; runs in a thread; passes go to the observer.
Evaluate = Callable[[float, Plan, Observer], TrialResult]


@dataclass(frozen=True)
class Budget:
    """When to stop asking, whichever comes first.

    Args:
        trials: finished trials per bitrate, over all sessions; None for no limit.
        hours: wall-clock hours of all bitrates together, over all sessions; None likewise.
    """

    trials: int | None
    hours: float | None


@dataclass(eq=False)
class _Lane:
    """One bitrate: its trials, and those in flight, oldest first."""

    trials: Trials
    in_flight: collections.deque[Future[TrialResult]] = field(default_factory=collections.deque)
    finished: bool = False
    unsaved_s: float = 0.0


def window_size(workers: int, clips: int, bitrates: int) -> int:
    """Trials in flight per bitrate.

    A pass is one job per clip, so few trials fill many cores; one more covers the end of
    a pass. More would only make the sampler guess with less knowledge.
    """
    in_flight = math.ceil(workers / clips) + 1
    return math.ceil(in_flight / bitrates)


def search(
    lanes: Sequence[Trials],
    evaluate: Evaluate,
    budget: Budget,
    executor: Executor,
    window: int,
    observer: Observer,
) -> None:
    """Spend the budget of all bitrates.

    Args:
        lanes: the trials of each bitrate; those that earlier sessions finished count.
        evaluate: runs one trial.
        budget: when to stop.
        executor: where the jobs run; closed at once when the search is interrupted.
        window: trials in flight per bitrate.
        observer: told of everything.

    Raises:
        TunerError: whatever ends a run and not only a trial.
        KeyboardInterrupt: after the trials in flight are put back into the queue.
    """
    loop = _Loop([_Lane(trials) for trials in lanes], evaluate, budget, window, observer)
    try:
        loop.run()
    except BaseException:
        executor.close(cancel=True)
        loop.pool.shutdown(wait=True, cancel_futures=True)
        for trials in lanes:
            # Should that fail as well, on a full disk say, the next session does it; what is to
            # be told is what ended this one.
            with contextlib.suppress(Exception):
                trials.recover()
        raise
    loop.pool.shutdown()


class _Loop:
    def __init__(
        self,
        lanes: list[_Lane],
        evaluate: Evaluate,
        budget: Budget,
        window: int,
        observer: Observer,
    ) -> None:
        self.lanes = lanes
        self.evaluate = evaluate
        self.budget = budget
        self.window = window
        self.observer = observer
        self.pool = ThreadPoolExecutor(window * len(lanes), thread_name_prefix="trial")
        # Trial threads only put here; None says that some trial has ended.
        self.inbox: queue.SimpleQueue[Update | None] = queue.SimpleQueue()
        self.clock = time.monotonic()

    def run(self) -> None:
        for lane in self.lanes:
            self.observer(self._started(lane))
        while True:
            for lane in self.lanes:
                self._fill(lane)
            if all(lane.finished for lane in self.lanes):
                return
            update = self.inbox.get()
            self._charge_time()
            if update is not None:
                self.observer(update)
            for lane in self.lanes:
                while lane.in_flight and lane.in_flight[0].done():
                    self._tell(lane)
                    self._fill(lane)

    def _fill(self, lane: _Lane) -> None:
        while len(lane.in_flight) < self.window and self._may_ask(lane) and self._share(lane):
            plan = lane.trials.ask()
            future = self.pool.submit(self.evaluate, lane.trials.target_kbps, plan, self.inbox.put)
            lane.in_flight.append(future)
            future.add_done_callback(lambda _: self.inbox.put(None))
        if not lane.in_flight and not lane.finished and not self._may_ask(lane):
            lane.finished = True
            self.observer(_finished(lane.trials))

    def _share(self, lane: _Lane) -> bool:
        """Suggest the neighbours' best where it is time; False when they must catch up first."""
        ordinal = lane.trials.store.next_ordinal
        if ordinal == 0 or ordinal % SHARE_EVERY:
            return True
        known = ordinal - SHARE_LAG
        index = self.lanes.index(lane)
        neighbours = [self.lanes[i] for i in (index - 1, index + 1) if 0 <= i < len(self.lanes)]
        if any(near.trials.finished < known and not near.finished for near in neighbours):
            return False
        for near in neighbours:
            best = near.trials.best_before(known)
            if best is not None:
                lane.trials.suggest(best.settings)
        return True

    def _may_ask(self, lane: _Lane) -> bool:
        trials = lane.trials
        if trials.problem() is not None:
            return False
        if self.budget.hours is not None and self._hours_used() >= self.budget.hours:
            return False
        limit = self.budget.trials
        return limit is None or trials.finished + trials.running < limit

    def _tell(self, lane: _Lane) -> None:
        result = lane.in_flight.popleft().result()
        lane.trials.tell(result)
        lane.trials.store.spend(lane.unsaved_s)
        lane.unsaved_s = 0.0
        trials = lane.trials
        self.observer(
            TrialFinished(
                trials.target_kbps,
                result.record,
                trials.best(),
                trials.default(),
                self._hours_used(),
            )
        )

    def _charge_time(self) -> None:
        """Share the time since the last look among the bitrates, by trials in flight."""
        now = time.monotonic()
        passed, self.clock = now - self.clock, now
        total = sum(len(lane.in_flight) for lane in self.lanes)
        for lane in self.lanes:
            if total:
                lane.unsaved_s += passed * len(lane.in_flight) / total

    def _hours_used(self) -> float:
        return sum(lane.trials.store.wall_s + lane.unsaved_s for lane in self.lanes) / 3600

    def _started(self, lane: _Lane) -> SearchStarted:
        states = [result.record.state for result in lane.trials.results]
        return SearchStarted(
            lane.trials.target_kbps,
            len(states),
            self.budget.trials,
            lane.trials.best(),
            lane.trials.default(),
            infeasible=states.count("infeasible"),
            failed=states.count("failed"),
            pruned=states.count("pruned"),
        )


def _finished(trials: Trials) -> SearchFinished:
    counted = [r.record.passes for r in trials.results if r.record.number >= COUNTED_FROM]
    passes = statistics.fmean(counted) if counted else None
    return SearchFinished(trials.target_kbps, trials.problem(), passes, len(counted))

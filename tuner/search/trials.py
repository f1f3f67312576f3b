"""The trials of one target bitrate: one Optuna study in SQLite, asked and told.

The driver is the only writer. A trial carries these user attributes:

- ``ordinal``: its number for people, without gaps, which it has from when it is queued on. A
  trial that was interrupted is tried again as a new Optuna trial with the same ordinal
  (`tuner.search.attempts`). The default is known by its settings; it is queued first.
- ``settings``: rate mode and values, which may be a default off the declared grid.
- ``start``: where it starts (`tuner.search.history`), so that a second try measures the same.
- ``hearing``: what each clip scored, of trials that led when they were told.
- ``ruler``: which share of the bits each clip took, of complete trials.
- ``result``: the finished `TrialResult`. A failed Optuna trial without it was interrupted
  and does not count.

`tuner.search.trial_store` keeps them, `tuner.search.proposals` proposes their settings.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from tuner.encoder import Settings
from tuner.jobs.passes import add_timings
from tuner.records import Complete, Failed, Infeasible, Timing, TrialRecord
from tuner.search.attempts import (
    HEARING,
    ORDINAL,
    RESULT,
    RULER,
    SETTINGS,
    START,
    dump_result,
    is_due_again,
    load_hearing,
    load_result,
    pack_result,
    params_to_retry,
    retry_of,
    superseded,
    unpack_result,
)
from tuner.search.evaluate import Plan, TrialResult
from tuner.search.history import History
from tuner.search.importance import measure_importance
from tuner.search.proposals import CLIP_ORDER, Proposer
from tuner.search.ranking import find_problem
from tuner.search.trial_store import TrialStore
from tuner.study.limits import NO_LIMITS, Limits
from tuner.study.space import Space
from tuner.study.spec import Sampler


class Trials:
    """Proposes and records the trials of one bitrate; used from one thread.

    Args:
        storage: see `tuner.rundir.database`.
        name: name of the Optuna study ("aac@64").
        space: the search space.
        target_kbps: the target bitrate.
        sampler: how settings are proposed.
        seed: the study's seed.
        starters: settings to try first, after the encoder's defaults.
        limits: what settings must keep to.
        two_objectives: whether encode time is minimised beside the objective.
    """

    def __init__(
        self,
        storage: optuna.storages.RDBStorage,
        name: str,
        space: Space,
        target_kbps: float,
        sampler: Sampler,
        seed: int,
        *,
        starters: Sequence[Settings] = (),
        limits: Limits = NO_LIMITS,
        two_objectives: bool = False,
    ) -> None:
        self.space = space
        self.target_kbps = target_kbps
        self._limits = limits
        self.store = TrialStore(storage, name, sampler, two_objectives=two_objectives)
        self._proposer = Proposer(
            self.store.study,
            space,
            target_kbps,
            sampler,
            seed,
            has_additive=not two_objectives,
        )
        self._running: dict[int, optuna.Trial] = {}
        self._history = History(space, target_kbps)
        self._load()
        self.recover()
        for settings in [*space.defaults(), *starters]:
            self.suggest(settings)

    @property
    def results(self) -> list[TrialResult]:
        """The finished trials, by number."""
        return list(self._history)

    @property
    def records(self) -> list[TrialRecord]:
        """What the results keep of them."""
        return [result.record for result in self._history]

    @property
    def finished(self) -> int:
        """How many trials have a result."""
        return len(self._history)

    @property
    def running(self) -> int:
        """How many trials are asked and not told."""
        return len(self._running)

    def ask(self) -> Plan:
        """The next trial."""
        with self.store.together():
            return self._ask()

    def suggest(self, settings: Settings) -> None:
        """Have `settings`, as far as they fit the space, tried next, unless they were."""
        adopted = self.space.adopt(settings)
        if adopted is None or adopted in self._proposer.known:
            return
        self._proposer.known.add(adopted)
        attributes = {SETTINGS: [adopted.rate_mode, adopted.as_dict()]}
        self.store.enqueue(self.space.params_of(adopted), attributes)

    def tell(self, result: TrialResult) -> None:
        """Record a trial that was asked."""
        trial = self._running.pop(result.record.number)
        result = self._judge(result)
        hearing, ruler = result.hearing, result.ruler
        # The results in memory must not grow with the clips.
        result = replace(result, hearing=None, ruler=None)
        with self.store.together():
            if hearing is not None and self._history.leads(result.record):
                trial.set_user_attr(HEARING, asdict(hearing))
                self._history.hearings[hearing.ordinal] = hearing
            if ruler is not None and isinstance(result.record, Complete):
                trial.set_user_attr(RULER, base64.b64encode(ruler.tobytes()).decode())
                self._history.keep_ruler(result.record.number, ruler)
            trial.set_user_attr(RESULT, dump_result(result))
        self.store.tell(trial.number, result)
        self._learn(result)

    def recover(self) -> None:
        """Put trials that were asked and never told back into the queue."""
        self.store.recover(self._history.numbers)
        self._running.clear()

    def best(self) -> Complete | None:
        """The complete trial with the highest objective, the earliest of equals."""
        return self._history.best

    def best_before(self, ordinal: int) -> Complete | None:
        """The best of the trials with smaller numbers."""
        return self._history.best_before(ordinal)

    def default(self) -> TrialRecord | None:
        """The trial of the encoder's default, once it is finished."""
        return self._history.default()

    def problem(self) -> str | None:
        """Why this bitrate cannot be searched, judged by the trials so far."""
        return find_problem(self._history.early, self.target_kbps, self.default())

    def timing(self) -> Timing:
        """What all finished trials cost together."""
        spent = [Timing(wall_s=self.store.wall_s), *(result.timing for result in self._history)]
        return add_timings(spent)

    def importance(self) -> dict[str, float]:
        """See `measure_importance`."""
        return measure_importance(self.store.whole_study())

    def _ask(self) -> Plan:
        proposed = self.store.next_ordinal
        trial, settings = self._proposer.propose(proposed)
        attributes = trial.user_attrs
        if SETTINGS in attributes:
            settings = Settings.of(*attributes[SETTINGS])
        ordinal = int(attributes.get(ORDINAL, proposed))
        self.store.take(ordinal)
        start = tuple(attributes.get(START) or self._history.start(settings))
        trial.set_user_attr(ORDINAL, ordinal)
        trial.set_user_attr(START, start)
        # Last, as its presence says that the proposal is complete.
        trial.set_user_attr(SETTINGS, [settings.rate_mode, settings.as_dict()])
        self._running[ordinal] = trial
        self._proposer.known.add(settings)
        order = self._proposer.seed_of(ordinal, CLIP_ORDER)
        return self._history.plan(ordinal, settings, start, order)

    def _load(self) -> None:
        """Take in what earlier sessions finished or queued, one after the other."""
        past: set[int] = set()
        finished: list[tuple[int, int, bytes]] = []
        failed: dict[int, FrozenTrial] = {}
        for trial in self.store.trials():
            past |= superseded([trial])
            self._recall(trial)
            if RESULT in trial.user_attrs:
                result = load_result(trial)
                ordinal = int(trial.user_attrs.get(ORDINAL, 0))
                finished.append((ordinal, trial.number, pack_result(result)))
                if isinstance(result.record, Failed):
                    failed[trial.number] = trial
        for _, number, packed in sorted(finished):
            if number not in past:
                self._take_in(unpack_result(packed), failed.get(number))

    def _recall(self, trial: FrozenTrial) -> None:
        """Take in what a trial of an earlier session tried, and what its clips told."""
        attributes = trial.user_attrs
        if SETTINGS in attributes:
            self._proposer.known.add(Settings.of(*attributes[SETTINGS]))
        if HEARING in attributes:
            hearing = load_hearing(attributes[HEARING])
            self._history.hearings[hearing.ordinal] = hearing
        if RULER in attributes:
            ruler = np.frombuffer(base64.b64decode(attributes[RULER]), np.float16)
            self._history.keep_ruler(int(attributes[ORDINAL]), ruler)

    def _take_in(self, result: TrialResult, trial: FrozenTrial | None) -> None:
        """Learn from a trial that an earlier session finished, or have it tried again.

        Args:
            result: how it went.
            trial: the trial, if it failed.
        """
        if trial is None:
            self._learn(result)
            return
        is_default = self._history.is_default(result.record)
        params = params_to_retry(trial)
        if params is None or not is_due_again(result, trial.user_attrs, is_default=is_default):
            self._learn(result)
            return
        self.store.enqueue(params, retry_of(trial, failed=True))

    def _learn(self, result: TrialResult) -> None:
        self._history.add(result)
        self._proposer.learn(result)

    def _judge(self, result: TrialResult) -> TrialResult:
        """The result, infeasible if it breaks a limit; the default is exempt."""
        default, record = self.default(), result.record
        if not isinstance(record, Complete) or default is None:
            return result
        reason = self._limits.broken(record, default)
        if reason is None:
            return result
        infeasible = Infeasible(
            number=record.number,
            rate_mode=record.rate_mode,
            values=record.values,
            passes=record.passes,
            latency_ms=record.latency_ms,
            reason=reason,
            knob=record.knob,
            bitrate_kbps=record.bitrate_kbps,
        )
        return replace(result, record=infeasible, hearing=None)

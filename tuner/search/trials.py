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

Every proposal is drawn from a sampler seeded with (seed, bitrate, ordinal): a resumed
search neither repeats proposals nor depends on when it was interrupted.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from tuner.encoder import Settings
from tuner.jobs.passes import add_timings
from tuner.records import Timing
from tuner.search.additive import AdditiveModel
from tuner.search.attempts import (
    HEARING,
    ORDINAL,
    RESULT,
    RULER,
    SETTINGS,
    START,
    is_due_again,
    load_hearing,
    load_result,
    params_to_retry,
    retry_of,
    superseded,
)
from tuner.search.evaluate import Plan, TrialResult
from tuner.search.history import History
from tuner.search.importance import measure_importance
from tuner.search.optuna_parts import make_storage
from tuner.search.ranking import EARLY_TRIALS, find_problem, is_complete
from tuner.search.samplers import make_fixed, make_sampler
from tuner.study.limits import NO_LIMITS, Limits
from tuner.study.space import Space
from tuner.study.spec import Sampler

#: Proposals of one trial before settings that were tried already are accepted.
PROPOSALS = 12
#: Mark the seeds of the clips' order and of the additive model's among those of proposals.
CLIP_ORDER, ADDITIVE = PROPOSALS, PROPOSALS + 1
#: With TPE, the additive model (`tuner.search.additive`) proposes from this trial on, and leaves
#: every so many to TPE, which knows of parameters that act together.
ADDITIVE_FROM, TPE_EVERY = 5, 4

#: Attribute of the study: see `Trials.wall_s`.
WALL_S = "wall_s"


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
        self._sampler = sampler
        self._seed = seed
        self._limits = limits
        self._two_objectives = two_objectives
        self._storage = storage
        self._study = optuna.create_study(
            storage=make_storage(storage),
            study_name=name,
            directions=["maximize", "minimize"] if two_objectives else ["maximize"],
            load_if_exists=True,
            sampler=make_sampler(sampler, 0),
        )
        self._running: dict[int, optuna.Trial] = {}
        #: The numbers of the trials that are queued, and of all that there are.
        self._waiting: set[int] = set()
        self._taken: set[int] = set()
        self._history = History(space, target_kbps)
        self._additive = AdditiveModel(space)
        self._load()
        self.recover()
        for settings in [*space.defaults(), *starters]:
            self.suggest(settings)

    @property
    def results(self) -> list[TrialResult]:
        """The finished trials, by number."""
        return self._history.results

    @property
    def finished(self) -> int:
        """How many trials have a result."""
        return len(self.results)

    @property
    def running(self) -> int:
        """How many trials are asked and not told."""
        return len(self._running)

    @property
    def next_ordinal(self) -> int:
        """The number of the trial that comes next."""
        return min(self._waiting, default=self._free_ordinal())

    def ask(self) -> Plan:
        """The next trial."""
        proposed = self.next_ordinal
        trial, settings = self._propose(proposed)
        attributes = trial.user_attrs
        if SETTINGS in attributes:
            settings = Settings.of(*attributes[SETTINGS])
        ordinal = int(attributes.get(ORDINAL, proposed))
        self._waiting.discard(ordinal)
        self._taken.add(ordinal)
        start = tuple(attributes.get(START) or self._history.start(settings))
        trial.set_user_attr(ORDINAL, ordinal)
        trial.set_user_attr(START, start)
        # Last, as its presence says that the proposal is complete.
        trial.set_user_attr(SETTINGS, [settings.rate_mode, settings.as_dict()])
        self._running[ordinal] = trial
        self._known.add(settings)
        return self._history.plan(ordinal, settings, start, self._seed_of(ordinal, CLIP_ORDER))

    def suggest(self, settings: Settings) -> None:
        """Have `settings`, as far as they fit the space, tried next, unless they were."""
        adopted = self.space.adopt(settings)
        if adopted is None or adopted in self._known:
            return
        self._known.add(adopted)
        attributes = {SETTINGS: [adopted.rate_mode, adopted.as_dict()]}
        self._enqueue(self.space.params_of(adopted), attributes)

    def tell(self, result: TrialResult) -> None:
        """Record a trial that was asked."""
        trial = self._running.pop(result.record.number)
        result = self._judge(result)
        hearing, ruler = result.hearing, result.ruler
        # The results in memory must not grow with the clips.
        result = replace(result, hearing=None, ruler=None)
        if hearing is not None and self._history.leads(result):
            trial.set_user_attr(HEARING, asdict(hearing))
            self._history.hearings[hearing.ordinal] = hearing
        if ruler is not None and is_complete(result):
            trial.set_user_attr(RULER, base64.b64encode(ruler.tobytes()).decode())
            self._history.keep_ruler(result.record.number, ruler)
        trial.set_user_attr(RESULT, asdict(result))
        self._tell(trial.number, result)
        self._learn(result)

    def recover(self) -> None:
        """Put trials that were asked and never told back into the queue."""
        queued, running = self._queued(), self._study.get_trials(states=(TrialState.RUNNING,))
        retried = superseded(queued)
        self._waiting = _ordinals(queued)
        self._taken = self._waiting | {result.record.number for result in self.results}
        self._taken |= _ordinals([t for t in running if params_to_retry(t) is not None])
        for trial in running:
            if RESULT in trial.user_attrs:
                self._tell(trial.number, load_result(trial))
                continue
            params = params_to_retry(trial)
            if params is not None and trial.number not in retried:
                self._enqueue(params, retry_of(trial, failed=False))
            self._study.tell(trial.number, state=TrialState.FAIL)
        for trial in queued:
            if ORDINAL not in trial.user_attrs:  # by an older version
                self._number(trial)
        self._running.clear()

    def best(self) -> TrialResult | None:
        """The complete trial with the highest objective, the earliest of equals."""
        return self._history.best

    def best_before(self, ordinal: int) -> TrialResult | None:
        """The best of the trials with smaller numbers."""
        return self._history.best_before(ordinal)

    def default(self) -> TrialResult | None:
        """The trial of the encoder's default, once it is finished."""
        return self._history.default()

    def problem(self) -> str | None:
        """Why this bitrate cannot be searched, judged by the trials so far."""
        early = [result.record for result in self.results[:EARLY_TRIALS]]
        default = self.default()
        return find_problem(early, self.target_kbps, None if default is None else default.record)

    @property
    def wall_s(self) -> float:
        """This bitrate's share of the wall-clock time of all sessions, seconds."""
        return self._wall_s

    def spend(self, seconds: float) -> None:
        """Add to `wall_s`."""
        self._wall_s += seconds
        self._study.set_user_attr(WALL_S, self._wall_s)

    def timing(self) -> Timing:
        """What all finished trials cost together."""
        return add_timings([Timing(wall_s=self.wall_s), *(r.timing for r in self.results)])

    def importance(self) -> dict[str, float]:
        """See `measure_importance`."""
        return measure_importance(self._study)

    def _load(self) -> None:
        """Take in what earlier sessions finished or queued."""
        # Not from the study, in whose memory finished trials are without attributes.
        study = self._storage.get_study_id_from_name(self._study.study_name)
        trials = self._storage.get_all_trials(study, deepcopy=False)
        for trial in trials:
            if HEARING in trial.user_attrs:
                hearing = load_hearing(trial.user_attrs[HEARING])
                self._history.hearings[hearing.ordinal] = hearing
        past = superseded(trials)
        for trial in sorted(trials, key=lambda trial: int(trial.user_attrs.get(ORDINAL, 0))):
            if RESULT in trial.user_attrs and trial.number not in past:
                self._take_in(trial)
            if RULER in trial.user_attrs:
                packed = base64.b64decode(trial.user_attrs[RULER])
                ruler = np.frombuffer(packed, np.float16)
                self._history.keep_ruler(int(trial.user_attrs[ORDINAL]), ruler)
        self._known = {
            Settings.of(*t.user_attrs[SETTINGS]) for t in trials if SETTINGS in t.user_attrs
        }
        self._wall_s = float(self._study.user_attrs.get(WALL_S, 0.0))

    def _take_in(self, trial: FrozenTrial) -> None:
        """Learn from a trial that an earlier session finished, or have it tried again."""
        result = load_result(trial)
        is_default = self._history.is_default(result)
        params = params_to_retry(trial)
        if params is None or not is_due_again(result, trial.user_attrs, is_default=is_default):
            self._learn(result)
            return
        self._enqueue(params, retry_of(trial, failed=True))

    def _enqueue(self, params: Mapping[str, Any], attributes: dict[str, Any]) -> None:
        """Queue a trial under the number that it has, or gets now."""
        ordinal = int(attributes.get(ORDINAL, self._free_ordinal()))
        self._study.enqueue_trial(dict(params), {**attributes, ORDINAL: ordinal})
        self._waiting.add(ordinal)
        self._taken.add(ordinal)

    def _number(self, trial: FrozenTrial) -> None:
        """Give a queued trial a number."""
        ordinal = self._free_ordinal()
        study = self._storage.get_study_id_from_name(self._study.study_name)
        number = self._storage.get_trial_id_from_study_id_trial_number(study, trial.number)
        self._storage.set_trial_user_attr(number, ORDINAL, ordinal)
        self._waiting.add(ordinal)
        self._taken.add(ordinal)

    def _free_ordinal(self) -> int:
        """The first number that no trial has."""
        return next(n for n in itertools.count() if n not in self._taken)

    def _queued(self) -> list[FrozenTrial]:
        queued: list[FrozenTrial]
        queued = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return queued

    def _learn(self, result: TrialResult) -> None:
        self._history.add(result)
        # What failed says nothing of the settings; what missed the bitrate does.
        if result.record.state != "failed":
            settings = Settings.of(result.record.rate_mode, result.record.values)
            self._additive.add(result.record.number, settings, result.objective)

    def _find_promising(self, ordinal: int) -> Settings | None:
        """Beside TPE: what the additive model would try, where it is its turn."""
        is_due = ordinal >= ADDITIVE_FROM and ordinal % TPE_EVERY != 0
        if self._sampler != "tpe" or self._two_objectives or not is_due:
            return None
        rng = np.random.default_rng(self._seed_of(ordinal, ADDITIVE))
        settings = self._additive.propose(self._known, rng)
        adopted = None if settings is None else self.space.adopt(settings)
        return None if adopted in self._known else adopted

    def _propose(self, ordinal: int) -> tuple[optuna.Trial, Settings]:
        """Settings that were not tried yet, unless they are enqueued or hard to find.

        In a space of few choices TPE loves to repeat itself. Repetitions are told as failed,
        which the sampler ignores; when it goes on repeating, chance proposes.
        """
        for attempt in range(PROPOSALS):
            sampler = self._sampler if attempt < PROPOSALS // 2 else "random"
            self._study.sampler = make_sampler(sampler, self._seed_of(ordinal, attempt))
            trial = self._study.ask()
            is_queued = SETTINGS in trial.user_attrs  # second tries of interrupted trials, too
            promising = None if is_queued or attempt else self._find_promising(ordinal)
            if promising is not None:
                self._study.sampler = make_fixed(self.space.params_of(promising))
                self.space.suggest(trial)
                return trial, promising
            settings = self.space.suggest(trial)
            if is_queued or settings not in self._known:
                break
            if attempt < PROPOSALS - 1:
                self._study.tell(trial.number, state=TrialState.FAIL)
        return trial, settings

    def _judge(self, result: TrialResult) -> TrialResult:
        """The result, infeasible if it breaks a limit; the default is exempt."""
        default = self.default()
        if not is_complete(result) or default is None:
            return result
        reason = self._limits.broken(result.record, default.record)
        if reason is None:
            return result
        record = replace(result.record, state="infeasible", reason=reason)
        record = replace(record, score=None, spread=None, objective=None)
        return replace(result, record=record, objective=None, hearing=None)

    def _seed_of(self, ordinal: int, purpose: int) -> int:
        # Bitrates in mb/s, as entropy must be whole numbers.
        entropy = [self._seed, round(self.target_kbps * 1000), ordinal, purpose]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])

    def _tell(self, number: int, result: TrialResult) -> None:
        """Tell Optuna. A pruned trial is complete there, with its estimate.

        What Optuna would store for a trial in state PRUNED is its last intermediate value, and
        TPE would rank it by how far it came: neither means anything here.
        """
        if result.objective is not None:
            values = [result.objective]
            if self._two_objectives:
                values.append(result.record.encode_s or 0.0)
            self._study.tell(number, values)
        elif result.record.state == "infeasible" and not self._two_objectives:
            # Without intermediate values, TPE ranks a pruned trial behind all complete ones.
            self._study.tell(number, state=TrialState.PRUNED)
        else:
            self._study.tell(number, state=TrialState.FAIL)


def _ordinals(trials: Sequence[FrozenTrial]) -> set[int]:
    """The numbers of those trials that have one."""
    return {int(t.user_attrs[ORDINAL]) for t in trials if ORDINAL in t.user_attrs}

"""The trials of one target bitrate: one Optuna study in SQLite, asked and told.

The driver is the only writer. A trial carries these user attributes:

- ``ordinal``: its number for people, without gaps; 0 is the encoder's default. A trial
  that was interrupted is tried again as a new Optuna trial with the same ordinal.
- ``settings``: rate mode and values, which may be a default off the declared grid.
- ``guess``: where rate matching starts, so that a second try measures the same knobs.
- ``result``: the finished `TrialResult`. A failed Optuna trial without it was interrupted
  and does not count.

Every proposal is drawn from a sampler seeded with (seed, bitrate, ordinal): a resumed
search neither repeats proposals nor depends on when it was interrupted.
"""

from __future__ import annotations

import collections
import sqlite3
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import sqlalchemy
from optuna.trial import FrozenTrial, TrialState

from tuner.encoder import Settings
from tuner.rate import first_guess
from tuner.results import Timing, TrialRecord
from tuner.search.objective import Plan, TrialResult, add_timings
from tuner.search.space import Space
from tuner.search.spec import Sampler

#: Random trials before the sampler models anything, defaults included (Optuna's default).
STARTUP_TRIALS = 10
#: Proposals of one trial before settings that were tried already are accepted.
PROPOSALS = 12
#: A bitrate stops when more than half of its first trials fail with one message.
EARLY_TRIALS = 10
#: Seconds to wait for SQLite's lock (a slow disk; nobody else writes).
LOCK_TIMEOUT_S = 60.0

ORDINAL, SETTINGS, GUESS, RESULT = "ordinal", "settings", "guess", "result"
RETRY_OF, WALL_S = "retry_of", "wall_s"


def open_storage(path: Path) -> optuna.storages.RDBStorage:
    """The SQLite storage at `path`, made if it is not there.

    With a write-ahead log a trial's 15 commits do not wait for the disk one by one
    (0.14 s a trial saved). A killed driver loses nothing, a power cut at most the last trial.
    """
    arguments = {"connect_args": {"timeout": LOCK_TIMEOUT_S}}
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}", engine_kwargs=arguments)
    sqlalchemy.event.listen(storage.engine, "connect", _use_write_ahead_log)
    storage.engine.dispose()
    return storage


def _use_write_ahead_log(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def close_storage(storage: optuna.storages.RDBStorage) -> None:
    """Release the database's connections."""
    storage.remove_session()
    storage.engine.dispose()


class Trials:
    """Proposes and records the trials of one bitrate; used from one thread.

    Args:
        storage: see `open_storage`.
        name: name of the Optuna study ("aac@64").
        space: the search space.
        target_kbps: the target bitrate.
        sampler: how settings are proposed.
        seed: the study's seed.
    """

    def __init__(
        self,
        storage: optuna.storages.BaseStorage,
        name: str,
        space: Space,
        target_kbps: float,
        sampler: Sampler,
        seed: int,
    ) -> None:
        self.space = space
        self.target_kbps = target_kbps
        self._sampler = sampler
        self._seed = seed
        self._study = optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            sampler=_make_sampler(sampler, 0),
        )
        self._running: dict[int, optuna.Trial] = {}
        self.results = [
            _load_result(trial) for trial in self._study.get_trials() if RESULT in trial.user_attrs
        ]
        self._sort()
        self._wall_s = float(self._study.user_attrs.get(WALL_S, 0.0))
        self._enqueue_defaults()
        self.recover()

    @property
    def finished(self) -> int:
        """How many trials have a result."""
        return len(self.results)

    @property
    def running(self) -> int:
        """How many trials are asked and not told."""
        return len(self._running)

    def ask(self) -> Plan:
        """The next trial."""
        ordinal = self._next_ordinal()
        trial, settings = self._propose(ordinal)
        attributes = trial.user_attrs
        if SETTINGS in attributes:
            settings = Settings.of(*attributes[SETTINGS])
        ordinal = attributes.get(ORDINAL, ordinal)
        guess = attributes.get(GUESS, self._guess(settings.rate_mode))
        trial.set_user_attr(ORDINAL, ordinal)
        trial.set_user_attr(GUESS, guess)
        # Last, as its presence says that the proposal is complete.
        trial.set_user_attr(SETTINGS, [settings.rate_mode, settings.as_dict()])
        self._running[ordinal] = trial
        return Plan(ordinal, settings, guess)

    def _propose(self, ordinal: int) -> tuple[optuna.Trial, Settings]:
        """Settings that were not tried yet, unless they are enqueued or hard to find.

        In a space of few choices TPE loves to repeat itself. Repetitions are told as failed,
        which the sampler ignores; when it goes on repeating, chance proposes.
        """
        known = {Settings.of(r.record.rate_mode, r.record.values) for r in self.results}
        known |= {Settings.of(*t.user_attrs[SETTINGS]) for t in self._running.values()}
        for attempt in range(PROPOSALS):
            sampler = self._sampler if attempt < PROPOSALS // 2 else "random"
            self._study.sampler = _make_sampler(sampler, self._seed_of(ordinal, attempt))
            trial = self._study.ask()
            settings = self.space.suggest(trial)
            if SETTINGS in trial.user_attrs or settings not in known:
                break
            if attempt < PROPOSALS - 1:
                self._study.tell(trial.number, state=TrialState.FAIL)
        return trial, settings

    def tell(self, result: TrialResult) -> None:
        """Record a trial that was asked."""
        trial = self._running.pop(result.record.number)
        trial.set_user_attr(RESULT, asdict(result))
        self._tell(trial.number, result)
        self.results.append(result)
        self._sort()

    def recover(self) -> None:
        """Put trials that were asked and never told back into the queue."""
        trials = self._study.get_trials()
        retried = {trial.user_attrs.get(RETRY_OF) for trial in trials}
        for trial in trials:
            if trial.state != TrialState.RUNNING:
                continue
            if RESULT in trial.user_attrs:
                self._tell(trial.number, _load_result(trial))
                continue
            params = self._params_to_retry(trial)
            if params is not None and trial.number not in retried:
                kept = {k: v for k, v in trial.user_attrs.items() if k != RETRY_OF}
                self._study.enqueue_trial(params, {**kept, RETRY_OF: trial.number})
            self._study.tell(trial.number, state=TrialState.FAIL)
        self._running.clear()

    def best(self) -> TrialResult | None:
        """The complete trial with the highest objective, the earliest of equals."""
        ranked = rank(self.results)
        return ranked[0] if ranked else None

    def default(self) -> TrialResult | None:
        """Trial 0, once it is finished."""
        return next((result for result in self.results if result.record.number == 0), None)

    def problem(self) -> str | None:
        """Why this bitrate cannot be searched, judged by the trials so far."""
        return find_problem([result.record for result in self.results], self.target_kbps)

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

    def _enqueue_defaults(self) -> None:
        queued = {trial.user_attrs.get(ORDINAL) for trial in self._study.get_trials()}
        for ordinal, settings in enumerate(self.space.defaults()):
            if ordinal not in queued:
                attributes = {
                    ORDINAL: ordinal,
                    SETTINGS: [settings.rate_mode, settings.as_dict()],
                }
                self._study.enqueue_trial(self.space.params_of(settings), attributes)

    def _params_to_retry(self, trial: FrozenTrial) -> Mapping[str, Any] | None:
        """What to enqueue for a second try; None when the proposal was never completed."""
        if "fixed_params" in trial.system_attrs:
            fixed: Mapping[str, Any] = trial.system_attrs["fixed_params"]
            return fixed
        return trial.params if SETTINGS in trial.user_attrs else None

    def _next_ordinal(self) -> int:
        taken = [
            trial.user_attrs[ORDINAL]
            for trial in self._study.get_trials(deepcopy=False)
            if ORDINAL in trial.user_attrs and not _is_interrupted(trial)
        ]
        return max(taken, default=-1) + 1

    def _guess(self, mode_name: str) -> float:
        mode = next(mode for mode in self.space.modes if mode.name == mode_name)
        matched = [
            (result.record.knob, result.record.bitrate_kbps)
            for result in self.results
            if result.record.state == "complete" and result.record.rate_mode == mode_name
        ]
        known = [(knob, kbps) for knob, kbps in matched if knob is not None and kbps is not None]
        return first_guess(mode, self.target_kbps, known)

    def _seed_of(self, ordinal: int, attempt: int) -> int:
        # Bitrates in mb/s, as entropy must be whole numbers.
        entropy = [self._seed, round(self.target_kbps * 1000), ordinal, attempt]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])

    def _tell(self, number: int, result: TrialResult) -> None:
        if result.record.state == "complete":
            self._study.tell(number, result.objective)
        elif result.record.state == "infeasible":
            # Without intermediate values, TPE ranks a pruned trial behind all complete ones.
            self._study.tell(number, state=TrialState.PRUNED)
        else:
            self._study.tell(number, state=TrialState.FAIL)

    def _sort(self) -> None:
        self.results.sort(key=lambda result: result.record.number)


def rank(results: Sequence[TrialResult]) -> list[TrialResult]:
    """The complete trials, best objective first, the earliest of equals first."""
    complete = [result for result in results if result.objective is not None]
    return sorted(complete, key=lambda result: (-_value(result), result.record.number))


def find_problem(records: Sequence[TrialRecord], target_kbps: float) -> str | None:
    """Why a bitrate cannot be searched, as a sentence; None when it can."""
    for record in records:
        if record.number == 0 and record.state != "complete":
            verb = "cannot reach" if record.state == "infeasible" else "fail at"
            return f"The encoder's default settings {verb} {target_kbps:g} kb/s: {record.reason}"
    early = [record for record in records if record.number < EARLY_TRIALS]
    reasons = [record.reason or "" for record in early if record.state == "failed"]
    for kind, count in collections.Counter(map(_error_kind, reasons)).most_common(1):
        if count > EARLY_TRIALS / 2:
            example = next(reason for reason in reasons if _error_kind(reason) == kind)
            return f"{count} of the first {EARLY_TRIALS} trials fail alike, as in: {example}"
    return None


def _error_kind(reason: str) -> str:
    """The error's class, which leads the reason; the rest names settings and clip."""
    return reason.partition(":")[0]


def _value(result: TrialResult) -> float:
    assert result.objective is not None
    return result.objective


def _is_interrupted(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.FAIL and RESULT not in trial.user_attrs


def _load_result(trial: FrozenTrial) -> TrialResult:
    raw = trial.user_attrs[RESULT]
    record, timing = TrialRecord(**raw["record"]), Timing(**raw["timing"])
    return TrialResult(record, raw["objective"], timing)


def _make_sampler(name: Sampler, seed: int) -> optuna.samplers.BaseSampler:
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():
        # `group` is what makes TPE model conditional parameters.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(
            multivariate=True,
            group=True,
            constant_liar=True,
            n_startup_trials=STARTUP_TRIALS,
            seed=seed,
        )

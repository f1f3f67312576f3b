"""What Optuna keeps in memory of a study: what samplers read, and no more.

Optuna holds every trial that it has read, with all its attributes: 16 kB each with 1,000 clips.
Of a finished trial samplers read numbers, states, values and parameters, TPE only those of the
best and the latest trials. The rest stays in the database, from where a resumed run takes it.

A driver is the only writer of its studies: what it writes is noted here, and never read back.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Container, Iterator, Sequence
from copy import copy
from copy import deepcopy as copy_deeply
from typing import Any

import optuna
import sqlalchemy
from optuna.distributions import (
    BaseDistribution,
    check_distribution_compatibility,
    distribution_to_json,
)
from optuna.storages._cached_storage import _CachedStorage  # the wrapper that Optuna puts itself
from optuna.storages._rdb.models import TrialModel, TrialParamModel, TrialUserAttributeModel
from optuna.trial import FrozenTrial, TrialState

from tuner.search import samplers
from tuner.search.attempts import ORDINAL

#: Prefix of what TPE tells other drivers of a trial that runs.
TPE_PREFIX = "tpe:"
#: Trials read from the database at once.
PAGE = 50
#: States of finished trials that samplers read.
TOLD = (TrialState.COMPLETE, TrialState.PRUNED)


def read_pages(database: optuna.storages.RDBStorage, study_id: int) -> Iterator[list[FrozenTrial]]:
    """All trials of a study by number, few at a time: the attributes of all would fill memory."""
    ids = sqlalchemy.select(TrialModel.trial_id).where(TrialModel.study_id == study_id)
    with database.engine.connect() as connection:
        found = sorted(connection.scalars(ids))
    for start in range(0, len(found), PAGE):
        yield database._get_trials(study_id, None, set(found[start : start + PAGE]), found[-1])


class LeanStorage(_CachedStorage):  # type: ignore[misc]
    """Optuna's cache of a database, of finished trials without attributes that no sampler reads.

    Args:
        backend: the database; its studies have no other writer.
        all_trials: whether all finished trials are kept, and not only `best_and_latest`.
    """

    def __init__(self, backend: optuna.storages.RDBStorage, *, all_trials: bool = True) -> None:
        super().__init__(backend)
        self._all_trials = all_trials
        self._distributions: dict[tuple[str, ...], dict[str, BaseDistribution]] = {}
        #: The studies whose trials were read.
        self._read: set[int] = set()
        #: Rows to be written, by table; None where each is written at once.
        self._rows: dict[type, list[dict[str, Any]]] | None = None

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Write parameters and attributes that are set meanwhile in one go, at the end.

        A commit for each took half of the time of a proposal.
        """
        self._rows = {TrialParamModel: [], TrialUserAttributeModel: []}
        try:
            yield
            self._write()
        finally:
            with self._lock:
                self._drop_unwritten()
            self._rows = None

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """See `optuna.storages.BaseStorage`.

        Queued trials are found without a look at all. Those that were asked before come first:
        else what a resumed run tries in place of them would not know how they went.
        """
        if states != (TrialState.WAITING,):
            trials: list[FrozenTrial] = super().get_all_trials(study_id, deepcopy, states)
            return trials
        self._read_trials_from_remote_storage(study_id)
        with self._lock:
            study = self._studies[study_id]
            numbers = [
                self._trial_id_to_study_id_and_number[i][1] for i in study.unfinished_trial_ids
            ]
            unfinished = [study.trials[number] for number in sorted(numbers)]
            waiting = [trial for trial in unfinished if trial.state == TrialState.WAITING]
            waiting.sort(key=lambda trial: trial.user_attrs.get(ORDINAL, math.inf))
            return copy_deeply(waiting) if deepcopy else waiting

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """See `optuna.storages.BaseStorage`."""
        with self._lock:
            trial = self._find(trial_id)
            if trial is not None:
                return _copy(trial)
        return super().get_trial(trial_id)

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """See `optuna.storages.BaseStorage`."""
        study = self._studies[self._trial_id_to_study_id_and_number[trial_id][0]]
        known = study.param_distribution.get(param_name)
        if self._rows is None or known is None:
            super().set_trial_param(trial_id, param_name, param_value_internal, distribution)
        else:
            check_distribution_compatibility(known, distribution)
            row = {"param_name": param_name, "param_value": param_value_internal}
            row |= {"trial_id": trial_id, "distribution_json": distribution_to_json(distribution)}
            self._rows[TrialParamModel].append(row)
        with self._lock:
            if (trial := self._renew(trial_id)) is not None:
                trial.params[param_name] = distribution.to_external_repr(param_value_internal)
                trial.distributions[param_name] = distribution

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """See `optuna.storages.BaseStorage`."""
        trial = self._find(trial_id)
        if self._rows is None or trial is None or key in trial.user_attrs:
            self._write()  # what is changed may be among it
            super().set_trial_user_attr(trial_id, key, value)
        else:
            row = {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
            self._rows[TrialUserAttributeModel].append(row)
        with self._lock:
            if (trial := self._renew(trial_id)) is not None:
                trial.user_attrs[key] = value

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """See `optuna.storages.BaseStorage`."""
        super().set_trial_system_attr(trial_id, key, value)
        with self._lock:
            if (trial := self._renew(trial_id)) is not None:
                trial.system_attrs[key] = value

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """See `optuna.storages.BaseStorage`."""
        super().set_trial_intermediate_value(trial_id, step, intermediate_value)
        with self._lock:
            if (trial := self._renew(trial_id)) is not None:
                trial.intermediate_values[step] = intermediate_value

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """See `optuna.storages.BaseStorage`."""
        self._write()
        is_set: bool = super().set_trial_state_values(trial_id, state, values)
        with self._lock:
            if is_set and (trial := self._renew(trial_id)) is not None:
                trial.state = state
                if values is not None:
                    trial.values = list(values)
                study_id, _ = self._trial_id_to_study_id_and_number[trial_id]
                self._add_trials_to_cache(study_id, [trial])
        return is_set

    def _write(self) -> None:
        """Write what is to be written together."""
        if self._rows is None:
            return
        with self._backend.engine.begin() as connection:
            for table, rows in self._rows.items():
                if rows:
                    connection.execute(sqlalchemy.insert(table), rows)
        for rows in self._rows.values():
            rows.clear()

    def _drop_unwritten(self) -> None:
        """Of what an error or Ctrl-C kept from being written, memory must not tell either."""
        for row in (self._rows or {}).get(TrialUserAttributeModel, []):
            if (trial := self._renew(row["trial_id"])) is not None:
                trial.user_attrs.pop(row["key"], None)

    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        if study_id in self._read:
            return
        self.get_study_directions(study_id)  # which has Optuna make its place in memory
        for trials in read_pages(self._backend, study_id):
            with self._lock:
                self._add_trials_to_cache(study_id, trials)
        self._read.add(study_id)

    def _add_trials_to_cache(self, study_id: int, trials: list[FrozenTrial]) -> None:
        for trial in trials:
            if trial.state.is_finished():
                self._strip(trial)
        super()._add_trials_to_cache(study_id, trials)
        study = self._studies[study_id]
        for trial in trials:
            if trial.state.is_finished():
                study.unfinished_trial_ids.discard(trial._trial_id)
            else:
                study.unfinished_trial_ids.add(trial._trial_id)
        # Now and then, as it takes a look at all.
        if not self._all_trials and len(study.trials) > samplers.BEST + samplers.LATEST + PAGE:
            self._forget(study_id)

    def _forget(self, study_id: int) -> None:
        """Drop finished trials that TPE does not look at."""
        trials = self._studies[study_id].trials
        finished = [trials[n] for n in sorted(trials) if trials[n].state.is_finished()]
        kept = samplers.best_and_latest([trial for trial in finished if trial.state in TOLD])
        for number in {t.number for t in finished} - {t.number for t in kept}:
            trial_id = trials.pop(number)._trial_id
            del self._trial_id_to_study_id_and_number[trial_id]
            del self._study_id_and_number_to_trial_id[study_id, number]

    def _find(self, trial_id: int) -> FrozenTrial | None:
        """A trial in memory."""
        if trial_id not in self._trial_id_to_study_id_and_number:
            return None
        study_id, number = self._trial_id_to_study_id_and_number[trial_id]
        trial: FrozenTrial = self._studies[study_id].trials[number]
        return trial

    def _renew(self, trial_id: int) -> FrozenTrial | None:
        """A copy in place of a trial in memory, to be changed: others may hold the old one."""
        trial = self._find(trial_id)
        if trial is None:
            return None  # it will be read
        study_id, number = self._trial_id_to_study_id_and_number[trial_id]
        renewed = self._studies[study_id].trials[number] = _copy(trial)
        return renewed

    def _strip(self, trial: FrozenTrial) -> None:
        trial.user_attrs = {}
        trial.system_attrs = {
            name: value
            for name, value in trial.system_attrs.items()
            if not name.startswith(TPE_PREFIX) and name != "fixed_params"
        }
        # Most trials have the same ones: kept once.
        shared = self._distributions.setdefault(tuple(trial.distributions), trial.distributions)
        if shared == trial.distributions:
            trial.distributions = shared


def _copy(trial: FrozenTrial) -> FrozenTrial:
    """A trial whose attributes and parameters may be set without effect on the other."""
    copied = copy(trial)
    copied.params, copied.distributions = dict(trial.params), dict(trial.distributions)
    copied.user_attrs, copied.system_attrs = dict(trial.user_attrs), dict(trial.system_attrs)
    copied.intermediate_values = dict(trial.intermediate_values)
    return copied

"""What Optuna keeps in memory of finished trials: what samplers read, and no more.

Optuna holds every trial that it has read, with all its attributes: 16 kB each with 1,000 clips.
Of a finished trial samplers read numbers, states, values and parameters. The rest stays in the
database, from where a resumed run takes it.
"""

from __future__ import annotations

import math
from collections.abc import Container
from copy import deepcopy as copy_deeply

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages._cached_storage import _CachedStorage  # the wrapper that Optuna puts itself
from optuna.trial import FrozenTrial, TrialState

from tuner.search.attempts import ORDINAL

#: Prefix of what TPE tells other drivers of a trial that runs.
TPE_PREFIX = "tpe:"


class LeanStorage(_CachedStorage):  # type: ignore[misc]
    """Optuna's cache of a database, of finished trials without attributes that no sampler reads.

    Args:
        backend: the database.
    """

    def __init__(self, backend: optuna.storages.RDBStorage) -> None:
        super().__init__(backend)
        self._distributions: dict[tuple[str, ...], dict[str, BaseDistribution]] = {}

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

    def _add_trials_to_cache(self, study_id: int, trials: list[FrozenTrial]) -> None:
        for trial in trials:
            if trial.state.is_finished():
                self._strip(trial)
        super()._add_trials_to_cache(study_id, trials)

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

"""Keeps the trials of one bitrate: an Optuna study, its queue and their numbers.

What a trial's attributes hold is told in `tuner.search.trials`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from tuner.records import Complete, Infeasible, Pruned
from tuner.search.attempts import (
    ORDINAL,
    RESULT,
    load_result,
    params_to_retry,
    retry_of,
    superseded,
)
from tuner.search.evaluate import TrialResult
from tuner.search.optuna_parts import make_storage

#: Attribute of the study: see `TrialStore.wall_s`.
WALL_S = "wall_s"


class TrialStore:
    """The Optuna study of one bitrate, opened or created.

    Args:
        storage: see `tuner.rundir.database`.
        name: name of the study ("aac@64").
        sampler: the first one; proposals set their own.
        two_objectives: whether encode time is minimised beside the objective.
    """

    def __init__(
        self,
        storage: optuna.storages.RDBStorage,
        name: str,
        sampler: optuna.samplers.BaseSampler,
        *,
        two_objectives: bool,
    ) -> None:
        self.study = optuna.create_study(
            storage=make_storage(storage),
            study_name=name,
            directions=["maximize", "minimize"] if two_objectives else ["maximize"],
            load_if_exists=True,
            sampler=sampler,
        )
        self.wall_s = float(self.study.user_attrs.get(WALL_S, 0.0))
        self._two_objectives = two_objectives
        self._storage = storage
        #: The numbers of the trials that are queued, and of all that there are.
        self._waiting: set[int] = set()
        self._taken: set[int] = set()

    @property
    def next_ordinal(self) -> int:
        """The number of the trial that comes next."""
        return min(self._waiting, default=self._free_ordinal())

    def spend(self, seconds: float) -> None:
        """Add to `wall_s`."""
        self.wall_s += seconds
        self.study.set_user_attr(WALL_S, self.wall_s)

    def trials(self) -> list[FrozenTrial]:
        """All attempts, with their attributes."""
        # Not from the study, in whose memory finished trials are without attributes.
        study = self._storage.get_study_id_from_name(self.study.study_name)
        trials: list[FrozenTrial] = self._storage.get_all_trials(study, deepcopy=False)
        return trials

    def take(self, ordinal: int) -> None:
        """Note that a trial is asked."""
        self._waiting.discard(ordinal)
        self._taken.add(ordinal)

    def enqueue(self, params: Mapping[str, Any], attributes: dict[str, Any]) -> None:
        """Queue a trial under the number that it has, or gets now."""
        ordinal = int(attributes.get(ORDINAL, self._free_ordinal()))
        self.study.enqueue_trial(dict(params), {**attributes, ORDINAL: ordinal})
        self._waiting.add(ordinal)
        self._taken.add(ordinal)

    def recover(self, finished: Iterable[int]) -> None:
        """Put trials that were asked and never told back into the queue.

        Args:
            finished: the numbers of the trials that have a result.
        """
        queued: list[FrozenTrial]
        queued = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        running = self.study.get_trials(states=(TrialState.RUNNING,))
        retried = superseded(queued)
        self._waiting = _ordinals(queued)
        self._taken = self._waiting | set(finished)
        self._taken |= _ordinals([t for t in running if params_to_retry(t) is not None])
        for trial in running:
            if RESULT in trial.user_attrs:
                self.tell(trial.number, load_result(trial))
                continue
            params = params_to_retry(trial)
            if params is not None and trial.number not in retried:
                self.enqueue(params, retry_of(trial, failed=False))
            self.study.tell(trial.number, state=TrialState.FAIL)

    def tell(self, number: int, result: TrialResult) -> None:
        """Tell Optuna. A pruned trial is complete there, with its estimate.

        What Optuna would store for a trial in state PRUNED is its last intermediate value, and
        TPE would rank it by how far it came: neither means anything here.

        Args:
            number: the trial's number in Optuna.
            result: how it went.
        """
        match result.record:
            case Complete(objective=value, encode_s=encode_s) if self._two_objectives:
                self.study.tell(number, [value, encode_s])
            case Complete(objective=value) | Pruned(objective=value) if not self._two_objectives:
                self.study.tell(number, [value])
            case Infeasible() if not self._two_objectives:
                # Without intermediate values, TPE ranks a pruned trial behind all complete ones.
                self.study.tell(number, state=TrialState.PRUNED)
            case _:
                self.study.tell(number, state=TrialState.FAIL)

    def _free_ordinal(self) -> int:
        """The first number that no trial has."""
        return next(n for n in itertools.count() if n not in self._taken)


def _ordinals(trials: Sequence[FrozenTrial]) -> set[int]:
    """The numbers of those trials that have one."""
    return {int(t.user_attrs[ORDINAL]) for t in trials if ORDINAL in t.user_attrs}

"""Keeps the trials of one bitrate: an Optuna study, its queue and their numbers.

What a trial's attributes hold is told in `tuner.search.trials`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
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
from tuner.search.optuna_parts import make_storage, read_trials, write_together
from tuner.search.samplers import make_sampler, sees_all
from tuner.study.spec import Sampler

#: Attribute of the study: see `TrialStore.wall_s`.
WALL_S = "wall_s"


class TrialStore:
    """The Optuna study of one bitrate, opened or created.

    Args:
        storage: see `tuner.rundir.database`.
        name: name of the study ("aac@64").
        sampler: how settings are proposed.
        two_objectives: whether encode time is minimised beside the objective.
    """

    def __init__(
        self,
        storage: optuna.storages.RDBStorage,
        name: str,
        sampler: Sampler,
        *,
        two_objectives: bool,
    ) -> None:
        all_trials = sees_all(sampler, two_objectives=two_objectives)
        self._in_memory = make_storage(storage, all_trials=all_trials)
        self.study = optuna.create_study(
            storage=self._in_memory,
            study_name=name,
            directions=["maximize", "minimize"] if two_objectives else ["maximize"],
            load_if_exists=True,
            sampler=make_sampler(sampler, 0),  # proposals set their own
        )
        self.wall_s = float(self.study.user_attrs.get(WALL_S, 0.0))
        self._two_objectives = two_objectives
        self._storage = storage
        #: The numbers of the trials that are queued.
        self._waiting: set[int] = set()
        #: The first number that no trial has, and larger ones that have.
        self._free = 0
        self._taken: set[int] = set()

    @property
    def next_ordinal(self) -> int:
        """The number of the trial that comes next."""
        return min(self._waiting, default=self._free)

    def spend(self, seconds: float) -> None:
        """Add to `wall_s`."""
        self.wall_s += seconds
        self.study.set_user_attr(WALL_S, self.wall_s)

    def trials(self) -> Iterator[FrozenTrial]:
        """All attempts by their numbers in Optuna, with their attributes."""
        # Not from the study, in whose memory finished trials are without attributes.
        return read_trials(self._storage, self.study.study_name)

    def whole_study(self) -> optuna.Study:
        """The study with all its trials, of which `study` may have a part in memory."""
        return optuna.load_study(
            study_name=self.study.study_name, storage=make_storage(self._storage)
        )

    def together(self) -> AbstractContextManager[None]:
        """Have what is set meanwhile written in one go, where the storage can."""
        return write_together(self._in_memory)

    def take(self, ordinal: int) -> None:
        """Note that a trial is asked."""
        self._waiting.discard(ordinal)
        self._occupy(ordinal)

    def enqueue(self, params: Mapping[str, Any], attributes: dict[str, Any]) -> None:
        """Queue a trial under the number that it has, or gets now."""
        ordinal = int(attributes.get(ORDINAL, self._free))
        self.study.enqueue_trial(dict(params), {**attributes, ORDINAL: ordinal})
        self._waiting.add(ordinal)
        self._occupy(ordinal)

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
        asked = _ordinals([t for t in running if params_to_retry(t) is not None])
        self._free, self._taken = 0, set()
        for ordinal in itertools.chain(self._waiting, finished, asked):
            self._occupy(ordinal)
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

    def _occupy(self, ordinal: int) -> None:
        """Note that a number is a trial's."""
        if ordinal >= self._free:
            self._taken.add(ordinal)
        while self._free in self._taken:
            self._taken.remove(self._free)
            self._free += 1


def _ordinals(trials: Sequence[FrozenTrial]) -> set[int]:
    """The numbers of those trials that have one."""
    return {int(t.user_attrs[ORDINAL]) for t in trials if ORDINAL in t.user_attrs}

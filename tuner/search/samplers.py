"""Samplers by name: how settings are proposed.

``tpe`` models every parameter, conditional ones included, in groups. ``gp`` and ``cmaes`` model
what all trials have in common (``cmaes`` its numbers only) and leave the rest, such as
conditional parameters, to TPE. ``nsga2`` breeds; ``random`` is what others are measured by.
"""

from __future__ import annotations

import heapq
import importlib.util
import warnings
from collections.abc import Mapping
from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from tuner.encoder import Value
from tuner.errors import StudyError
from tuner.study.spec import Sampler

#: Random trials before a sampler models anything, defaults included (Optuna's default).
STARTUP_TRIALS = 10
#: Parents of one generation. Optuna's 50 would leave most studies in the first, random one.
POPULATION = 20
#: Trials that TPE calls good, of 250 and more (Optuna's `default_gamma`), and the latest trials,
#: which stand for all others.
BEST, LATEST = 25, 500


def make_sampler(name: Sampler, seed: int) -> optuna.samplers.BaseSampler:
    """A new sampler.

    Raises:
        StudyError: it needs a package that is not installed.
    """
    with warnings.catch_warnings():
        # `group` is what makes TPE model conditional parameters; gp is new, too.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "gp":
            return optuna.samplers.GPSampler(
                seed=seed,
                n_startup_trials=STARTUP_TRIALS,
                independent_sampler=_make_tpe(seed),
                deterministic_objective=True,
                warn_independent_sampling=False,
            )
        if name == "cmaes":
            if importlib.util.find_spec("cmaes") is None:
                raise StudyError("sampler cmaes requires a package: pip install cmaes")
            return optuna.samplers.CmaEsSampler(
                seed=seed,
                n_startup_trials=STARTUP_TRIALS,
                independent_sampler=_make_tpe(seed),
                warn_independent_sampling=False,
            )
        if name == "nsga2":
            return optuna.samplers.NSGAIISampler(seed=seed, population_size=POPULATION)
        if name == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        return _make_tpe(seed)


def make_fixed(params: Mapping[str, Value]) -> optuna.samplers.BaseSampler:
    """A sampler that proposes these parameters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.PartialFixedSampler(params, optuna.samplers.RandomSampler(seed=0))


class _BoundedTpe(optuna.samplers.TPESampler):  # type: ignore[misc]
    """TPE whose proposals take no longer as a study grows.

    It compares the density of the best trials with that of all others. The best stay the same;
    of the others it sees the latest. At 5,000 trials a proposal costs a sixth of what it did.
    """

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        space: dict[str, BaseDistribution]
        space = super().infer_relative_search_space(_bound(study), trial)
        return space

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        params: dict[str, Any] = super().sample_relative(_bound(study), trial, search_space)
        return params

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        bounded = _bound(study)
        return super().sample_independent(bounded, trial, param_name, param_distribution)


class _BoundedStudy:
    """A study as TPE sees it, of whose trials it has the best and the latest."""

    def __init__(self, study: optuna.Study) -> None:
        self._study = study

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(self, *args: Any, **options: Any) -> list[FrozenTrial]:
        return best_and_latest(self._study._get_trials(*args, **options))


def best_and_latest(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """The trials, by number, that TPE sees of one objective, which is maximised.

    Args:
        trials: complete, pruned and running ones, by number.
    """
    old, latest = trials[:-LATEST], trials[-LATEST:]
    complete = [trial for trial in old if trial.state == TrialState.COMPLETE]
    best = heapq.nlargest(BEST, complete, key=lambda trial: trial.value)
    return [*sorted(best, key=lambda trial: trial.number), *latest]


def sees_all(name: Sampler, *, two_objectives: bool) -> bool:
    """Whether a sampler reads all finished trials, and not only `best_and_latest`."""
    return two_objectives or name not in ("tpe", "random")


def _bound(study: optuna.Study) -> optuna.Study:
    """The study, bounded where it has one objective, which is maximised."""
    # With two, which trials are the best depends on them all.
    return study if len(study.directions) > 1 else cast(optuna.Study, _BoundedStudy(study))


def _make_tpe(seed: int) -> optuna.samplers.TPESampler:
    return _BoundedTpe(
        multivariate=True,
        group=True,
        constant_liar=True,
        n_startup_trials=STARTUP_TRIALS,
        seed=seed,
    )

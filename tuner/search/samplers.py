"""Samplers by name: how settings are proposed.

``tpe`` models every parameter, conditional ones included, in groups. ``gp`` and ``cmaes`` model
what all trials have in common (``cmaes`` its numbers only) and leave the rest, such as
conditional parameters, to TPE. ``nsga2`` breeds; ``random`` is what others are measured by.
"""

from __future__ import annotations

import importlib.util
import warnings

import optuna

from tuner.errors import StudyError
from tuner.search.spec import Sampler

#: Random trials before a sampler models anything, defaults included (Optuna's default).
STARTUP_TRIALS = 10
#: Parents of one generation. Optuna's 50 would leave most studies in the first, random one.
POPULATION = 20


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
                raise StudyError("sampler cmaes needs a package: pip install cmaes")
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


def _make_tpe(seed: int) -> optuna.samplers.TPESampler:
    return optuna.samplers.TPESampler(
        multivariate=True,
        group=True,
        constant_liar=True,
        n_startup_trials=STARTUP_TRIALS,
        seed=seed,
    )

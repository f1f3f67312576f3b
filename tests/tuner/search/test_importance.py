"""Importance finds the parameter that mattered, and says nothing where nothing can be said."""

from __future__ import annotations

import optuna

from tuner.search.importance import FEWEST_TRIALS, measure_importance


def run(trials: int, *, objectives: int = 1, flat: bool = False) -> optuna.Study:
    """A study in which `loud` decides, `quiet` hardly, and `nested` only where it is active."""
    study = optuna.create_study(
        directions=["maximize", "minimize"][:objectives],
        sampler=optuna.samplers.RandomSampler(seed=1),
    )
    for _ in range(trials):
        trial = study.ask()
        loud, quiet = trial.suggest_float("loud", 0, 1), trial.suggest_float("quiet", 0, 1)
        if trial.suggest_categorical("mode", [True, False]):
            trial.suggest_int("nested", 0, 9)
        score = 0.0 if flat else 10 * loud + 0.1 * quiet
        study.tell(trial, [score, quiet][:objectives])
    return study


def test_what_decides_comes_first() -> None:
    """Shares sum to 1; conditional parameters have one, too; failed trials do not count."""
    study = run(60)
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    shares = measure_importance(study)
    assert next(iter(shares)) == "loud" and shares["loud"] > 0.6
    assert set(shares) == {"loud", "quiet", "mode", "nested"}
    assert abs(sum(shares.values()) - 1) < 0.001


def test_the_first_of_two_objectives_counts() -> None:
    assert next(iter(measure_importance(run(60, objectives=2)))) == "loud"


def test_too_little_says_nothing() -> None:
    """Few trials, or trials that all scored the same."""
    assert measure_importance(run(FEWEST_TRIALS - 1)) == {}
    assert measure_importance(run(40, flat=True)) == {}
    assert measure_importance(run(FEWEST_TRIALS)) != {}

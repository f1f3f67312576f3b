"""Importance finds the parameter that mattered, and says nothing where nothing can be said."""

from __future__ import annotations

import optuna

from tuner.encoder import Parameter, RateMode
from tuner.search.importance import FEWEST_TRIALS, measure_importance
from tuner.study.space import Space

PARAMETERS = (
    Parameter("quiet", "float", 0.5, "", low=0, high=1),
    Parameter("cutoff_hz", "int", "auto", "", low=4_000, high=20_000, step=250),
)


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


def test_an_optional_number_has_one_share() -> None:
    """Whether it is a number, and which, count together under its name."""
    space = Space(PARAMETERS, (RateMode("abr", "bitrate_kbps", 8, 320),), {})
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(60):
        trial = study.ask()
        values = space.suggest(trial).as_dict()
        cutoff = values["cutoff_hz"]
        study.tell(trial, 0.0 if cutoff == "auto" else float(cutoff) + float(values["quiet"]))
    shares = measure_importance(study)
    assert list(shares) == ["cutoff_hz", "quiet"] and shares["cutoff_hz"] > 0.6


def test_the_first_of_two_objectives_counts() -> None:
    assert next(iter(measure_importance(run(60, objectives=2)))) == "loud"


def test_too_little_says_nothing() -> None:
    """Few trials, or trials that all scored the same."""
    assert measure_importance(run(FEWEST_TRIALS - 1)) == {}
    assert measure_importance(run(40, flat=True)) == {}
    assert measure_importance(run(FEWEST_TRIALS)) != {}

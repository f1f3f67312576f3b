"""Every sampler by its name, on a conditional space."""

from __future__ import annotations

import optuna
import pytest

from tuner.search import samplers
from tuner.search.samplers import STARTUP_TRIALS, make_fixed, make_sampler
from tuner.study.space import make_space
from tuner.study.spec import SAMPLERS, Sampler
from tuner.testing import FakeEncoder


@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_propose_what_the_space_allows(name: Sampler) -> None:
    """Past its random start each one proposes settings; made anew for each trial, by seed."""
    space = make_space(FakeEncoder(), {})
    study = optuna.create_study(direction="maximize")
    for number in range(STARTUP_TRIALS + 8):
        study.sampler = make_sampler(name, number)
        trial = study.ask()
        settings = space.suggest(trial)
        assert space.adopt(settings) == settings
        study.tell(trial, FakeEncoder().gain_db(settings))


@pytest.mark.parametrize("name", SAMPLERS)
def test_same_seed_same_proposal(name: Sampler) -> None:
    """What is proposed follows from seed and history alone."""
    proposals = []
    for _ in range(2):
        study = optuna.create_study(direction="maximize")
        space = make_space(FakeEncoder(), {})
        for number in range(STARTUP_TRIALS + 3):
            study.sampler = make_sampler(name, 40 + number)
            trial = study.ask()
            settings = space.suggest(trial)
            study.tell(trial, FakeEncoder().gain_db(settings))
        proposals.append(settings)
    assert proposals[0] == proposals[1]


def test_tpe_sees_the_best_and_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is neither good nor recent changes no proposal; what is good does, however old."""
    monkeypatch.setattr(samplers, "LATEST", 30)
    proposals = {}
    for name, forgotten, best in (("a", 0.1, 0.9), ("b", 0.3, 0.9), ("c", 0.1, 0.5)):
        study = optuna.create_study(direction="maximize")
        bad = [(forgotten, -9.0)] * 10
        good = [(best + number / 1000, 9.0) for number in range(samplers.BEST)]
        recent = [(number / 30, 0.0) for number in range(30)]
        for x, value in [*bad, *good, *recent]:
            study.sampler = make_fixed({"x": x})
            trial = study.ask()
            trial.suggest_float("x", 0.0, 1.0)
            study.tell(trial, value)
        study.sampler = make_sampler("tpe", 1)
        proposals[name] = study.ask().suggest_float("x", 0.0, 1.0)
    assert proposals["a"] == proposals["b"] != proposals["c"]
    assert abs(proposals["a"] - 0.9) < 0.1

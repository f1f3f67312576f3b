"""Every sampler by its name, on a conditional space."""

from __future__ import annotations

import optuna
import pytest

from tuner.search.samplers import STARTUP_TRIALS, make_sampler
from tuner.search.space import make_space
from tuner.search.spec import SAMPLERS, Sampler
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

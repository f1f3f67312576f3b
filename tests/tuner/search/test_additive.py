"""The additive model."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from tuner.encoder import Parameter, RateMode, Settings, is_number
from tuner.search import additive
from tuner.search.additive import AdditiveModel
from tuner.study.space import Space

MODES = (RateMode("abr", "bitrate_kbps", low=8, high=320), RateMode("cbr", "bitrate_kbps", 8, 320))
CHOICES = ("none", "some", "all")
PARAMETERS = (
    *(Parameter(name, "choice", "none", "", choices=CHOICES) for name in "abc"),
    Parameter("x", "float", 1.0, "", low=0.1, high=10.0, log=True),
    Parameter("y", "int", 0, "", low=0, high=100, when={"a": ("all",)}),
)
SPACE = Space(PARAMETERS, MODES, {})
BEST = Settings.of("cbr", {"a": "all", "b": "all", "c": "none", "x": 0.5, "y": 70})


def quality(settings: Settings) -> float:
    """A sum of effects, highest at about `BEST`."""
    values = settings.as_dict()
    switches = sum(values[name] == BEST.as_dict()[name] for name in "abc")
    tuned = -abs(math.log(float(values["x"]) / 0.5)) - abs(float(values.get("y", 0)) - 70) / 50
    return 60 + 3 * switches + 2 * tuned + 4 * (settings.rate_mode == "cbr")


def search(
    seed: int,
    trials: int,
    space: Space = SPACE,
    quality: Callable[[Settings], float] = quality,
) -> list[Settings]:
    """The model alone, from the default."""
    default = space.default("abr")
    model, known, tried = AdditiveModel(space), {default}, []
    model.add(0, default, quality(default))
    for number in range(1, trials):
        settings = model.propose(known, np.random.default_rng([seed, number]))
        assert settings is not None
        assert settings not in known
        assert space.adopt(settings) == settings
        known.add(settings)
        model.add(number, settings, quality(settings))
        tried.append(settings)
    return tried


def test_it_finds_a_sum_of_effects_soon() -> None:
    """Within a point of the best of 2 x 3^3 switches and two numbers in 40 trials, each seed."""
    for seed in range(5):
        assert max(quality(each) for each in search(seed, 40)) > quality(BEST) - 1


def test_it_finds_numbers_better_than_their_word() -> None:
    """Of six optional numbers those that pay, near their best values, and no others."""
    optional = [Parameter(f"o{n}", "int", "auto", "", low=0, high=20) for n in range(6)]
    space = Space(tuple(optional), MODES[:1], {})

    def worth(settings: Settings) -> float:
        numbers = {name: value for name, value in settings.values if is_number(value)}
        best = {"o0": 16, "o1": 4}
        return 60 + sum(
            3 - abs(value - best[name]) / 4 if name in best else -2
            for name, value in numbers.items()
        )

    for seed in range(5):
        found = max(search(seed, 40, space, worth), key=worth)
        assert worth(found) > 65
        assert [name for name, value in found.values if value != "auto"] == ["o0", "o1"]


def test_the_seed_decides() -> None:
    """One seed, one search; another seed, another."""
    assert search(3, 15) == search(3, 15) != search(4, 15)


def test_the_order_in_which_trials_finish_does_not_matter() -> None:
    """Two in flight may finish either way round; a resumed run reads them by number."""
    trials = list(enumerate(search(1, 12)))
    proposals = []
    for order in (trials, trials[::-1]):
        model = AdditiveModel(SPACE)
        for number, settings in order:
            model.add(number, settings, quality(settings))
        proposals.append(model.propose(set(), np.random.default_rng(0)))
    assert proposals[0] == proposals[1]


def test_it_learns_from_the_best_and_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is neither is forgotten, whichever order the trials came in."""
    monkeypatch.setattr(additive, "MEMORY", 12)
    good, old, late = search(1, 40)[-5:], search(2, 30), search(3, 8)
    proposals = []
    for forgotten in (old, old[::-1], old[:9], []):
        trials = [
            *enumerate([*good, *forgotten]),
            *((100 + number, settings) for number, settings in enumerate(late[-7:])),
        ]
        model = AdditiveModel(SPACE)
        for number, settings in trials:
            model.add(number, settings, 80.0 + number if settings in good else 10.0)
        proposals.append(model.propose(set(), np.random.default_rng(0)))
    assert len(set(proposals)) == 1


def test_what_has_no_objective_is_avoided() -> None:
    """Settings that cannot reach the bitrate teach the model that their values are bad."""
    model, known = AdditiveModel(SPACE), set()
    for number, (mode, a) in enumerate(itertools.product(("abr", "cbr"), ("none", "some"))):
        settings = SPACE.adopt(Settings.of(mode, {"a": a}))
        assert settings is not None
        known.add(settings)
        model.add(number, settings, None if mode == "abr" else 70.0 + number)
    proposed = [model.propose(known, np.random.default_rng(seed)) for seed in range(20)]
    assert sum(each is not None and each.rate_mode == "cbr" for each in proposed) >= 18


def test_nothing_to_learn_from() -> None:
    """No proposal without an objective, nor where everything is known."""
    model = AdditiveModel(SPACE)
    assert model.propose(set(), np.random.default_rng(0)) is None
    model.add(0, SPACE.default("abr"), None)
    assert model.propose(set(), np.random.default_rng(0)) is None
    small = Space(PARAMETERS[:1], MODES[:1], {})
    model, known = AdditiveModel(small), set()
    for number, choice in enumerate(CHOICES):
        settings = Settings.of("abr", {"a": choice})
        known.add(settings)
        model.add(number, settings, 50.0)
    assert model.propose(known, np.random.default_rng(0)) is None

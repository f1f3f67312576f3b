"""Variations of settings."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.encoder import RATE_MODE, Parameter, RateMode, Settings
from tuner.search.additive import vary
from tuner.study.space import Space

MODES = (RateMode("abr", "bitrate_kbps", low=8, high=320), RateMode("cbr", "bitrate_kbps", 8, 320))
PARAMETERS = (
    Parameter("ms", "choice", "auto", "stereo", choices=("auto", "on", "off")),
    Parameter("cutoff_hz", "int", "auto", "low-pass", low=4_000, high=20_000, step=250),
    Parameter("gain", "float", 1.0, "on a logarithmic scale", low=0.1, high=10.0, log=True),
    Parameter("tilt", "float", 0.0, "continuous", low=-1.0, high=1.0),
)
BEST = Settings.of("abr", {"ms": "on", "cutoff_hz": 9_000, "gain": 2.0, "tilt": 0.5})


def space(**fixed: str) -> Space:
    return Space(PARAMETERS, MODES, fixed)


def changes(one: Settings, other: Settings) -> set[str]:
    before = {RATE_MODE: one.rate_mode, **one.as_dict()}
    after = {RATE_MODE: other.rate_mode, **other.as_dict()}
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@pytest.mark.parametrize("seed", range(40))
def test_one_parameter_changes(seed: int) -> None:
    """One, within its range and on its grid; what it makes inactive goes."""
    varied = vary(space(), BEST, np.random.default_rng(seed))
    changed = changes(BEST, varied)
    assert len(changed) == 1
    assert space().adopt(varied) == varied
    assert varied.as_dict()["cutoff_hz"] in ("auto", *range(4_000, 20_001, 250))


def test_every_parameter_changes_sooner_or_later() -> None:
    """Rate mode, choices and numbers are all reached; the seed decides which."""
    rng = np.random.default_rng(1)
    seen = set().union(*(changes(BEST, vary(space(), BEST, rng)) for _ in range(100)))
    assert seen == {RATE_MODE, *BEST.as_dict()}
    cutoffs = {vary(space(), BEST, rng).as_dict()["cutoff_hz"] for _ in range(100)}
    assert "auto" in cutoffs and len(cutoffs) > 5
    back = Settings.of("abr", {**BEST.as_dict(), "cutoff_hz": "auto"})
    assert {vary(space(), back, rng).as_dict()["cutoff_hz"] for _ in range(100)} > {"auto"}
    first, again = (vary(space(), BEST, np.random.default_rng(3)) for _ in range(2))
    assert first == again


def test_fixed_values_stay() -> None:
    """What the user has fixed is never varied."""
    rng = np.random.default_rng(2)
    varied = [vary(space(ms="on"), BEST, rng) for _ in range(60)]
    assert {each.as_dict()["ms"] for each in varied} == {"on"}


def test_nothing_to_vary() -> None:
    """A space of one point gives it back."""
    only = Space(PARAMETERS[:1], MODES[:1], {"ms": "on"})
    settings = Settings.of("abr", {"ms": "on"})
    assert vary(only, settings, np.random.default_rng(0)) == settings

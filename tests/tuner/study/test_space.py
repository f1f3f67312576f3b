"""The search space against Optuna itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import optuna
import pytest

from tuner.encoder import NUMBER, Encoder, Parameter, RateMode, Settings, default_settings, validate
from tuner.errors import StudyError
from tuner.study.space import Space, make_space, parameter_of
from tuner.testing import FakeEncoder

ODD = (
    Parameter("grid", "float", 0.35, "off its own grid", low=0, high=1.05, step=0.25),
    Parameter("wide", "float", 10.0, "logarithmic", low=1, high=1000, log=True),
    Parameter("even", "int", 4, "every second", low=0, high=9, step=2),
    Parameter("deep", "int", 1, "three levels down", low=0, high=3, when={"even": (8,)}),
    Parameter("deeper", "choice", "a", "below", choices=("a", "b"), when={"deep": (2, 3)}),
    Parameter("maybe", "float", "auto", "optional", low=0, high=1, step=0.5, words=("off",)),
    Parameter("beside", "int", 0, "of a number", low=0, high=3, when={"maybe": (NUMBER,)}),
)


@dataclass(frozen=True)
class Odd(FakeEncoder):
    """An adapter with every kind of parameter."""

    @property
    def parameters(self) -> Sequence[Parameter]:  # type: ignore[override]
        return ODD

    @property
    def rate_modes(self) -> Sequence[RateMode]:  # type: ignore[override]
        return (RateMode("cbr", "bitrate_kbps", 8, 320),)


def sample(space: Space, count: int) -> list[Settings]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    found = []
    for _ in range(count):
        trial = study.ask()
        found.append(space.suggest(trial))
        study.tell(trial, 0.0)
    return found


@pytest.mark.parametrize("encoder", [FakeEncoder(), Odd()])
def test_suggestions_are_valid(encoder: Encoder) -> None:
    """Every proposal is what the adapter's declaration allows, conditions included."""
    found = sample(make_space(encoder, {}), 60)
    for settings in found:
        validate(encoder, settings)
    assert len(set(found)) > 30
    names = {name for settings in found for name, _ in settings.values}
    assert names == {parameter.name for parameter in encoder.parameters}


def test_every_rate_mode_is_searched() -> None:
    """With several modes, the mode is a parameter."""
    assert {s.rate_mode for s in sample(make_space(FakeEncoder(), {}), 20)} == {"abr", "vbr"}


def test_grids_are_kept() -> None:
    """Steps that do not divide the range stay inside it."""
    for settings in sample(make_space(Odd(), {}), 40):
        values = settings.as_dict()
        assert values["grid"] in (0.0, 0.25, 0.5, 0.75, 1.0)
        assert values["even"] in (0, 2, 4, 6, 8)


def test_defaults_in_every_mode() -> None:
    """The defaults are the encoder's own, first mode first."""
    encoder = FakeEncoder()
    wanted = [default_settings(encoder), default_settings(encoder, "vbr")]
    assert make_space(encoder, {}).defaults() == wanted


def test_enqueued_defaults_come_back() -> None:
    """What `params_of` gives is legal for Optuna, also for a default off its grid."""
    space = make_space(Odd(), {})
    study = optuna.create_study()
    study.enqueue_trial(space.params_of(space.defaults()[0]))
    suggested = space.suggest(study.ask()).as_dict()
    assert suggested == {"grid": 0.25, "wide": 10.0, "even": 4, "maybe": "auto"}
    assert space.defaults()[0].as_dict()["grid"] == 0.35


def test_fixed_values_are_honoured() -> None:
    """Fixed values, mode included, hold in proposals and defaults and are not searched."""
    space = make_space(FakeEncoder(), {"rate_mode": "vbr", "joint": False, "bandwidth_hz": "AUTO"})
    for settings in [*sample(space, 10), *space.defaults()]:
        assert settings.rate_mode == "vbr"
        assert settings.as_dict()["joint"] is False
        assert settings.as_dict()["bandwidth_hz"] == "auto"
    assert set(space.params_of(space.defaults()[0])) == {"shaping"}


def test_optional_numbers_come_back() -> None:
    """Of a word Optuna knows the word alone; of a number that it is one, and which."""
    space = make_space(Odd(), {})
    for value, dimensions in (("off", 1), (0.5, 3)):
        settings = space.adopt(Settings.of("cbr", {"maybe": value, "beside": 2}))
        assert settings is not None
        params = {k: v for k, v in space.params_of(settings).items() if k[:1] in "mb"}
        assert len(params) == dimensions
        assert {parameter_of(name) for name in params} <= {"maybe", "beside"}
        study = optuna.create_study()
        study.enqueue_trial(space.params_of(settings))
        again = space.suggest(study.ask())
        assert again.as_dict()["maybe"] == value and ("beside" in again.as_dict()) == (value == 0.5)


def test_optional_numbers_are_fixed_by_either() -> None:
    """A number, a text that is one, a word in any case; a switch stands for the word "off"."""
    for raw, value in ((0.5, 0.5), ("1", 1.0), ("Off", "off"), (False, "off"), ("auto", "auto")):
        assert make_space(Odd(), {"maybe": raw}).fixed["maybe"] == value
    allowed = "auto or off or a number from 0 to 1"
    with pytest.raises(StudyError, match=rf"must be {allowed} \(got '7'\)"):
        make_space(Odd(), {"maybe": 7})


def test_texts_from_the_command_line_are_read() -> None:
    """`--fixed joint=false shaping=5` gives a boolean and a whole number."""
    space = make_space(FakeEncoder(), {"joint": "false", "shaping": "5"})
    assert space.fixed["joint"] is False
    assert space.fixed["shaping"] == 5 and isinstance(space.fixed["shaping"], int)


def test_wrong_fixed_values_are_named() -> None:
    """All wrong names and values are told at once, with what is allowed."""
    fixed = {"rate_mode": "cbr", "joynt": True, "shaping": 11, "bandwidth_hz": "narrow"}
    with pytest.raises(StudyError) as caught:
        make_space(FakeEncoder(), fixed)
    message = str(caught.value)
    assert "abr, vbr" in message and "joynt" in message
    assert (
        "an integer from 0 to 10" in message
        and "auto or an integer from 4000 to 20000 Hz" in message
    )


def test_digest_changes_with_declaration_and_fixed_values() -> None:
    """A changed range or fixed value is another space."""
    digests = {
        make_space(FakeEncoder(), {}).digest(),
        make_space(FakeEncoder(), {"joint": True}).digest(),
        make_space(Odd(), {}).digest(),
    }
    assert len(digests) == 3
    assert make_space(FakeEncoder(), {}).digest() in digests

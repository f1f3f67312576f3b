"""Adapters of programs that are not on this machine: sound declarations, clear errors."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from encoders.shipped import exhale, faac, fdkaac, qaac
from encoders.toml_file import TomlEncoder
from tuner.encoder import (
    RATE_MODE,
    EncoderMissing,
    Settings,
    SettingsError,
    active_parameters,
    default_settings,
    validate,
)

ADAPTERS: list[TomlEncoder] = [fdkaac(), faac(), qaac(), exhale()]
CLIP = np.zeros((2, 4800), np.float32)


@pytest.fixture(params=ADAPTERS, ids=lambda adapter: adapter.name)
def encoder(request: pytest.FixtureRequest) -> TomlEncoder:
    adapter: TomlEncoder = request.param
    return adapter


def test_travels_to_other_processes(encoder: TomlEncoder) -> None:
    """The adapter pickles."""
    assert pickle.loads(pickle.dumps(encoder)) == encoder


def test_says_that_it_was_not_run(encoder: TomlEncoder) -> None:
    """The file tells the reader, and from what it was built."""
    assert "# Not run here: built from the" in encoder.text


def test_conditions_name_earlier_parameters_and_their_values(encoder: TomlEncoder) -> None:
    """Every condition can come true, and nothing is declared twice."""
    known: dict[str, set[object]] = {RATE_MODE: {mode.name for mode in encoder.rate_modes}}
    for parameter in encoder.parameters:
        assert parameter.name not in known
        for name, values in parameter.when.items():
            assert set(values) <= known[name], f"{parameter.name}: {name}"
        known[parameter.name] = set(parameter.choices)
        assert parameter.meaning and "\n" not in parameter.meaning


def test_knobs_are_legal_from_end_to_end(encoder: TomlEncoder) -> None:
    """Each rate mode takes both its ends, and makes another command of each knob."""
    for mode in encoder.rate_modes:
        settings = default_settings(encoder, mode.name)
        commands = set()
        knobs = mode.table or [mode.low, mode.snap((mode.low + mode.high) / 2), mode.high]
        for knob in knobs:
            validate(encoder, settings, knob)
            commands.add(tuple(encoder.command_line(settings, knob, "in.wav", "out.m4a")))
        assert len(commands) == len(knobs)


def test_every_value_makes_its_own_command(encoder: TomlEncoder) -> None:
    """No two values of a parameter come to the same command, in any mode where it is active."""
    for mode in encoder.rate_modes:
        for parameter in encoder.parameters:
            needed = {n: v[0] for n, v in parameter.when.items() if n != RATE_MODE}
            active = active_parameters(encoder.parameters, mode.name, needed)
            if parameter not in active:
                continue
            values = parameter.choices or (parameter.low, parameter.high, parameter.default)
            commands = set()
            for value in values:
                assert value is not None
                chosen = {**needed, parameter.name: value}
                active = active_parameters(encoder.parameters, mode.name, chosen)
                settings = Settings.of(mode.name, {p.name: p.default for p in active} | chosen)
                knob = mode.snap((mode.low + mode.high) / 2)
                commands.add(tuple(encoder.command_line(settings, knob, "in.wav", "out.m4a")))
            assert len(commands) == len(set(values)), parameter.name


def test_hostile_names_stay_names(encoder: TomlEncoder) -> None:
    """A file called like an option is given with its folder."""
    words = encoder.command_line(default_settings(encoder), _knob(encoder), "-q.wav", "-o.m4a")
    assert words[0] == encoder.program
    assert {"./-q.wav", "./-o.m4a"} <= set(words)


def test_missing_program_tells_its_remedy(encoder: TomlEncoder, tmp_path: Path) -> None:
    """Both an encode and the version say what to install."""
    absent = type(encoder)(binary=str(tmp_path / "no-such-binary"))
    remedy = encoder.remedy.split(" (")[0]
    with pytest.raises(EncoderMissing, match=f"no-such-binary.*{remedy}"):
        absent.encode(CLIP, 48_000, default_settings(absent), _knob(absent))
    with pytest.raises(EncoderMissing, match=f"no-such-binary.*{remedy}"):
        _ = absent.version


def test_another_program_tells_the_remedy(encoder: TomlEncoder) -> None:
    """A program that does not answer as this one does is not taken for it."""
    with pytest.raises(EncoderMissing, match="printed no version"):
        _ = type(encoder)(binary="true").version


def test_illegal_knobs_are_refused(encoder: TomlEncoder) -> None:
    """Beyond both ends, and between the entries of a table."""
    for mode in encoder.rate_modes:
        settings = default_settings(encoder, mode.name)
        between = [mode.low + 0.5] if mode.table else []
        for knob in [mode.low - 1, mode.high + 1, *between]:
            with pytest.raises(SettingsError, match=mode.knob):
                encoder.command_line(settings, knob, "in.wav", "out.m4a")


def _knob(encoder: TomlEncoder) -> float:
    mode = encoder.rate_modes[0]
    return mode.snap((mode.low + mode.high) / 2)

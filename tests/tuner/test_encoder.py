"""The adapter's declarations: parameters, rate modes, settings and their checks."""

import pickle
from collections.abc import Sequence

import pytest

from tuner.encoder import (
    NUMBER,
    Encoded,
    Encoder,
    Parameter,
    Pcm,
    RateMode,
    Settings,
    Value,
    Version,
    active_parameters,
    default_settings,
    find_rate_mode,
    validate,
)
from tuner.errors import DecodeFailed, EncoderFailed, OptionIgnored, SettingsError
from tuner.testing import FakeEncoder

BESIDE_A_NUMBER: dict[str, tuple[Value, ...]] = {"bandwidth_hz": (NUMBER,)}


class Tilting(FakeEncoder):
    """The fake with a parameter that is active beside any number of another one."""

    parameters = (
        *FakeEncoder.parameters,
        Parameter("tilt", "int", 0, "of the low-pass", low=0, high=3, when=BESIDE_A_NUMBER),
    )


CHAIN = [
    Parameter("a", "choice", "x", "first", choices=("x", "y")),
    Parameter("b", "choice", 1, "needs a = y", choices=(1, 2), when={"a": ("y",)}),
    Parameter("c", "float", 0.5, "needs b = 2", low=0, high=1, when={"b": (2,)}),
    Parameter("d", "int", 3, "needs vbr", low=1, high=5, when={"rate_mode": ("vbr",)}),
]


@pytest.mark.parametrize(
    ("rate_mode", "values", "active"),
    [
        ("cbr", {}, "a"),
        ("vbr", {}, "ad"),
        ("cbr", {"a": "y"}, "ab"),
        ("cbr", {"a": "y", "b": 2}, "abc"),
        ("cbr", {"b": 2}, "a"),
    ],
)
def test_conditions_chain(rate_mode: str, values: dict[str, Value], active: str) -> None:
    """A parameter is active only if what it depends on is active and has a right value."""
    assert "".join(p.name for p in active_parameters(CHAIN, rate_mode, values)) == active


@pytest.mark.parametrize(
    ("value", "allowed"),
    [(1, True), (5, True), (3.0, True), (0, False), (6, False), (2.5, False), (True, False)],
)
def test_int_range(value: Value, allowed: bool) -> None:
    """Ints lie in their closed range; bools and fractions are not ints."""
    assert CHAIN[3].allows(value) is allowed


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        *[("auto", True), ("off", True), (0, True), (5, True)],
        *[("Auto", False), ("", False), ("5", False), (6, False), (False, False)],
    ],
)
def test_a_number_or_a_word(value: Value, allowed: bool) -> None:
    """An optional number is one parameter; its default is one of its words."""
    parameter = Parameter("f", "int", "auto", "optional", low=0, high=5, words=("off",))
    assert parameter.words == ("auto", "off")
    assert parameter.allows(value) is allowed


def test_active_beside_any_number() -> None:
    """`NUMBER` in a condition stands for every number, and for no word and no switch."""
    for value, names in (("auto", 3), (9_000, 4), (14_500, 4)):
        assert len(active_parameters(Tilting.parameters, "abr", {"bandwidth_hz": value})) == names
    chain = [
        Parameter("g", "choice", True, "a switch", choices=(True, False)),
        Parameter("h", "int", 1, "below", low=0, high=3, when={"g": (NUMBER,)}),
    ]
    assert len(active_parameters(chain, "abr", {"g": True})) == 1


def test_snap_and_place_of_a_parameter() -> None:
    """To the grid, whose last point may lie below the end; a place is relative to the range."""
    grid = Parameter("i", "float", 0.35, "off its own grid", low=0, high=1.05, step=0.25)
    assert [grid.snap(x) for x in (-1, 0.35, 0.9, 1.05, 7)] == [0, 0.25, 1.0, 1.0, 1.0]
    assert isinstance(CHAIN[3].snap(2.4), int) and CHAIN[3].snap(2.4) == 2
    wide = Parameter("j", "float", 10.0, "logarithmic", low=1, high=100, log=True)
    assert [wide.place(x) for x in (0.5, 1, 10, 100)] == [0, 0, 0.5, 1]
    assert wide.snap(3.3) == 3.3


def test_choices_tell_types_apart() -> None:
    """True is not 1, and 20 is not 20.0: they would hash to different settings."""
    choice = Parameter("e", "choice", 1, "numbers", choices=(1, 2.0))
    assert choice.allows(1) and choice.allows(2.0)
    assert not choice.allows(True)
    assert not choice.allows(2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "not a name", "kind": "choice", "default": 1, "choices": (1, 2)},
        {"name": "a", "kind": "choice", "default": 1, "choices": (1,)},
        {"name": "a", "kind": "choice", "default": 3, "choices": (1, 2)},
        {"name": "a", "kind": "int", "default": 3},
        {"name": "a", "kind": "float", "default": 3.0, "low": 4, "high": 5},
        {"name": "a", "kind": "float", "default": 4.0, "low": 4, "high": 4},
        {"name": "a", "kind": "choice", "default": 1, "choices": (1, 2), "words": ("auto",)},
        {"name": "a", "kind": "int", "default": "number", "low": 1, "high": 2},
        {"name": "a", "kind": "int", "default": True, "low": 0, "high": 2},
    ],
)
def test_contradictory_declarations_are_refused(wrong: dict[str, object]) -> None:
    """A wrong declaration fails at once and names the parameter."""
    with pytest.raises(ValueError, match=str(wrong["name"])):
        Parameter(meaning="", **wrong)  # type: ignore[arg-type]


class Simple(Encoder):
    """What every adapter must define, and no more."""

    name = "simple"
    version = Version("1", "simple", "0" * 16)
    parameters = ()
    rate_modes = (RateMode("cbr", "bitrate_kbps", 8, 320),)

    def encode(self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float) -> Encoded:
        return Encoded(b"", "", 1, 0.0)

    def decode(self, encoded: Encoded) -> tuple[Pcm, int]:
        raise DecodeFailed("never")

    def command_line(
        self, settings: Settings, knob: float, source: str, target: str
    ) -> Sequence[str]:
        return [source, target]


def test_a_simple_adapter_inherits_the_rest() -> None:
    """Members that few adapters need have defaults; without a needed one there is no object."""
    simple = Simple()
    assert simple.presets == () and simple.programs() == ()
    assert simple.teaches and not simple.reads_floats
    assert simple.latency_ms(default_settings(simple)) is None

    class Half(Simple):
        encode = Encoder.encode

    with pytest.raises(TypeError, match="encode"):
        Half()  # type: ignore[abstract]


@pytest.mark.parametrize(("knob", "snapped"), [(72, 64), (100, 96), (1, 32), (999, 128)])
def test_snap_to_a_table(knob: float, snapped: float) -> None:
    """The nearest legal value wins."""
    assert RateMode("cbr", "kbps", 32, 128, table=(32, 64, 96, 128)).snap(knob) == snapped


@pytest.mark.parametrize(("knob", "snapped"), [(0.13, 0.1), (0.17, 0.2), (-1, 0.1), (99, 0.96)])
def test_snap_to_a_grid(knob: float, snapped: float) -> None:
    """Steps count from the low end; the high end is never passed."""
    assert RateMode("vbr", "quality", 0.1, 0.96, step=0.1).snap(knob) == snapped


def test_snapped_values_are_legal() -> None:
    """Rounding never leaves the range, whatever the ends (a low end of 12/118 once did)."""
    mode = RateMode("vbr", "quality", 12 / 118, 10 / 3, step=1 / 118)
    for knob in (0, mode.low, 0.5, mode.high, 9):
        assert mode.low <= mode.snap(knob) <= mode.high


def test_snap_without_a_grid() -> None:
    """A continuous knob is only limited."""
    mode = RateMode("vbr", "quality", 0, 1)
    assert [mode.snap(k) for k in (-1, 0.123456, 2)] == [0, 0.123456, 1]


def test_rate_mode_refuses_contradictions() -> None:
    """An empty range and a table out of order are errors."""
    with pytest.raises(ValueError, match="low"):
        RateMode("cbr", "kbps", 5, 5)
    with pytest.raises(ValueError, match="ascend"):
        RateMode("cbr", "kbps", 1, 5, table=(5, 1))


def test_settings_are_canonical() -> None:
    """The order of values does not matter, their types and the rate mode do."""
    one = Settings("abr", (("b", 2), ("a", 1)))
    assert one == Settings.of("abr", {"a": 1, "b": 2})
    assert one.digest() == Settings.of("abr", {"a": 1, "b": 2}).digest()
    others = [
        Settings.of("vbr", {"a": 1, "b": 2}),
        Settings.of("abr", {"a": 1, "b": 2.0}),
        Settings.of("abr", {"a": True, "b": 2}),
    ]
    assert len({one.digest(), *(other.digest() for other in others)}) == 4


def test_default_settings_hold_exactly_the_active_parameters() -> None:
    """What the encoder does by itself, in each rate mode."""
    settings = default_settings(FakeEncoder())
    assert settings.rate_mode == "abr"
    assert settings.as_dict() == {"shaping": 3, "joint": True, "bandwidth_hz": "auto"}
    assert default_settings(FakeEncoder(), "vbr").rate_mode == "vbr"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"shaping": 3, "joint": True}, "no value for bandwidth_hz"),
        ({"shaping": 99, "joint": True, "bandwidth_hz": "auto"}, "shaping=99"),
        ({"shaping": 3, "joint": True, "bandwidth_hz": "auto", "typo": 1}, "unknown.*typo"),
        ({"shaping": 3, "joint": True, "bandwidth_hz": "manual"}, "bandwidth_hz='manual'"),
        ({"shaping": 3, "joint": True, "bandwidth_hz": 100}, "bandwidth_hz=100"),
        ({"shaping": 3, "joint": True, "bandwidth_hz": "auto", "tilt": 1}, "tilt.*not active"),
        ({"shaping": 3, "joint": True, "bandwidth_hz": 9000}, "no value for tilt"),
    ],
)
def test_validate_names_what_is_wrong(values: dict[str, Value], message: str) -> None:
    """Every kind of wrong settings is refused by name."""
    with pytest.raises(SettingsError, match=message):
        validate(Tilting(), Settings.of("abr", values))


def test_validate_checks_the_knob() -> None:
    """Knobs outside the range or the table are refused; legal ones give the mode."""
    encoder = FakeEncoder()
    assert validate(encoder, default_settings(encoder), 64.0).name == "abr"
    with pytest.raises(SettingsError, match="321"):
        validate(encoder, default_settings(encoder), 321)


def test_unknown_rate_mode_lists_the_known_ones() -> None:
    """The message helps."""
    with pytest.raises(SettingsError, match="abr, vbr"):
        find_rate_mode(FakeEncoder(), "cbr")


@pytest.mark.parametrize("kind", [EncoderFailed, OptionIgnored])
def test_failures_cross_process_borders(kind: type[EncoderFailed]) -> None:
    """The error keeps its type and content when pickled; long stderr keeps its end."""
    error = kind("exit code 1", ["enc", "a b"], 1, "x" * 5000 + "the end")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert copy.stderr.endswith("the end") and len(copy.stderr) < 5000
    assert "'a b'" in str(copy)

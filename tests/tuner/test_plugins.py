"""Adapters are found by entry point: our own, outsiders', and broken ones."""

from pathlib import Path

import pytest

from tuner.encoder import Encoder, default_settings
from tuner.errors import EncoderMissing
from tuner.plugins import encoder_names, load_encoder

#: An outsider's module: one good adapter and several that are not.
MODULE = """
from tuner.testing import FakeEncoder as Good
class Half:
    name = "half"
    def __init__(self, binary=None): pass
class Picky:
    def __init__(self): raise OSError("no licence key")
NOT_CALLABLE = 5
"""
ENTRY_POINTS = """[tuner.encoders]
good = outsider_codec:Good
half = outsider_codec:Half
picky = outsider_codec:Picky
number = outsider_codec:NOT_CALLABLE
gone = outsider_codec:Gone
unimportable = no_such_module_anywhere:X
syntax = outsider_syntax:X
opus = outsider_codec:Good
"""


@pytest.fixture
def outsider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package outsider-codec 2.0, as pip leaves it."""
    (tmp_path / "outsider_codec.py").write_text(MODULE)
    (tmp_path / "outsider_syntax.py").write_text("def")
    info = tmp_path / "outsider_codec-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outsider-codec\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize("name", ["aac", "lame", "opus"])
def test_built_in_adapters_come_through_the_same_door(name: str) -> None:
    """Each built-in one is listed under our distribution and loads."""
    assert encoder_names()[name].startswith("codec-tuner ")
    encoder = load_encoder(name)
    assert isinstance(encoder, Encoder)
    assert encoder.name == name


def test_binary_is_handed_to_the_adapter() -> None:
    """A configured binary reaches the adapter; it is not run before it is needed."""
    encoder = load_encoder("aac", binary="/nowhere/ffmpeg")
    with pytest.raises(EncoderMissing, match="/nowhere/ffmpeg"):
        _ = encoder.version


@pytest.mark.usefixtures("outsider")
def test_outsiders_adapter() -> None:
    """An outsider's adapter is listed with its distribution and works."""
    assert encoder_names()["good"] == "outsider-codec 2.0"
    encoder = load_encoder("good")
    assert default_settings(encoder).rate_mode == "abr"


def test_unknown_name_lists_the_known_ones() -> None:
    """The message says what there is."""
    with pytest.raises(EncoderMissing, match=r"'vorbs'.*aac.*lame.*opus"):
        load_encoder("vorbs")


@pytest.mark.usefixtures("outsider")
@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("half", "lacks version, parameters"),
        ("picky", "no licence key"),
        ("number", "TypeError"),
        ("gone", "Gone"),
        ("unimportable", "no_such_module_anywhere"),
        ("syntax", "SyntaxError"),
    ],
)
def test_broken_plug_ins_are_named(name: str, cause: str) -> None:
    """The distribution and the cause are in the message."""
    with pytest.raises(EncoderMissing, match=f"outsider-codec 2.0.*{cause}"):
        load_encoder(name)


@pytest.mark.usefixtures("outsider")
def test_two_adapters_of_one_name() -> None:
    """Neither wins in silence."""
    with pytest.raises(EncoderMissing, match=r"codec-tuner .* and outsider|outsider.* and codec"):
        load_encoder("opus")

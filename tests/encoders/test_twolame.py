"""twolame keeps the adapters' contract, and what it says of bad options is an error."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from encoders.twolame import Twolame, find_twolame
from encoders.twolame_ffmpeg import TwolameFfmpeg
from tuner.encoder import Value, default_settings, settings_of
from tuner.errors import EncoderFailed, OptionIgnored
from tuner.testing import EncoderContract, make_clip

RATE = 48_000
CLIP = make_clip()


class TestTwolame(EncoderContract):
    encoder = Twolame()


@dataclass(frozen=True)
class Misused(Twolame):
    """twolame with options that it does not know, or replaces."""

    extra: tuple[str, ...] = ()

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        return [*super().options(mode, values, knob), *self.extra]


#: The defaults with some values changed: (mode, name=value …).
settings = partial(settings_of, Twolame.parameters)


def command(mode: str, knob: float, **changes: Value) -> str:
    """The command line in one text."""
    return " ".join(Twolame().command_line(settings(mode, **changes), knob, "a.wav", "b.mp2"))


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (("--no-such",), "unrecognized option"),
        (("-b", "100"), "Not a valid bitrate"),
        (("-b", "80"), "invalid bitrate for 2ch encoding"),
        (("-P", "5"), "Invalid psy model"),
        (("-m", "x"), "exit code 1"),
        (("-q", "0"), "SIGFPE"),
    ],
)
def test_refused_options_are_errors(extra: tuple[str, ...], said: str) -> None:
    """With twolame's words, where it has any."""
    with pytest.raises(EncoderFailed, match=said):
        Misused(extra=extra).encode(CLIP, RATE, settings("cbr"), 128)


def test_replaced_options_are_errors() -> None:
    """Joint stereo with VBR: exit code 0, but normal stereo."""
    with pytest.raises(OptionIgnored, match="Can't do") as caught:
        Misused(extra=("-m", "j")).encode(CLIP, RATE, settings("vbr"), 0)
    assert caught.value.exit_code == 0


def test_mono_stays_mono() -> None:
    """Asked for joint stereo twolame would make two channels of one: it is not asked."""
    mono = make_clip(1)
    encoder = Twolame()
    joint, plain = (
        encoder.encode(mono, RATE, settings("cbr", joint_stereo=joint), 128)
        for joint in (True, False)
    )
    assert joint.data == plain.data


def test_illegal_rates_for_mono_are_errors() -> None:
    """Mono has at most 192 kb/s."""
    with pytest.raises(EncoderFailed, match="invalid bitrate for mono encoding"):
        Misused(extra=("-b", "224")).encode(make_clip(1), RATE, settings("cbr"), 128)


def test_commands() -> None:
    """Defaults are left out; the ATH level comes with the models that have one."""
    assert command("cbr", 128) == "twolame -b 128 a.wav b.mp2"
    assert command("vbr", -2.5) == "twolame -V -2.5 a.wav b.mp2"
    values: dict[str, Value] = {"psy_model": 4, "ath_level_db": -10.0, "joint_stereo": True}
    assert command("cbr", 112, **values) == "twolame -b 112 -P 4 -l -10 -m j a.wav b.mp2"
    assert command("cbr", 96, psy_model=1, quick_frames=3) == (
        "twolame -b 96 -P 1 -q 3 a.wav b.mp2"
    )


def test_whole_files_repeat() -> None:
    """Not only the payload; there is no container."""
    first, second = (Twolame().encode(CLIP, RATE, settings("cbr"), 128) for _ in "12")
    assert first.data == second.data
    assert first.payload_bits == 8 * len(first.data)


def test_both_doors_code_the_same() -> None:
    """The command line and the library inside ffmpeg, from 16 bits."""
    clip = np.round(CLIP * 32767) / np.float32(32768)
    theirs = TwolameFfmpeg()
    ours = Twolame().decode(Twolame().encode(clip, RATE, settings("cbr"), 128))[0]
    encoded = theirs.encode(clip, RATE, default_settings(theirs), 128)
    np.testing.assert_array_equal(theirs.decode(encoded)[0], ours)


def test_version_names_the_library() -> None:
    """TwoLAME's version is the library's."""
    assert Twolame().version.text.startswith("TwoLAME version 0.")


def test_finds_a_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line where it is there or named, else ffmpeg."""
    assert find_twolame() == Twolame()
    assert find_twolame("/nowhere/twolame") == Twolame("/nowhere/twolame")
    monkeypatch.setenv("PATH", os.devnull)
    assert find_twolame() == TwolameFfmpeg()

"""mpcenc keeps the adapters' contract, and what it says of bad options is an error."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import pytest

from encoders.musepack import Musepack
from tuner.encoder import Encoded, Value, settings_of
from tuner.errors import EncoderFailed, OptionIgnored
from tuner.testing import EncoderContract, make_clip

RATE = 48_000
CLIP = make_clip()


class TestMusepack(EncoderContract):
    encoder = Musepack()
    aliases: ClassVar[Mapping[str, str]] = {
        "cvd": "finds no voice in the contract's clips: test_voices_are_found shows the effect",
    }


@dataclass(frozen=True)
class Misused(Musepack):
    """mpcenc with options that it does not know, or that it comments on."""

    extra: tuple[str, ...] = ()

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        return [*super().options(mode, values, knob), *self.extra]


#: The defaults with some values changed.
settings = partial(settings_of, Musepack.parameters, "vbr")


def encode(
    encoder: Musepack, clip: np.ndarray = CLIP, knob: float = 4, **changes: Value
) -> Encoded:
    """One encode with the defaults but for `changes`."""
    return encoder.encode(clip, RATE, settings(**changes), knob)


def test_unknown_options_are_errors() -> None:
    """mpcenc offers to go on, and gets no answer."""
    with pytest.raises(EncoderFailed, match="unknown option '--no-such'"):
        encode(Misused(extra=("--no-such", "1")))


def test_missing_arguments_are_errors() -> None:
    """An option at the end without its number."""
    with pytest.raises(EncoderFailed, match="Missing argument for option"):
        Misused(extra=("--nmt",)).encode(CLIP, RATE, settings(), 4)


def test_replaced_stereo_modes_are_errors() -> None:
    """Exit code 0, but the mode was replaced."""
    with pytest.raises(OptionIgnored, match="Unknown") as caught:
        encode(Misused(extra=("--ms", "2")))
    assert caught.value.exit_code == 0


def test_sample_rates_that_it_does_not_take_are_errors() -> None:
    """32, 37.8, 44.1 and 48 kHz only."""
    with pytest.raises(EncoderFailed, match="16 kHz is not supported"):
        Musepack().encode(CLIP[:, :16_000], 16_000, settings(), 4)


def test_notes_the_bandwidth() -> None:
    """What mpcenc chooses from the quality is a fact to record."""
    assert encode(Musepack()).notes == ("Maximum encoded bandwidth: 16.5 kHz",)
    narrow = encode(Musepack(), bandwidth_hz=9_000)
    assert narrow.notes == ("Maximum encoded bandwidth:  9.8 kHz",)


def test_notes_clipping() -> None:
    """Samples that overflow inside the encoder are a fact to record."""
    notes = encode(Misused(extra=("--scale", "60"))).notes
    assert any("SCF clippings" in note for note in notes)


def test_quality_comes_first() -> None:
    """It resets whatever stands before it."""
    values = settings(nmt_db=2.5, ear_model="mix", ltq_rolloff=7, cvd="2", ms="15")
    command = Musepack().command_line(values, 3.25, "a.wav", "b.mpc")
    assert command[:3] == ["mpcenc", "--quality", "3.25"]
    assert " ".join(command[3:]) == "--nmt 2.5 --ltq 407 --ms 15 --cvd 2 a.wav b.mpc"


def test_defaults_are_those_of_a_bare_command() -> None:
    """Nothing but the quality is said."""
    command = Musepack().command_line(settings(), 5, "a.wav", "b.mpc")
    assert command == ["mpcenc", "--quality", "5", "a.wav", "b.mpc"]


def test_voices_are_found() -> None:
    """Each level of the clear voice detection codes a high voice its own way."""
    time_s = np.arange(RATE) / RATE
    phase = 2 * np.pi * (800 * time_s + 3 * np.sin(2 * np.pi * 5 * time_s) / 5)
    voice = sum(np.sin(n * phase) / n for n in range(1, 10)) * 0.1
    clip = np.stack([voice, voice]).astype(np.float32) + CLIP * 0.01
    files = {encode(Musepack(), clip, cvd=level).data for level in ("0", "1", "2")}
    assert len(files) == 3


def test_whole_files_repeat() -> None:
    """Not only the payload."""
    assert encode(Musepack()).data == encode(Musepack()).data


def test_payload_leaves_the_container_out() -> None:
    """Audio packets without their headers: the file has 40 to 100 bytes more."""
    encoded = encode(Musepack())
    assert 40 < len(encoded.data) - encoded.payload_bits / 8 < 100


def test_version_names_the_program() -> None:
    """The codec is part of the program."""
    assert Musepack().version.text.startswith("MPC Encoder 1.")

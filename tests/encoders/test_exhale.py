"""exhale's commands, notes and version, with a script in its place."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from encoders.shipped import exhale
from tuner.encoder import Encoded, Value, settings_of
from tuner.errors import EncoderFailed, OptionIgnored
from tuner.testing import make_clip

#: ``exhale -v``.
BANNER = "exhale 1.2.1 (x64)\n"
#: What it tells of an encode with preset 0 at 48 kHz, from its source.
TELLS = """
  ---------------------------------------------------------------------
 | version 1.2.1 (x64, built on May  1 2025) - written by C.R.Helmrich |
  ---------------------------------------------------------------------

 NOTE: Downsampling the input audio from 48 kHz to 32 kHz with preset mode 0

 WARNING: The usage of preset mode 0 is not recommended since the audio quality
 resulting from preset 0 does not reflect the full capabilities of the Extended
 HE-AAC standard. Therefore, use the lowest bit-rate modes only when necessary!

 Encoding 32-kHz 2-channel 24-bit WAVE to low-complexity xHE-AAC at 48 kbit/s

 Done, actual average 47.1 kbit/s
"""
CLIP = make_clip()


#: The defaults with some values changed: (mode, name=value …).
settings = partial(settings_of, exhale().parameters)


def encode(binary: str) -> Encoded:
    """One encode with the defaults at preset 3, exhale's own."""
    return exhale(binary=binary).encode(CLIP, 48_000, settings("cvbr"), 3)


@pytest.mark.parametrize(
    ("mode", "knob", "changes", "words"),
    [
        ("cvbr", 0, {}, "0 - 0"),
        ("cvbr", 9, {}, "9 - 0"),
        ("cvbr_sbr", 0, {}, "a - 0"),
        ("cvbr_sbr", 6, {}, "g - 0"),
        ("cvbr", 5, {"noise_filling": False}, "5 n 0"),
        ("cvbr_sbr", 1, {"independent_interval": 42}, "b - 42"),
        ("cvbr", 2, {"noise_filling": False, "independent_interval": 99}, "2 n 99"),
    ],
)
def test_commands(
    mode: str,
    knob: float,
    changes: dict[str, Value],
    words: str,
    stand_in: Callable[..., Any],
) -> None:
    """Always the expert mode's six words: with five exhale would read its stdin."""
    chosen = settings(mode, **changes)
    command = exhale().command_line(chosen, knob, "in.wav", "out.m4a")
    assert " ".join(command) == f"exhale {words} in.wav out.m4a"
    assert len(command) == 6
    program = stand_in()
    exhale(binary=program.binary).encode(CLIP, 48_000, chosen, knob)
    assert program.arguments()[:-2] == words.split()


def test_what_it_tells_are_notes(stand_in: Callable[..., Any]) -> None:
    """Resampling and advice are facts, not complaints."""
    encoded = encode(stand_in(says=TELLS).binary)
    assert encoded.payload_bits > 0
    assert encoded.notes == (
        "NOTE: Downsampling the input audio from 48 kHz to 32 kHz with preset mode 0",
        "WARNING: The usage of preset mode 0 is not recommended since the audio quality",
        "Encoding 32-kHz 2-channel 24-bit WAVE to low-complexity xHE-AAC at 48 kbit/s",
    )


@pytest.mark.parametrize(
    "says",
    [
        " WARNING: 40000 sample frames read but 48000 sample frames expected!\n",
        " WARNING: The encoded MPEG-4 bit-stream is likely to be unreadable!\n",
    ],
)
def test_complaints_are_errors(says: str, stand_in: Callable[..., Any]) -> None:
    """exhale's warnings of damage come with exit code 0."""
    with pytest.raises(OptionIgnored):
        encode(stand_in(says=says).binary)


def test_exit_codes_that_end_as_0(stand_in: Callable[..., Any]) -> None:
    """Code 1024 is 0 to the system: the missing output is the error, exhale's word is kept."""
    says = " ERROR while trying to encode input audio data! The audio stream is too short!\n"
    with pytest.raises(EncoderFailed, match=r"no output[^$]*too short"):
        encode(stand_in(says=says, writes=False, code=1024 % 256).binary)


def test_version(stand_in: Callable[..., Any]) -> None:
    """Program and library are one."""
    program = stand_in(exhale().version_arguments, BANNER)
    assert exhale(binary=program.binary).version.text == "exhale 1.2.1"

"""qaac's commands, notes and version, with a script in its place."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from encoders.shipped import qaac
from tuner.encoder import Encoded, Value, settings_of
from tuner.errors import EncoderFailed, OptionIgnored
from tuner.testing import make_clip

#: ``qaac --check``: program and library, then modules, on stderr.
BANNER = "qaac 2.82, CoreAudioToolbox 7.10.9.0\nlibsoxconvolver 0.1.0\nlibsoxr-0.1.2\n"
#: What it tells of an encode, from its source.
TELLS = """qaac 2.82, CoreAudioToolbox 7.10.9.0

out.m4a
AAC-LC Encoder, CVBR 128kbps, Quality 96
\r[100.0%] 0:01.000/0:01.000 (10.0x), ETA 0:00.000
48000/48000 samples processed in 0:00.100
Overall bitrate: 130.2kbps
\rOptimizing...done
"""
CLIP = make_clip()


#: The defaults with some values changed: (mode, name=value …).
settings = partial(settings_of, qaac().parameters)


def encode(binary: str) -> Encoded:
    """One encode with the defaults at 130 kb/s."""
    return qaac(binary=binary).encode(CLIP, 48_000, settings("cvbr"), 130)


@pytest.mark.parametrize(
    ("mode", "knob", "changes", "words"),
    [
        ("tvbr", 91, {}, "-V 91"),
        ("tvbr", 0, {"quality": 0}, "-V 0 -q 0"),
        ("cvbr", 128, {}, "-v 128"),
        ("abr", 64, {"he": True}, "-a 64 --he"),
        ("cbr", 96, {"quality": 1, "sample_rate": "auto"}, "-c 96 -q 1 -r auto"),
        ("tvbr", 45, {"lowpass_hz": 14_000}, "-V 45 --lowpass 14000"),
    ],
)
def test_commands(
    mode: str,
    knob: float,
    changes: dict[str, Value],
    words: str,
    stand_in: Callable[..., Any],
) -> None:
    """What a user types, and the same with other names is what runs."""
    chosen = settings(mode, **changes)
    command = qaac().command_line(chosen, knob, "in.wav", "out.m4a")
    assert " ".join(command) == f"qaac {words} -o out.m4a in.wav"
    program = stand_in()
    qaac(binary=program.binary).encode(CLIP, 48_000, chosen, knob)
    assert program.arguments()[:-3] == words.split()


def test_true_vbr_has_15_qualities_and_no_he() -> None:
    """The wiki's steps, evenly spread; "TVBR is not available for HE"."""
    qualities = qaac().rate_modes[0].table
    assert len(qualities) == 15
    assert all(abs(q - 127 * i / 14) <= 0.5 for i, q in enumerate(qualities))
    assert "he" not in settings("tvbr").as_dict()


def test_rate_in_force_is_a_note(stand_in: Callable[..., Any]) -> None:
    """Asked for 130 kb/s, qaac takes 128 from the codec's list, and says so."""
    encoded = encode(stand_in(says=TELLS).binary)
    assert encoded.payload_bits > 0
    assert encoded.notes == ("AAC-LC Encoder, CVBR 128kbps, Quality 96",)


def test_complaints_are_errors(stand_in: Callable[..., Any]) -> None:
    """The complaint is qaac's own, at an option that it drops with exit code 0."""
    says = "WARNING: --bits-per-sample has no effect for AAC\n"
    with pytest.raises(OptionIgnored, match="has no effect"):
        encode(stand_in(says=TELLS + says).binary)


def test_failure(stand_in: Callable[..., Any]) -> None:
    """An exit code is an error with what qaac said."""
    with pytest.raises(EncoderFailed, match="CoreAudioToolbox"):
        encode(stand_in(says="ERROR: CoreAudioToolbox.dll: 126\n", code=2, writes=False).binary)


@pytest.mark.parametrize(
    "text", ["qaac 2.82, CoreAudioToolbox 7.10.9.0", "qaac 2.90, macOS AudioToolbox 15.1"]
)
def test_version_names_program_and_library(text: str, stand_in: Callable[..., Any]) -> None:
    """Windows' library, or that of macOS."""
    banner = BANNER.replace(BANNER.splitlines()[0], text)
    program = stand_in(qaac().version_arguments, banner, stream="stderr")
    assert qaac(binary=program.binary).version.text == text

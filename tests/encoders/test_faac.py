"""faac's commands, notes and version, with a script in its place."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from encoders.shipped import faac
from tuner.encoder import Encoded, Settings, SettingsError, Value, settings_of
from tuner.errors import EncoderFailed, OptionIgnored
from tuner.testing import make_clip

#: What every call of faac 1.30 begins with, on stderr.
BANNER = "Freeware Advanced Audio Coder\nFAAC 1.30\n\n"
#: What it tells of an encode, from its source.
TELLS = (
    BANNER
    + """Initial quantization quality: 100
Average bitrate: 64 kbps/channel
Bandwidth: 17625 Hz
PNS level: 4
Object type: Low Complexity(MPEG-4) + IS + PNS
Container format: MPEG-4 File Format (MP4)
Encoding in.wav to out.m4a
   frame          | bitrate | elapsed/estim | play/CPU | ETA
\r   50/50   (100%)|  129.5  |    0.1/0.1    |   10.00x | 0.0\x20
"""
)
CLIP = make_clip()


#: The defaults with some values changed: (mode, name=value …).
settings = partial(settings_of, faac().parameters)


def encode(binary: str) -> Encoded:
    """One encode with the defaults at 64 kb/s."""
    return faac(binary=binary).encode(CLIP, 48_000, settings("abr"), 64)


@pytest.mark.parametrize(
    ("mode", "knob", "changes", "words"),
    [
        ("abr", 64, {}, "-b 64"),
        ("vbr", 100, {}, "-q 100"),
        ("vbr", 5000, {"tns": True}, "-q 5000 --tns"),
        ("abr", 96, {"joint": "off", "pns_level": 0}, "-b 96 --joint 0 --pns 0"),
        ("abr", 96, {"joint": "ms"}, "-b 96 --joint 1"),
        ("abr", 96, {"pns_level": 10}, "-b 96 --pns 10"),
        ("abr", 96, {"block_types": "long"}, "-b 96 --shortctl 1"),
        ("abr", 96, {"block_types": "short"}, "-b 96 --shortctl 2"),
        ("vbr", 80, {"cutoff_hz": 16_000}, "-q 80 -c 16000"),
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
    command = faac().command_line(chosen, knob, "in.wav", "out.m4a")
    assert " ".join(command) == f"faac {words} -o out.m4a in.wav"
    program = stand_in()
    faac(binary=program.binary).encode(CLIP, 48_000, chosen, knob)
    assert program.arguments()[:-3] == words.split()


def test_no_pns_with_mid_side() -> None:
    """faac would set it to 0 without a word."""
    assert "pns_level" not in settings("abr", joint="ms").as_dict()
    bad = Settings.of("abr", {**settings("abr", joint="ms").as_dict(), "pns_level": 4})
    with pytest.raises(SettingsError, match="pns_level"):
        faac().command_line(bad, 64, "in.wav", "out.m4a")


def test_what_is_in_force_are_notes(stand_in: Callable[..., Any]) -> None:
    """faac clamps in silence, but tells what it took; nothing of it is a complaint."""
    encoded = encode(stand_in(says=TELLS).binary)
    assert encoded.payload_bits > 0
    assert encoded.notes == (
        "Average bitrate: 64 kbps/channel",
        "Bandwidth: 17625 Hz",
        "PNS level: 4",
        "Object type: Low Complexity(MPEG-4) + IS + PNS",
    )


@pytest.mark.parametrize(
    "says", ["faac: unrecognized option '--foo'\n", "faacEncEncode() failed\n"]
)
def test_complaints_are_errors(says: str, stand_in: Callable[..., Any]) -> None:
    """An encode that broke off has exit code 0 too."""
    with pytest.raises(OptionIgnored):
        encode(stand_in(says=BANNER + says).binary)


def test_failure(stand_in: Callable[..., Any]) -> None:
    """An exit code is an error with what faac said."""
    with pytest.raises(EncoderFailed, match="Couldn't create output file"):
        encode(stand_in(says="Couldn't create output file x\n", code=1, writes=False).binary)


def test_version_is_the_librarys(stand_in: Callable[..., Any]) -> None:
    """The second line of the banner, on stderr, with exit code 1."""
    program = stand_in(faac().version_arguments, BANNER, stream="stderr", version_code=1)
    assert faac(binary=program.binary).version.text == "FAAC 1.30"

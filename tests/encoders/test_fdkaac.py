"""fdkaac's commands, notes and version, with a script in its place."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from encoders.shipped import fdkaac
from tuner.encoder import Encoded, Value, active_parameters, settings_of
from tuner.errors import EncoderFailed, OptionIgnored
from tuner.testing import make_clip

#: ``fdkaac --help``, which begins with ``printf(PROGNAME " %s\n" "Usage: …")``.
BANNER = "fdkaac 1.0.6\nUsage: fdkaac [options] input_file\nOptions:\n -h, --help\n"
TAG = b"fdkaac 1.0.6, libfdk-aac 4.0.1, CBR 64kbps"
CLIP = make_clip()


#: The defaults with some values changed: (mode, name=value …).
settings = partial(settings_of, fdkaac().parameters)


def encode(binary: str) -> Encoded:
    """One encode with the defaults at 64 kb/s."""
    return fdkaac(binary=binary).encode(CLIP, 48_000, settings("cbr"), 64)


@pytest.mark.parametrize(
    ("mode", "knob", "changes", "words"),
    [
        ("cbr", 64, {}, "-b 64000"),
        ("cbr", 64.1, {}, "-b 64100"),
        ("cbr", 16, {}, "-b 16000"),
        ("cbr", 48, {"profile": "he"}, "-b 48000 -p 5"),
        ("cbr", 32, {"profile": "he_v2", "afterburner": False}, "-b 32000 -p 29 -a 0"),
        ("cbr", 96, {"bandwidth_hz": 15_500}, "-b 96000 -w 15500"),
        ("vbr", 1, {}, "-m 1"),
        ("vbr", 5, {"afterburner": False}, "-m 5 -a 0"),
        ("vbr", 4, {"bandwidth_vbr_hz": 18_000}, "-m 4 -w 18000"),
    ],
)
def test_commands(
    mode: str,
    knob: float,
    changes: dict[str, Value],
    words: str,
    stand_in: Callable[..., Any],
) -> None:
    """What a user types; what runs adds -S and other names."""
    chosen = settings(mode, **changes)
    command = fdkaac().command_line(chosen, knob, "in.wav", "out.m4a")
    assert " ".join(command) == f"fdkaac {words} -o out.m4a in.wav"
    program = stand_in()
    fdkaac(binary=program.binary).encode(CLIP, 48_000, chosen, knob)
    ran = program.arguments()
    assert ran[:-3] == ["-S", *words.split()]
    assert [name.rpartition("/")[2] for name in ran[-3:]] == ["-o", "out.m4a", "in.wav"]


def test_bandwidth_is_for_lc_only() -> None:
    """The help: "Frequency bandwidth in Hz (AAC LC only)"."""
    names = {p.name for p in active_parameters(fdkaac().parameters, "cbr", {"profile": "he"})}
    assert names == {"profile", "afterburner"}
    assert "profile" not in settings("vbr").as_dict()


def test_encodes_whole(stand_in: Callable[..., Any]) -> None:
    """The output comes back, decodes, and its packets are counted."""
    encoded = encode(stand_in().binary)
    assert encoded.suffix == ".m4a"
    assert 0 < encoded.payload_bits < 8 * len(encoded.data)
    assert fdkaac().decode(encoded)[0].shape[0] == 2


def test_rate_in_force_is_a_note(stand_in: Callable[..., Any]) -> None:
    """The library clamps in silence; the file's tag tells."""
    assert encode(stand_in(tag=TAG).binary).notes == ("CBR 64kbps",)
    tag = b"fdkaac 1.0.6, libfdk-aac 4.0.1, VBR mode 3"
    assert encode(stand_in(tag=tag).binary).notes == ("VBR mode 3",)


def test_old_libraries_are_a_note(stand_in: Callable[..., Any]) -> None:
    """Dual-rate SBR is what we ask for; that nothing else is there is a fact."""
    says = "WARNING: Only dual-rate SBR is available for this version\n"
    assert encode(stand_in(says=says).binary).notes == (says.strip(),)


def test_complaints_are_errors(stand_in: Callable[..., Any]) -> None:
    """With exit code 0 as well as with another."""
    with pytest.raises(OptionIgnored, match="unrecognized"):
        encode(stand_in(says="fdkaac: unrecognized option '--foo'\n").binary)
    says = "ERROR: encoder initialization failed\n"
    with pytest.raises(EncoderFailed, match=r"exit code 2[^$]*initialization failed"):
        encode(stand_in(says=says, code=2, writes=False).binary)


def test_version_names_program_and_library(stand_in: Callable[..., Any]) -> None:
    """The program's number from its help, which exits with 1; the library's from a file."""
    program = stand_in(fdkaac().version_arguments, BANNER, version_code=1, tag=TAG)
    assert fdkaac(binary=program.binary).version.text == "fdkaac 1.0.6, libfdk-aac 4.0.1"


def test_version_without_a_tag(stand_in: Callable[..., Any]) -> None:
    """A build that does not sign its files still has a version, and a digest."""
    program = stand_in(fdkaac().version_arguments, BANNER, version_code=1)
    assert fdkaac(binary=program.binary).version.text == "fdkaac 1.0.6"


def test_version_is_probed_once(stand_in: Callable[..., Any]) -> None:
    """It costs one encode, however often it is asked for."""
    program = stand_in(fdkaac().version_arguments, BANNER, version_code=1, tag=TAG)
    encoder = fdkaac(binary=program.binary)
    assert encoder.version == encoder.version
    assert len(program.log.read_text().splitlines()) == 1

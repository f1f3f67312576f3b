"""An encoder from a TOML file: a whole adapter, and every mistake in it told by name."""

import io
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from encoders.toml_file import load
from tuner.encoder import default_settings
from tuner.errors import (
    AdapterError,
    DecodeFailed,
    EncoderFailed,
    EncoderMissing,
    OptionIgnored,
    SettingsError,
)
from tuner.plugins import is_encoder_file, load_encoder
from tuner.testing import EncoderContract, make_clip

DOCUMENTED = Path(__file__).parents[2] / "docs" / "oggenc.toml"
RATE = 48_000
#: A file for a script that stands for an encoder.
MINIMAL = """
name = "mine"
suffix = ".raw"
encode = ["./enc", "{rate}", "{options}", "{source}", "{target}"]
decode = ["./dec", "{source}", "{target}"]
payload = "file"
header_bytes = 100

[[rate_modes]]
name = "cbr"
knob = "bitrate_kbps"
low = 8
high = 64
options = ["-b", "{knob}"]

[[parameters]]
name = "mode"
kind = "choice"
choices = ["a", "b"]
default = "a"
meaning = "a or b"
options = ["--mode", "{value}"]
"""
#: Copies the source as the output, its arguments in a file beside it.
ENCODER = """#!/bin/sh
[ "$1" = --version ] && echo "enc 1.0" && exit
echo "$@" > {folder}/arguments
for last in "$@"; do before="$source"; source="$target"; target="$last"; done
cp "$source" "$target"
"""


class TestDocumented(EncoderContract):
    encoder = load(DOCUMENTED)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with mine.toml, its encoder and its decoder."""
    (tmp_path / "mine.toml").write_text(MINIMAL)
    (tmp_path / "enc").write_text(ENCODER.format(folder=tmp_path))
    (tmp_path / "dec").write_text('#!/bin/sh\ncp "$1" "$2"\n')
    for name in ("enc", "dec"):
        (tmp_path / name).chmod(0o755)
    return tmp_path


def test_programs_lie_beside_the_file(folder: Path) -> None:
    """A program with a slash in its name is taken from the file's folder."""
    encoder = load(folder / "mine.toml")
    clip = make_clip(2, 0.2)
    encoded = encoder.encode(clip, RATE, default_settings(encoder), 32)
    decoded, rate = encoder.decode(encoded)
    assert rate == RATE
    np.testing.assert_allclose(decoded, clip, atol=2e-7)
    assert encoder.version.text == "enc 1.0"
    assert encoded.payload_bits == 8 * (len(encoded.data) - 100)
    assert (folder / "arguments").read_text().startswith("-b 32 in.wav")


def test_values_reach_the_command(folder: Path) -> None:
    """The default is left out, another value is filled in; files come last."""
    encoder = load(folder / "mine.toml")
    settings = default_settings(encoder)
    changed = type(settings).of("cbr", {"mode": "b"})
    assert encoder.command_line(changed, 8.5, "in.wav", "out") == [
        *("./enc", "-b", "8.5", "--mode", "b", "in.wav", "out")
    ]
    assert "--mode" not in encoder.command_line(settings, 8.5, "in.wav", "out")


def test_the_file_and_the_decoder_are_part_of_the_build(folder: Path) -> None:
    """A changed template, encoder or decoder is another build."""
    digests = {load(folder / "mine.toml").version.digest}
    for name, change in (("mine.toml", "\n# changed"), ("enc", "\n# new"), ("dec", "\n# new")):
        with (folder / name).open("a") as file:
            file.write(change)
        digests.add(load(folder / "mine.toml").version.digest)
    assert len(digests) == 4


def test_travels_without_its_file(folder: Path) -> None:
    """A worker on another machine needs the programs, not the file."""
    encoder = load(folder / "mine.toml")
    sent = pickle.dumps(encoder)
    (folder / "mine.toml").unlink()
    copy = pickle.loads(sent)
    assert copy.version == encoder.version
    assert copy.name == "mine"


def test_a_complaint_is_an_error(folder: Path) -> None:
    """What the program says of an ignored option fails the encode."""
    with (folder / "enc").open("a") as file:
        file.write('echo "warning: ignoring -b" >&2\n')
    encoder = load(folder / "mine.toml")
    with pytest.raises(OptionIgnored, match="ignoring -b"):
        encoder.encode(make_clip(2, 0.2), RATE, default_settings(encoder), 32)


def test_a_failing_decoder_is_no_silence(folder: Path) -> None:
    """A decoder that fails, or writes nothing, is `DecodeFailed`."""
    encoder = load(folder / "mine.toml")
    encoded = encoder.encode(make_clip(2, 0.2), RATE, default_settings(encoder), 32)
    for body in ("exit 3", "exit 0"):
        (folder / "dec").write_text(f"#!/bin/sh\n{body}\n")
        with pytest.raises(DecodeFailed):
            encoder.decode(encoded)


#: What may lie where an output should, and what is said of it; {target} is where.
NO_FILES = {
    "mkfifo {target}": "the output is a pipe",
    "ln -s /dev/zero {target}": "the output is a link",
    "ln -s {source} {target}": "the output is a link",
    "mkdir {target}": "the output is a folder",
    "truncate -s 300M {target}": "the output has 314572800 bytes, more than 268435456",
    "touch {target}": "no output",
}


@pytest.mark.parametrize("make", NO_FILES)
def test_only_a_file_is_read(folder: Path, make: str) -> None:
    """A pipe would hang the worker for ever, a link to a device eat its memory."""
    encoder = load(folder / "mine.toml")
    settings, clip = default_settings(encoder), make_clip(2, 0.2)
    encoded = encoder.encode(clip, RATE, settings, 32)
    command = make.format(source="$1", target="$2")
    if "300M" not in make:
        (folder / "dec").write_text(f"#!/bin/sh\n{command}\n")
        with pytest.raises(DecodeFailed, match=NO_FILES[make]):
            encoder.decode(encoded)
    command = make.format(source='"$source"', target='"$target"')
    last = (folder / "enc").read_text().replace('cp "$source" "$target"', command)
    (folder / "enc").write_text(last)
    with pytest.raises(EncoderFailed, match=f"exit code 0, but {NO_FILES[make]}"):
        encoder.encode(clip, RATE, settings, 32)


def test_is_found_by_its_suffix(folder: Path) -> None:
    """The core finds the reader by entry point and gives it the binary."""
    path = str(folder / "mine.toml")
    assert is_encoder_file(path)
    assert load_encoder(path).name == "mine"
    assert not is_encoder_file("mine")
    with pytest.raises(EncoderMissing, match=r"none\.toml: no such file"):
        load_encoder(str(folder / "none.toml"))
    with pytest.raises(EncoderMissing, match="other-enc"):
        _ = load_encoder(path, binary="/nowhere/other-enc").version


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('name = "mine"\n', "", "name: missing"),
        ('name = "mine"', "name = 3", "name: must be a string \\(got 3\\)"),
        ('suffix = ".raw"', 'sufix = ".raw"', "sufix: unknown"),
        ('"{options}", ', "", r"encode: must contain \{options\}"),
        ('"{rate}", ', '"-x={rate}", ', "must be a word of its own"),
        ('payload = "file"', 'payload = "bytes"', "packets, file"),
        (
            'decode = ["./dec", "{source}", "{target}"]',
            'decode = ["./dec"]',
            "decode: must contain",
        ),
        ("low = 8", "low = 80", "low must be below high"),
        ("low = 8\n", "", "rate_modes 'cbr': missing: low"),
        ('options = ["-b", "{knob}"]', 'options = ["-b"]', "contains {knob}"),
        ('"{knob}"', '"{value}"', "'value'; known: {knob}"),
        ('default = "a"', 'default = "c"', "default 'c' is not allowed"),
        ('options = ["--mode", "{value}"]', "options = { a = [] }", "no options for b"),
        ('options = ["--mode", "{value}"]', "option = []", "unknown: option"),
        ('options = ["--mode", "{value}"]', 'when = { x = ["y"] }\noptions = []', "names x"),
        ("[[rate_modes]]", "[rate_modes]", "rate_modes: must be a list"),
        ('name = "mine"', "name =", "invalid TOML"),
        ('name = "mine"', 'name = "mine"\nignored = "("', "ignored: not a regular"),
    ],
)
def test_mistakes_are_told(folder: Path, old: str, new: str, match: str) -> None:
    """Each mistake is an `AdapterError` that names the file and the key."""
    assert old in MINIMAL
    path = folder / "mine.toml"
    path.write_text(MINIMAL.replace(old, new, 1))
    with pytest.raises(AdapterError, match=match) as refused:
        load(path)
    assert refused.value.where == str(path)


#: As docs/adapters.md shows it: an encoder whose constants are set from outside.
CARRIERS = """
[[parameters]]
name = "ath_db"
kind = "float"
default = 0.0
low = -20
high = 20
meaning = "offset of the threshold in quiet"
env = { ENC_ATH_DB = "{value:.2f}" }

[[parameters]]
name = "window"
kind = "choice"
choices = ["sine", "kbd"]
default = "sine"
meaning = "window shape"
file = "window = {value}"
always = true
"""
#: Keeps what reached it beside itself.
CARRIED = """#!/bin/sh
[ "$1" = --version ] && echo "enc 1.0" && exit
printf '%s|' "$ENC_ATH_DB" "$(cat enc.conf)" "$@" > {folder}/carried
for last in "$@"; do before="$source"; source="$target"; target="$last"; done
cp "$source" "$target"
"""


@pytest.fixture
def carrying(folder: Path) -> Path:
    """The folder, with a parameter in the environment and one in a configuration file."""
    named = MINIMAL.replace('payload = "file"', 'payload = "file"\nconfig = "enc.conf"')
    named = named.replace('"{options}", ', '"{options}", "--config={config}", ')
    (folder / "mine.toml").write_text(named + CARRIERS)
    (folder / "enc").write_text(CARRIED.format(folder=folder))
    return folder


@pytest.mark.parametrize("as_user", [False, True])
def test_values_in_the_environment_and_a_file(
    carrying: Path, tmp_path: Path, as_user: bool
) -> None:
    """They reach the program in a search and in the command for people, defaults only if told."""
    encoder = load(carrying / "mine.toml", binary=str(carrying / "enc"))
    default = default_settings(encoder)
    changed = type(default).of("cbr", {"mode": "a", "ath_db": -3.5, "window": "kbd"})
    for settings, carried in (
        (default, "|window = sine|-b|8|--config=enc.conf|"),
        (changed, "-3.50|window = kbd|-b|8|--config=enc.conf|"),
    ):
        if as_user:
            (tmp_path / "in.wav").write_bytes(b"sound")
            command = encoder.command_line(settings, 8, "in.wav", "out.raw")
            subprocess.run(command, cwd=tmp_path, check=True)
        else:
            encoder.encode(make_clip(2, 0.2), RATE, settings, 8)
        assert (carrying / "carried").read_text() == f"{carried}in.wav|out.raw|"


def test_what_a_codec_takes(folder: Path) -> None:
    """Rates are resampled to, 16 bits are written, other channels are refused in words."""
    keys = "channels = 1\nsource_bits = 16\nsample_rates_hz = [8000, 16000]\n"
    (folder / "mine.toml").write_text(MINIMAL.replace("[[rate_modes]]", f"{keys}[[rate_modes]]"))
    encoder = load(folder / "mine.toml")
    encoded = encoder.encode(make_clip(1, 0.2), RATE, default_settings(encoder), 8)
    made = soundfile.info(io.BytesIO(encoded.data))
    assert (made.samplerate, made.subtype, made.channels) == (16_000, "PCM_16", 1)
    with pytest.raises(SettingsError, match="encodes only mono, but the clip has 2 channels"):
        encoder.encode(make_clip(2, 0.2), RATE, default_settings(encoder), 8)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('config = "enc.conf"', 'config = "../enc.conf"', "config: must be a plain file name"),
        ('config = "enc.conf"\n', "", "`file` requires a file name"),
        ("ENC_ATH_DB", '"9 x"', "invalid variable names: 9 x"),
        ("{value:.2f}", "{knob}", "'knob'; known: {value}"),
        ('config = "enc.conf"', "channels = 7", "channels: must be 1 or 2"),
        ('config = "enc.conf"', "source_bits = 8", "source_bits: must be 16 or 24"),
        ('config = "enc.conf"', 'sample_rates_hz = ["x"]', "a list of integers"),
    ],
)
def test_mistakes_in_carriers_are_told(carrying: Path, old: str, new: str, match: str) -> None:
    """By their key."""
    path = carrying / "mine.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(AdapterError, match=f"(?s){match}"):
        load(path)

"""An encoder from a TOML file: a whole adapter, and every mistake in it told by name."""

import io
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from encoders.toml_file import load
from tuner.encoder import Settings, Value, default_settings
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
        ('name = "mine"\n', "", "missing required field `name`"),
        ('name = "mine"', "name = 3", "name: Expected `str`, got `int`"),
        ('suffix = ".raw"', 'sufix = ".raw"', "unknown: sufix"),
        ('"{options}", ', "", r"encode: must contain \{options\}"),
        ('"{rate}", ', '"-x={rate}", ', "must be a word of its own"),
        ('payload = "file"', 'payload = "bytes"', "payload: Invalid enum value 'bytes'"),
        (
            'decode = ["./dec", "{source}", "{target}"]',
            'decode = ["./dec"]',
            "decode: must contain",
        ),
        ("low = 8", "low = 80", "low must be below high"),
        ("low = 8\n", "", r"rate_modes\[0\]: .*missing required field `low`"),
        ('options = ["-b", "{knob}"]', 'options = ["-b"]', "contains {knob}"),
        ('"{knob}"', '"{value}"', "'value'; known: {knob}"),
        ('default = "a"', 'default = "c"', "default 'c' is not allowed"),
        ('options = ["--mode", "{value}"]', "options = { a = [] }", "no options for b"),
        ('options = ["--mode", "{value}"]', "option = []", "unknown: option"),
        ('options = ["--mode", "{value}"]', 'when = { x = ["y"] }\noptions = []', "names x"),
        ("[[rate_modes]]", "[rate_modes]", "rate_modes: Expected `array`, got `object`"),
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


#: Instead of the rate mode and the parameter of `MINIMAL`.
RICH = """
quiet = ["--quiet"]
ignored = '{usual}|mine alone'
version_mark = 'lib (\\d)'
noted_mark = 'spent (\\w+)'

[[rate_modes]]
name = "cbr"
knob = "bitrate_kbps"
low = 8
high = 64
options = ["-b", "{knob_bps}"]

[[rate_modes]]
name = "preset"
knob = "preset"
low = 0
high = 1.5
table = [0, 1.5]
nominal = false
options = { 0 = ["--preset", "low"], "1.5" = ["--preset", "best"] }

[[parameters]]
name = "cutoff_hz"
kind = "int"
default = "auto"
words = ["off"]
low = 4000
high = 20000
meaning = "low-pass"
options = { off = ["--wide"], number = ["--cutoff", "{value:d}"] }

[[parameters]]
name = "slope"
kind = "int"
default = 1
low = 1
high = 3
meaning = "of the low-pass"
when = { cutoff_hz = "number" }
options = ["--slope", "{value}"]
"""


@pytest.fixture
def rich(folder: Path) -> Path:
    """The folder, with an encoder that has every kind of parameter and writes what it did."""
    head = MINIMAL[: MINIMAL.index("[[rate_modes]]")]
    (folder / "mine.toml").write_text(head + RICH)
    with (folder / "enc").open("a") as file:
        file.write('printf "lib 3, spent 64k" >> "$target"\n')
    return folder


@pytest.mark.parametrize(
    ("mode", "knob", "values", "words"),
    [
        ("cbr", 32.5, {"cutoff_hz": "auto"}, "-b 32500"),
        ("cbr", 8, {"cutoff_hz": "off"}, "-b 8000 --wide"),
        ("cbr", 8, {"cutoff_hz": 9000, "slope": 3}, "-b 8000 --cutoff 9000 --slope 3"),
        ("preset", 0, {"cutoff_hz": "auto"}, "--preset low"),
        ("preset", 1.5, {"cutoff_hz": "auto"}, "--preset best"),
    ],
)
def test_options_by_value(
    rich: Path, mode: str, knob: float, values: dict[str, Value], words: str
) -> None:
    """Named presets, bits a second, and a number or words; people do not see what is quiet."""
    encoder, settings = load(rich / "mine.toml"), Settings.of(mode, values)
    command = encoder.command_line(settings, knob, "in.wav", "out")
    assert " ".join(command) == f"./enc {words} in.wav out"
    encoder.encode(make_clip(2, 0.2), RATE, settings, knob)
    assert (rich / "arguments").read_text() == f"--quiet {words} in.wav out.raw\n"


def test_what_stands_in_the_encoded_file(rich: Path) -> None:
    """The library's version, and what it did."""
    encoder = load(rich / "mine.toml")
    encoded = encoder.encode(make_clip(2, 0.2), RATE, default_settings(encoder), 32)
    assert encoded.notes == ("64k",)
    assert encoder.version.text == "enc 1.0, 3"


@pytest.mark.parametrize("said", ["mine alone", "option ignored"])
def test_complaints_beside_the_usual_ones(rich: Path, said: str) -> None:
    """A file's own expression extends the general one."""
    with (rich / "enc").open("a") as file:
        file.write(f"echo '{said}'\n")
    encoder = load(rich / "mine.toml")
    with pytest.raises(OptionIgnored, match=said.split()[-1]):
        encoder.encode(make_clip(2, 0.2), RATE, default_settings(encoder), 32)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("table = [0, 1.5]\n", "", "a table of options requires a `table` of values"),
        ("0 = [", "2 = [", "rate_modes 'preset': no options for 0"),
        ("number = [", "9 = [", "parameters 'cutoff_hz': no options for 4000"),
        ("off = [", "wide = [", "no options for off"),
        ("{value:d}", "{value:x}{", "known: {value}"),
        ("{knob_bps}", "{knob_kbps}", "known: {knob}, {knob_bps}"),
        ('options = ["--slope", "{value}"]', "", "neither `options` nor `env` nor `file`"),
        ('words = ["off"]', 'words = ["number"]', "'number' stands for any number"),
        ("noted_mark = 'spent (", "noted_mark = 'spent ((", "noted_mark: not a regular"),
    ],
)
def test_mistakes_in_options_are_told(rich: Path, old: str, new: str, match: str) -> None:
    """By their table and what is missing."""
    path = rich / "mine.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(AdapterError, match=f"(?s){match}"):
        load(path)


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
        ('config = "enc.conf"', "channels = 7", "channels: Invalid enum value 7"),
        ('config = "enc.conf"', "source_bits = 8", "source_bits: Invalid enum value 8"),
        (
            'config = "enc.conf"',
            'sample_rates_hz = ["x"]',
            r"sample_rates_hz\[0\]: Expected `int`, got `str`",
        ),
    ],
)
def test_mistakes_in_carriers_are_told(carrying: Path, old: str, new: str, match: str) -> None:
    """By their key."""
    path = carrying / "mine.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(AdapterError, match=f"(?s){match}"):
        load(path)

"""oggenc keeps the adapters' contract; what it says of dropped options is an error."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from encoders.command import file_digest, file_state
from encoders.process import run
from encoders.vorbis import Vorbis, find_vorbis
from encoders.vorbis_ffmpeg import VorbisFfmpeg
from tuner.encoder import Encoded, Value, default_settings, settings_of
from tuner.errors import EncoderFailed, OptionIgnored, SettingsError
from tuner.testing import EncoderContract, make_clip

RATE = 48_000
CLIP = make_clip()
#: What localedef makes a locale with decimal commas of.
LOCALE_SOURCES = Path("/usr/share/i18n/locales/de_DE")


class TestVorbis(EncoderContract):
    encoder = Vorbis()


@dataclass(frozen=True)
class Misused(Vorbis):
    """Vorbis with options that oggenc drops, clamps or does not know."""

    extra: tuple[str, ...] = ()

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        return [*super().options(mode, values, knob), *self.extra]


def misused(extra: str) -> Misused:
    """An adapter that adds these words."""
    words = extra.split()
    return Misused(extra=tuple(["--advanced-encode-option", *words] if "=" in extra else words))


def encode(encoder: Vorbis, knob: float = 3, mode: str = "vbr", **values: Value) -> Encoded:
    """One encode of the clip."""
    return encoder.encode(CLIP, RATE, settings_of(Vorbis.parameters, mode, **values), knob)


def command(mode: str, knob: float, **values: Value) -> str:
    """The command for people, without the locale and its names."""
    words = Vorbis().command_line(
        settings_of(Vorbis.parameters, mode, **values), knob, "in.wav", "out.ogg"
    )
    assert list(words[:3]) == ["env", "LC_ALL=C", "oggenc"]
    assert list(words[-3:]) == ["-o", "out.ogg", "in.wav"]
    return " ".join(words[3:-3])


@pytest.mark.parametrize(
    ("mode", "knob", "options"), [("vbr", 3, []), ("managed", 64, ["--managed", "-b", "64"])]
)
def test_defaults_are_those_of_a_bare_command(
    mode: str, knob: float, options: list[str], tmp_path: Path
) -> None:
    """A user who gives nothing, or a managed bitrate alone, gets the same samples."""
    source, target = tmp_path / "in.wav", tmp_path / "out.ogg"
    soundfile.write(source, CLIP.T, RATE, "FLOAT")
    run([Vorbis().path(), *options, "-o", str(target), str(source)])
    theirs = Vorbis().decode(Encoded(target.read_bytes(), ".ogg", 1, 0.0))[0]
    np.testing.assert_array_equal(theirs, Vorbis().decode(encode(Vorbis(), knob, mode))[0])


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("--no-such-option", "unrecognized option '--no-such-option'"),
        ("foo=1", 'Unrecognised advanced option "foo"'),
        ("impulse_trigger_profile=2", "Unrecognised advanced option"),
        ("lowpass_frequency=abc", "couldn't read value abc as double"),
        ("bit_reservoir_bias=2", "Failed to set advanced rate management parameters"),
        ("--advanced-encode-option lowpass_frequency", "No value for advanced encoder option"),
        ("-q 10.5", "quality setting too high, setting to maximum"),
        ("-q abc", 'Quality option "abc" not recognised'),
        ("-b abc", 'nominal bitrate "abc" not recognised'),
        ("--resample 44", "Did you mean 44000 Hz"),
        ("--raw-bits 16", "Assuming input is raw"),
    ],
)
def test_dropped_options_are_errors(extra: str, words: str) -> None:
    """oggenc exits with 0 and goes on with what it took instead; we do not."""
    with pytest.raises(OptionIgnored) as caught:
        encode(misused(extra))
    assert caught.value.exit_code == 0
    assert words in caught.value.stderr


@pytest.mark.parametrize(
    ("mode", "extra", "words"),
    [
        ("vbr", "-q -2", "invalid parameters for quality"),
        ("vbr", "-M 64", "Failed to set bitrate min/max in quality mode"),
        ("managed", "-b 20", "invalid parameters for bitrate"),
    ],
)
def test_refused_options_are_errors(mode: str, extra: str, words: str) -> None:
    """What oggenc refuses is reported with its words."""
    with pytest.raises(EncoderFailed, match=words):
        encode(misused(extra), 64 if mode == "managed" else 3, mode)


@pytest.mark.parametrize("extra", ["impulse_noisetune=5", "impulse_noisetune=0"])
def test_values_that_are_clamped_in_silence_are_refused(extra: str) -> None:
    """A positive bias is coded as none; the range ends where it does."""
    assert encode(misused(extra)).data == encode(Vorbis()).data
    with pytest.raises(SettingsError, match="impulse_noisetune_db"):
        encode(Vorbis(), impulse_noisetune_db=5.0)


def test_notes_what_was_changed() -> None:
    """The low-pass that oggenc would have taken, and resampling, are facts to record."""
    assert encode(Vorbis()).notes == ()
    assert encode(Vorbis(), lowpass_hz=12_500).notes == (
        "Changed lowpass frequency from 17.200002 kHz to 12.500000 kHz",
    )
    assert encode(Vorbis(), sample_rate_hz="32000").notes == (
        "Resampling input from 48000 Hz to 32000 Hz",
    )


def test_command_lines() -> None:
    """Defaults are left out."""
    assert command("vbr", 3) == "-q 3"
    assert command("vbr", -0.25, coupling=False, sample_rate_hz="44100") == (
        "-q -0.25 --advanced-encode-option disable_coupling --resample 44100"
    )
    assert command(
        "managed",
        64,
        impulse_noisetune_db=-7.5,
        lowpass_hz=19_300,
        average_damping_s=0.1,
    ) == (
        "--managed -b 64 --advanced-encode-option impulse_noisetune=-7.5"
        " --advanced-encode-option lowpass_frequency=19.3"
        " --advanced-encode-option bitrate_average_damping=0.1"
    )


@pytest.mark.skipif(
    shutil.which("localedef") is None or not LOCALE_SOURCES.exists(),
    reason="no sources of a locale with decimal commas",
)
def test_locale_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where 2.5 is written 2,5 a bare oggenc codes at 2; we do not, and complaints stay ours."""
    expected, lower = encode(Vorbis(), 2.5), encode(Vorbis(), 2)
    run(["localedef", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")], check=False)
    settings = {"LOCPATH": str(tmp_path), "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "nl"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    source, target = tmp_path / "in.wav", tmp_path / "out.ogg"
    soundfile.write(source, CLIP.T, RATE, "FLOAT")
    words = Vorbis().command_line(
        settings_of(Vorbis.parameters, "vbr"), 2.5, str(source), str(target)
    )
    for line, made in ((words, expected), (words[2:], lower)):
        run(line, env=dict(os.environ))  # as in the user's shell
        theirs = Vorbis().decode(Encoded(target.read_bytes(), ".ogg", 1, 0.0))[0]
        np.testing.assert_array_equal(theirs, Vorbis().decode(made)[0])
    assert encode(Vorbis(), 2.5).data == expected.data
    assert Vorbis().version.text.startswith("vorbis-tools ")
    with pytest.raises(OptionIgnored):
        encode(misused("foo=1"))


def test_managed_holds_its_bitrate() -> None:
    """Within 5 % over one second; a quality does as it likes."""
    assert encode(Vorbis(), 100, "managed").payload_bits == pytest.approx(100_000, rel=0.05)


@pytest.mark.parametrize(("channels", "rate"), [(1, 48_000), (2, 48_000), (1, 44_100)])
@pytest.mark.parametrize("knob", [45, 240])
def test_managed_range_is_legal(channels: int, rate: int, knob: float) -> None:
    """For mono and stereo; a little more or less is refused for one of them."""
    clip = make_clip(channels)[:, : rate // 4]
    assert Vorbis().encode(clip, rate, settings_of(Vorbis.parameters, "managed"), knob).payload_bits


def test_whole_files_repeat() -> None:
    """The serial number is fixed in what we run, and not shown."""
    assert encode(Vorbis()).data == encode(Vorbis()).data
    assert "--serial" not in command("vbr", 3)


def test_version_names_program_and_library() -> None:
    """Both are in the text; the libraries are in the digest."""
    version = Vorbis().version
    program, library = version.text.split(", ")
    assert program.startswith("vorbis-tools ") and library.startswith("libVorbis ")
    alone = file_digest(version.binary, file_state(version.binary))
    assert version.digest != alone.hex()[:16]


def test_find_vorbis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command line where it is installed, else ffmpeg, else what was named."""
    assert find_vorbis() == Vorbis()
    assert find_vorbis("/some/oggenc") == Vorbis("/some/oggenc")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_vorbis()
    assert found == VorbisFfmpeg()
    assert found.encode(CLIP, RATE, default_settings(found), 3).payload_bits

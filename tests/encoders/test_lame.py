"""LAME's command line keeps the adapters' contract; what it complains of is an error."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from encoders.lame import Lame, find_lame
from encoders.lame_ffmpeg import LameFfmpeg
from tuner.encoder import Encoded, Value, default_settings, settings_of
from tuner.errors import EncoderFailed, EncoderMissing, OptionIgnored
from tuner.testing import EncoderContract, make_clip

RATE = 48_000
CLIP = make_clip()

pytestmark = pytest.mark.skipif(shutil.which("lame") is None, reason="lame is not installed")


class TestLame(EncoderContract):
    encoder = Lame()


@dataclass(frozen=True)
class Misused(Lame):
    """LAME with options of one's own."""

    extra: tuple[str, ...] = ()

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        return [*super().options(mode, values, knob), *self.extra]


def encode(encoder: Lame, mode: str = "cbr", knob: float = 64, **values: Value) -> Encoded:
    """One encode of the synthetic clip."""
    return encoder.encode(CLIP, RATE, settings_of(Lame.parameters, mode, **values), knob)


@pytest.mark.parametrize(
    "extra",
    [
        ("--nsmsfix", "2"),
        ("--ns-treble", "-6"),
        ("--athtype", "2"),
        ("--athlower", "5"),
        ("--shortthreshold", "4,20"),
        ("--noshort",),
        ("--substep", "1"),
        ("--noath",),
        ("--resample", "47"),
        ("-k",),
    ],
    ids=" ".join,
)
def test_dropped_options_are_errors(extra: tuple[str, ...]) -> None:
    """LAME exits 0 with a warning; we do not."""
    with pytest.raises(OptionIgnored) as caught:
        encode(Misused(extra=extra))
    assert caught.value.exit_code == 0
    assert caught.value.stderr


@pytest.mark.parametrize(
    "extra",
    [("--foo",), ("-m", "x"), ("--buffer-constraint", "foo"), ("--lowpass", "0"), ("--resample",)],
    ids=" ".join,
)
def test_wrong_options_are_errors(extra: tuple[str, ...]) -> None:
    """What LAME refuses, or takes a file name for, is reported with its words."""
    with pytest.raises(EncoderFailed) as caught:
        encode(Misused(extra=extra))
    assert caught.value.stderr


def test_its_own_choices_are_recorded() -> None:
    """Resampling, low-pass and bitrate are facts, not errors."""
    notes = encode(Lame()).notes
    assert any(note.startswith("Resampling:") and "24 kHz" in note for note in notes)
    assert any("polyphase lowpass" in note for note in notes)
    assert any(note.startswith("Encoding as 24 kHz j-stereo") for note in notes)
    assert "Autoconverting" in encode(Lame(), stereo_mode="mono").notes[0]


def test_a_snapped_bitrate_is_recorded() -> None:
    """MPEG-2 ends at 160 kb/s: LAME says nothing of it but the bitrate that it uses."""
    encoded = encode(Lame(), knob=320, sample_rate_hz="24000")
    assert any("160 kbps" in note for note in encoded.notes)
    assert encoded.payload_bits < 180_000


def test_options_at_their_default_are_left_out() -> None:
    """A default encode is a bare command."""
    assert Lame().command_line(default_settings(Lame()), 64, "a.wav", "b.mp3") == [
        *("lame", "-b", "64", "a.wav", "b.mp3")
    ]


def test_options_are_in_lames_units() -> None:
    """Frequencies in kHz, switches without values."""
    settings = settings_of(
        Lame.parameters,
        "vbr_old",
        quality_vbr_old=1,
        stereo_mode="forced",
        lowpass_hz=14_250,
        lowpass_width_hz=2_000,
        sample_rate_hz="44100",
        reservoir=False,
        buffer_constraint="strict",
        min_bitrate_kbps=64,
        max_bitrate_kbps=192,
        ignore_sfb21=True,
        athaa_sensitivity_db=-2.5,
    )
    command = " ".join(Lame().command_line(settings, 4.25, "a.wav", "b.mp3"))
    assert command == (
        "lame --vbr-old -V 4.25 -q 1 -m f --lowpass 14.25 --lowpass-width 2 --resample 44.1"
        " --nores --buffer-constraint strict -b 64 -B 192 -Y --athaa-sensitivity -2.5"
        " a.wav b.mp3"
    )


def test_zero_is_not_taken_for_not_given() -> None:
    """With VBR a sensitivity of 0 dB is another than LAME's own."""
    zero = encode(Lame(), "vbr", 1, athaa_sensitivity_db=0.0)
    assert zero.data != encode(Lame(), "vbr", 1).data


def test_whole_files_repeat() -> None:
    """Not only the payload: the tag is fixed as well."""
    assert encode(Lame()).data == encode(Lame()).data


def test_version_names_program_and_library() -> None:
    """The digest covers the library, in which the codec is."""
    version = Lame().version
    assert "version 3." in version.text or "version 4." in version.text
    assert version.binary.endswith("/lame")


def test_something_else_is_not_lame() -> None:
    """A program that does not answer like LAME is `EncoderMissing`, with the remedy."""
    with pytest.raises(EncoderMissing, match="apt-get install lame"):
        _ = Lame(binary=shutil.which("true")).version


def test_finds_a_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line where it is installed, else ffmpeg's; a named binary always."""
    assert find_lame() == Lame()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_lame() == LameFfmpeg()
    assert find_lame("/my/lame") == Lame("/my/lame")

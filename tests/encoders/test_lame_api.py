"""LAME's library keeps the adapters' contract, agrees with the command line, and fails safely."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from encoders.lame import Lame
from encoders.lame_api import LameApi, main, parse
from encoders.lame_calls import Call
from encoders.process import run
from tuner.encoder import (
    Encoded,
    Encoder,
    Settings,
    Value,
    active_parameters,
    default_settings,
)
from tuner.errors import EncoderFailed, EncoderMissing, OptionIgnored, SettingsError
from tuner.testing import EncoderContract, make_clip

RATE = 48_000
#: Whole numbers of 24 bits, as a WAV file holds them.
CLIP = (np.round(make_clip() * 2**23) / 2**23).astype(np.float32)
#: Tells a version, hangs or dies in `lame_init`, or fails later.
STUB = """
#include <signal.h>
#include <unistd.h>
const char *get_lame_version(void) { return "0.1 stub"; }
void *lame_init(void) { %s }
"""


def is_there() -> bool:
    """Whether the library is installed."""
    try:
        return bool(LameApi().path())
    except EncoderMissing:
        return False


pytestmark = pytest.mark.skipif(not is_there(), reason="libmp3lame is not installed")


class TestLameApi(EncoderContract):
    encoder = LameApi()
    # A script cannot stand for a library: see the tests with a stub below.
    runs_a_program = False


@dataclass(frozen=True)
class Misused(LameApi):
    """The library with calls of one's own."""

    extra: tuple[Call, ...] = ()

    def calls(self, mode: str, values: Mapping[str, Value], knob: float) -> list[Call]:
        return [*super().calls(mode, values, knob), *self.extra]


def settings_of(encoder: Encoder, mode: str, values: Mapping[str, Value]) -> Settings:
    """Settings with the given values, defaults elsewhere."""
    active = active_parameters(encoder.parameters, mode, values)
    return Settings.of(mode, {p.name: values.get(p.name, p.default) for p in active})


def encode(encoder: LameApi, mode: str = "cbr", knob: float = 64, **values: Value) -> Encoded:
    """One encode of the synthetic clip."""
    return encoder.encode(CLIP, RATE, settings_of(encoder, mode, values), knob)


def stub(folder: Path, body: str) -> str:
    """A library that is no LAME."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    source, library = folder / "stub.c", folder / "libstub.so"
    source.write_text(STUB % body)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    return str(library)


@pytest.mark.skipif(shutil.which("lame") is None, reason="lame is not installed")
@pytest.mark.parametrize(
    ("mode", "knob", "values"),
    [
        ("cbr", 64, {}),
        ("cbr", 128, {}),
        ("cbr", 320, {}),
        ("abr", 91, {}),
        ("vbr", 4, {}),
        ("vbr", 8.25, {}),
        ("vbr_old", 2.5, {}),
        ("cbr", 8, {}),
        ("cbr", 40, {"stereo_mode": "mono"}),
        ("cbr", 320, {"buffer_constraint": "strict", "stereo_mode": "forced"}),
        ("cbr", 96, {"lowpass_hz": 17_250, "lowpass_width_hz": 2_000}),
        ("abr", 140, {"quality": 1, "reservoir": False, "sample_rate_hz": "44100"}),
        ("abr", 90, {"max_bitrate_kbps": 112, "stereo_mode": "dual"}),
        ("vbr", 1, {"quality_vbr": 7, "ignore_sfb21": True, "short_maskings": True}),
        ("vbr", 6, {"min_bitrate_kbps": 96, "max_bitrate_kbps": 160, "stereo_mode": "stereo"}),
        ("vbr_old", 9, {"min_bitrate_kbps": 80, "quality_vbr_old": 5}),
        ("vbr", 2, {"athaa_sensitivity_db": 0.0}),
        ("abr", 64, {"athaa_sensitivity_db": 6.5}),
    ],
)
def test_agrees_with_the_command_line(mode: str, knob: float, values: dict[str, Value]) -> None:
    """The same settings give the same sound and payload through both doors."""
    ours, theirs = (
        encoder.encode(CLIP, RATE, settings_of(encoder, mode, values), knob)
        for encoder in (LameApi(), Lame())
    )
    assert ours.payload_bits == theirs.payload_bits
    np.testing.assert_array_equal(LameApi().decode(ours)[0], Lame().decode(theirs)[0])


@pytest.mark.parametrize(
    "call",
    [
        ("athaa_loudapprox", "int", 1),
        ("quality", "int", 12),
        ("mode", "int", 9),
        ("out_samplerate", "int", 47_000),
        ("VBR_quality", "float", 12.0),
        # A float where a double goes: it sets 0.
        ("msfix", "float", 2.5),
    ],
    ids=str,
)
def test_what_does_not_stick_is_an_error(call: Call) -> None:
    """A setter that refuses, or that takes a value and holds another."""
    with pytest.raises(OptionIgnored, match=call[0]):
        encode(Misused(extra=(call,)))


def test_an_unknown_setter_is_an_error() -> None:
    """A library that lacks a function is no silent success."""
    with pytest.raises(EncoderFailed, match="lame_set_no_such_thing"):
        encode(Misused(extra=(("no_such_thing", "int", 1),)))


def test_msfix_reads_back() -> None:
    """The setter returns nothing; what it set is what decides."""
    changed = encode(LameApi(), msfix=1.0)
    assert changed.data != encode(LameApi()).data


@pytest.mark.parametrize(
    ("values", "bits"),
    [
        ({"ns_bass_db": 7.75}, 31 << 2),
        ({"ns_bass_db": -8.0}, 32 << 2),
        ({"ns_alto_db": -0.25}, 63 << 8),
        ({"ns_treble_db": -6.0}, 40 << 14),
        ({"ns_sfb21_db": -4.0}, 48 << 20),
        ({"ns_sfb21_db": 1.0, "ns_alto_db": 0.5}, 4 << 20 | 2 << 8),
    ],
)
def test_adjustments_are_bit_fields(values: dict[str, Value], bits: int) -> None:
    """Six bits each, in two's complement: a negative one leaves its neighbours alone."""
    encoder = LameApi()
    settings = settings_of(encoder, "vbr_old", values)
    calls = encoder.calls("vbr_old", settings.as_dict(), 4)
    assert ("exp_nspsytune", "int", 1 | bits) in calls


def test_defaults_call_nothing_but_the_rate() -> None:
    """Parameters at their default are left to the library."""
    values = default_settings(LameApi(), "cbr").as_dict()
    assert LameApi().calls("cbr", values, 64) == [("brate", "int", 64)]


def test_its_own_choices_are_recorded() -> None:
    """Sample rate, low-pass and bitrate are facts, and so is a missing tag."""
    notes = " / ".join(encode(LameApi()).notes)
    assert "Resampling:" in notes and "polyphase lowpass" in notes
    assert "out_samplerate 24000, brate 64" in notes
    clamped = encode(LameApi(), knob=320, sample_rate_hz="24000")
    assert any("brate 160" in note for note in clamped.notes)
    assert "no LAME tag" in " ".join(encode(LameApi(), knob=8).notes)


def test_whole_files_repeat() -> None:
    """Not only the payload: the tag is fixed as well."""
    assert encode(LameApi(), "vbr", 4).data == encode(LameApi(), "vbr", 4).data


def test_a_long_clip_is_fed_in_pieces() -> None:
    """Three seconds come to the same length."""
    clip = np.tile(CLIP, 3)
    encoded = LameApi().encode(clip, RATE, default_settings(LameApi()), 128)
    decoded, rate = LameApi().decode(encoded)
    assert rate == RATE and abs(decoded.shape[1] - clip.shape[1]) < 1152


@pytest.mark.parametrize("channels", [1, 2])
def test_a_file_is_encoded_block_by_block(tmp_path: Path, channels: int) -> None:
    """As the clip would be in memory: the same file, over more than one block."""
    clip = np.tile(CLIP, 3)[:channels]
    soundfile.write(tmp_path / "in.wav", clip.T, RATE, "PCM_24")
    main(["cbr", "128", str(tmp_path / "in.wav"), str(tmp_path / "out.mp3")])
    encoded = LameApi().encode(clip, RATE, default_settings(LameApi(), "cbr"), 128)
    assert (tmp_path / "out.mp3").read_bytes() == encoded.data


def test_a_file_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Neither a part of the result, nor another file in place of an older one."""
    soundfile.write(tmp_path / "in.wav", CLIP.T, RATE)
    settings = default_settings(LameApi(), "cbr")
    with pytest.raises(OptionIgnored):
        Misused(extra=(("quality", "int", 12),)).encode_file(
            tmp_path / "in.wav", tmp_path / "out.mp3", settings, 128
        )
    soundfile.write(tmp_path / "six.wav", np.zeros((480, 6)), RATE)
    with pytest.raises(SettingsError, match=r"six\.wav: 6 channels"):
        LameApi().encode_file(tmp_path / "six.wav", tmp_path / "out.mp3", settings, 128)
    assert {path.name for path in tmp_path.iterdir()} == {"in.wav", "six.wav"}


def test_version_names_library_and_build() -> None:
    """The digest is that of the file that is loaded."""
    version = LameApi().version
    assert version.text.startswith("libmp3lame 3.") or version.text.startswith("libmp3lame 4.")
    assert Path(version.binary).is_file()
    assert run(["sha256sum", version.binary]).stdout.decode().startswith(version.digest)


@pytest.mark.parametrize("library", ["/nowhere/libmp3lame.so", "libm.so.6", __file__])
def test_another_library_is_missing(library: str) -> None:
    """Not there, not LAME, not a library: named, with the remedy where it helps."""
    with pytest.raises(EncoderMissing, match="apt-get install libmp3lame0"):
        _ = LameApi(library).version
    with pytest.raises(EncoderMissing, match=Path(library).name):
        encode(LameApi(library))


def test_a_crash_ends_the_child_only(tmp_path: Path) -> None:
    """A library that dies is an error that names the signal."""
    library = stub(tmp_path, "raise(SIGSEGV); return 0;")
    assert LameApi(library).version.text == "libmp3lame 0.1 stub"
    with pytest.raises(EncoderFailed, match="SIGSEGV"):
        encode(LameApi(library))


def test_a_hang_is_stopped(tmp_path: Path) -> None:
    """A library that hangs is killed, and the error says so."""
    library = stub(tmp_path, "sleep(60); return 0;")
    LameApi(library).path()
    with pytest.raises(EncoderFailed, match="timed out"):
        encode(LameApi(library, timeout_s=0.5))


def test_a_refused_start_is_an_error(tmp_path: Path) -> None:
    """No handle, no encode."""
    with pytest.raises(EncoderFailed, match="lame_init failed"):
        encode(LameApi(stub(tmp_path, "return 0;")))


def test_command_line_names_what_changed() -> None:
    """Python, the module, the rate, the settings off their default."""
    values: dict[str, Value] = {"ath": False, "ns_bass_db": -2.5, "short_blocks": "off"}
    encoder = LameApi()
    command = encoder.command_line(settings_of(encoder, "vbr", values), 4.5, "-a.wav", "b.mp3")
    assert " ".join(command) == (
        "python3 -m encoders.lame_api vbr 4.5 ath=False ns_bass_db=-2.5 short_blocks=off"
        " ./-a.wav b.mp3"
    )


def test_words_of_the_command_line() -> None:
    """Numbers, switches, and what an optional number may be instead."""
    words = ["msfix=2.5", "msfix=auto", "highpass_hz=500", "highpass_hz=off", "ath=False"]
    values = [("msfix", 2.5), ("msfix", "auto"), ("highpass_hz", 500), ("highpass_hz", "off")]
    assert [parse(word) for word in words] == [*values, ("ath", False)]


@pytest.mark.parametrize("text", ["msfix", "no_such=1", "ath=maybe", "highpass_hz=x", "ath=true"])
def test_wrong_words_are_refused(text: str) -> None:
    """A setting that is not understood is never dropped."""
    with pytest.raises(SettingsError, match=text.split("=")[0]):
        parse(text)


def test_command_line_reports_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and a line that says why."""
    for words in (["cbr", "64", "in.wav", "out.mp3"], ["cbr", "64", "ath=2", "in.wav", "out.mp3"]):
        with pytest.raises(SystemExit, match="1"):
            main([*words[:-2], *(str(tmp_path / word) for word in words[-2:])])
        assert capsys.readouterr().err


def test_tells_which_door_a_winner_needs() -> None:
    """The report shows that the command line cannot do it, and for what."""
    encoder = LameApi()
    values = {**default_settings(encoder, "cbr").as_dict(), "ns_bass_db": 2.0}
    notes = encoder.encode(make_clip(), 48_000, Settings.of("cbr", values), 128).notes
    assert any("no option for ns_bass_db" in note for note in notes)
    for sensitivity, told in ((6.0, False), ("off", True)):
        changed = settings_of(encoder, "cbr", {"athaa_sensitivity_db": sensitivity})
        notes = encoder.encode(make_clip(), 48_000, changed, 128).notes
        assert any("API" in note for note in notes) is told
    plain = encoder.encode(make_clip(), 48_000, default_settings(encoder, "cbr"), 128)
    assert not any("API" in note for note in plain.notes)

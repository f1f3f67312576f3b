"""opusenc keeps the adapters' contract; its refusals, its silent cap, sample sizes."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import soundfile

from encoders.command import file_digest, file_state
from encoders.opus import Opus, find_opus
from encoders.opus_ffmpeg import OpusFfmpeg
from encoders.process import run
from tuner.encoder import Encoded, Value, active_parameters, default_settings, settings_of
from tuner.errors import EncoderFailed, OptionIgnored, SettingsError
from tuner.testing import EncoderContract, make_clip

RATE = 48_000
CLIP = make_clip()


class TestOpus(EncoderContract):
    encoder = Opus()
    aliases: ClassVar[Mapping[str, str]] = {
        "lsb_depth": "the made clip is loud throughout: test_depths_differ_near_silence shows it"
    }


@dataclass(frozen=True)
class Misused(Opus):
    """Opus with options that opusenc refuses, caps or misreads."""

    extra: tuple[str, ...] = ()

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        return [*super().options(mode, values, knob), *self.extra]


def encode(encoder: Opus, kbps: float = 64, clip: np.ndarray = CLIP, **values: Value) -> Encoded:
    """One encode at `kbps`."""
    return encoder.encode(clip, RATE, settings_of(Opus.parameters, "vbr", **values), kbps)


def command(mode: str, kbps: float, **values: Value) -> str:
    """The command for people, without its names."""
    words = Opus().command_line(
        settings_of(Opus.parameters, mode, **values), kbps, "in.wav", "out.opus"
    )
    assert words[0] == "opusenc" and list(words[-2:]) == ["in.wav", "out.opus"]
    return " ".join(words[1:-2])


def test_defaults_are_those_of_a_bare_command(tmp_path: Path) -> None:
    """With the bitrate alone a user gets the same samples from a 24-bit file."""
    soundfile.write(tmp_path / "in.wav", CLIP.T, RATE, "PCM_24")
    target = tmp_path / "out.opus"
    run([Opus().path(), "--bitrate", "64", str(tmp_path / "in.wav"), str(target)])
    theirs = Opus().decode(Encoded(target.read_bytes(), ".opus", 1, 0.0))[0]
    np.testing.assert_array_equal(theirs, Opus().decode(encode(Opus()))[0])


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("--no-such-option", "unrecognized option '--no-such-option'"),
        ("--comp 11", "must be in the range 0 to 10"),
        ("--framesize 7", "must be 2.5, 5, 10"),
        ("--expect-loss 101", "Invalid expect-loss"),
        ("--bitrate 2000000", "is insane"),
        ("--set-ctl-int 4040=5001", "Invalid set-ctl-int"),
        ("--set-ctl-int 4036=25", "failed to set encoder ctl 4036=25"),
        ("--set-ctl-int 4000=2050", "failed to set encoder ctl 4000=2050"),
    ],
)
def test_wrong_options_are_errors(extra: str, words: str) -> None:
    """What opusenc refuses is reported with its words."""
    with pytest.raises(EncoderFailed, match=words):
        encode(Misused(extra=tuple(extra.split())))


def test_warnings_are_errors(tmp_path: Path) -> None:
    """A control that the linked libopus lacks is a warning and exit code 0."""
    script = tmp_path / "opusenc"
    warning = "Warning: OPUS_SET_PHASE_INVERSION_DISABLED failed: request not implemented"
    script.write_text(f'#!/bin/sh\necho "{warning}" >&2; exec {Opus().path()} "$@"\n')
    script.chmod(0o755)
    with pytest.raises(OptionIgnored, match="Warning"):
        encode(Opus(binary=str(script)))


def test_bitrates_that_are_capped_in_silence_are_refused() -> None:
    """opusenc codes mono at 300 kb/s as at 256; the range ends where it does."""
    mono = make_clip(1)
    capped = encode(Misused(extra=("--bitrate", "300")), 256, mono)
    assert capped.payload_bits == encode(Opus(), 256, mono).payload_bits
    with pytest.raises(SettingsError, match="bitrate_kbps"):
        encode(Opus(), 300, mono)


def test_forced_stereo_says_nothing_of_mono_clips() -> None:
    """libopus cannot make two channels of one: a set with a mono clip can be tuned all the same."""
    mono = make_clip(1)
    plain = encode(Opus(), clip=mono)
    assert encode(Opus(), clip=mono, force_channels="stereo").data == plain.data
    assert encode(Opus(), clip=mono, force_channels="mono").payload_bits


def test_forced_mono_drops_the_side_signal() -> None:
    """Both channels decode to the same."""
    encoder = Opus()
    left, right = encoder.decode(encode(encoder, 128, force_channels="mono"))[0]
    np.testing.assert_array_equal(left, right)
    left, right = encoder.decode(encode(encoder, 128))[0]
    assert np.max(np.abs(left - right)) > 0.1


def fading_clip() -> np.ndarray:
    """A tone that fades from -10 to -110 dBFS, of exactly 16 bits."""
    time_s = np.arange(RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 440 * time_s) * 10.0 ** (-5 * time_s)
    return np.stack([np.round(tone * 32768) / 32768] * 2).astype(np.float32)


def test_depths_differ_near_silence() -> None:
    """The fewer bits count as signal, the less is spent on what is nearly silent."""
    depths = next(p for p in Opus.parameters if p.name == "lsb_depth").choices
    bits = [encode(Opus(), clip=fading_clip(), lsb_depth=depth).payload_bits for depth in depths]
    assert bits == sorted(set(bits), reverse=True)


def test_sample_size_of_the_source_does_not_matter(tmp_path: Path) -> None:
    """A 16-bit file codes to what was measured; by a bare command it would not."""
    encoder = Opus(binary=Opus().path())
    source, target = str(tmp_path / "in.wav"), str(tmp_path / "out.opus")
    soundfile.write(source, fading_clip().T, RATE, "PCM_16")
    measured = encoder.decode(encode(encoder, clip=fading_clip()))[0]
    told = list(encoder.command_line(settings_of(Opus.parameters, "vbr"), 64, source, target))
    bare = [encoder.path(), "--bitrate", "64", source, target]
    for command_line, same in ((told, True), (bare, False)):
        run(command_line)
        made = encoder.decode(Encoded(Path(target).read_bytes(), ".opus", 1, 0.0))[0]
        assert np.array_equal(made, measured) == same


def test_command_lines() -> None:
    """Defaults are left out, but for the depth that opusenc takes from the file."""
    assert command("vbr", 64.1) == "--bitrate 64.1 --set-ctl-int 4036=24"
    assert command("cvbr", 24, complexity=5, signal="speech") == (
        "--bitrate 24 --cvbr --comp 5 --speech --set-ctl-int 4036=24"
    )
    assert command(
        "cbr",
        256,
        frame_size_ms=2.5,
        application="lowdelay",
        bandwidth="wideband",
        phase_inversion=False,
        prediction=False,
        lsb_depth=16,
    ) == (
        "--bitrate 256 --hard-cbr --framesize 2.5 --no-phase-inv --set-ctl-int 4000=2051"
        " --set-ctl-int 4008=1103 --set-ctl-int 4042=1 --set-ctl-int 4036=16"
    )
    assert command("vbr", 64, max_bandwidth_hz=12_000, expect_loss=10, fec=True) == (
        "--bitrate 64 --expect-loss 10 --set-ctl-int 4004=1104 --set-ctl-int 4012=1"
        " --set-ctl-int 4036=24"
    )


def test_speech_modes_need_long_frames() -> None:
    """Where libopus has none the hint and the error correction are not offered."""
    for values in ({"frame_size_ms": 5.0}, {"application": "lowdelay"}):
        names = {p.name for p in active_parameters(Opus.parameters, "vbr", values)}
        assert not names & {"signal", "fec"}


def test_whole_files_repeat() -> None:
    """The serial number is fixed in what we run, and not shown."""
    assert encode(Opus()).data == encode(Opus()).data
    assert "--serial" not in command("vbr", 64)


def test_version_names_program_and_library() -> None:
    """Both are in the text; the libraries are in the digest."""
    version = Opus().version
    assert version.text.startswith("opus-tools ") and "libopus " in version.text
    alone = file_digest(version.binary, file_state(version.binary))
    assert version.digest != alone.hex()[:16]


def test_find_opus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command line where it is installed, else ffmpeg, else what was named."""
    assert find_opus() == Opus()
    assert find_opus("/some/opusenc") == Opus("/some/opusenc")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("opusenc") is None
    found = find_opus()
    assert found == OpusFfmpeg()
    assert found.encode(CLIP, RATE, default_settings(found), 64).payload_bits

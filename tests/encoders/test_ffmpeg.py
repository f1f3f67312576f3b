"""What the ffmpeg adapters share, against the real binary and scripts that misbehave."""

import io
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from encoders.aac import Aac
from encoders.container import count_payload_bits
from encoders.ffmpeg import BINARY_VARIABLE, FfmpegEncoder, bitrate
from encoders.lame_ffmpeg import LameFfmpeg
from encoders.opus_ffmpeg import OpusFfmpeg
from encoders.process import run
from tuner.encoder import Encoded, Settings, Value, default_settings, settings_of
from tuner.errors import DecodeFailed, EncoderFailed, EncoderMissing, OptionIgnored, SettingsError
from tuner.sound.audio import read_audio
from tuner.testing import make_clip

RATE = 48_000
CLIP = make_clip()
REAL = Aac().version.binary
#: Settings far from the default, all rate modes: (adapter, settings by name, knob).
ELABORATE = [
    (Aac(), "abr", {"cutoff_hz": 14_000, "tns": False, "ms": "off"}, 64.1),
    (Aac(), "vbr", {"coder": "fast", "intensity_stereo": False, "pns": False}, 0.55),
    (LameFfmpeg(), "cbr", {"quality": 0, "reservoir": False}, 96),
    (LameFfmpeg(), "abr", {"sample_rate_hz": "32000", "stereo_mode": "stereo"}, 71),
    (LameFfmpeg(), "vbr", {"quality_vbr": 7, "lowpass_hz": 9_000}, 6.25),
    (OpusFfmpeg(), "vbr", {"application": "voip", "expect_loss": 5, "fec": True}, 48.3),
    (OpusFfmpeg(), "cvbr", {"frame_size_ms": 2.5, "phase_inversion": False}, 24),
    (OpusFfmpeg(), "cbr", {"complexity": 3, "max_bandwidth_hz": 12_000}, 33),
]


def packets(data: bytes) -> list[bytes]:
    """The codec's packets, without the container."""
    with av.open(io.BytesIO(data)) as container:
        return [bytes(packet) for packet in container.demux(audio=0)]


def write_wav(path: Path, pcm: np.ndarray) -> None:
    """A float WAV file."""
    import soundfile

    soundfile.write(path, pcm.T, RATE, subtype="FLOAT")


def script(folder: Path, body: str) -> str:
    """An executable shell script that calls itself ffmpeg."""
    path = folder / "ffmpeg-script"
    path.write_text(
        f'#!/bin/sh\ncase "$1" in -version) echo "ffmpeg version 0"; exit;; esac\n{body}\n'
    )
    path.chmod(0o755)
    return str(path)


def encode(encoder: FfmpegEncoder) -> Encoded:
    """One encode with the defaults at 64 kb/s."""
    return encoder.encode(CLIP, RATE, default_settings(encoder), 64)


@pytest.mark.parametrize("encoder", [Aac(), LameFfmpeg(), OpusFfmpeg()])
def test_defaults_are_those_of_a_bare_command(encoder: FfmpegEncoder, tmp_path: Path) -> None:
    """With the bitrate alone a user gets the same packets as our default settings."""
    source, target = tmp_path / "in.wav", tmp_path / f"out{encoder.suffix}"
    write_wav(source, CLIP)
    run([REAL, "-v", "error", "-i", str(source), "-c:a", encoder.codec, "-b:a", "64k", str(target)])
    assert packets(target.read_bytes()) == packets(encode(encoder).data)


@pytest.mark.parametrize(("encoder", "mode", "values", "knob"), ELABORATE)
def test_command_line_gives_the_same_packets(
    encoder: FfmpegEncoder, mode: str, values: dict[str, Value], knob: float, tmp_path: Path
) -> None:
    """The command that we show makes the payload that we measured."""
    settings = settings_of(encoder.parameters, mode, **values)
    source, target = tmp_path / "in file.wav", tmp_path / f"out{encoder.suffix}"
    write_wav(source, CLIP)
    command = encoder.command_line(settings, knob, str(source), str(target))
    assert command[0] == "ffmpeg"
    run([REAL, *command[1:]])
    made = packets(encoder.encode(CLIP, RATE, settings, knob).data)
    assert packets(target.read_bytes()) == made


def test_command_line_names_a_configured_binary() -> None:
    """With a binary of one's own the command starts with its path."""
    encoder = Aac(binary=REAL)
    assert encoder.command_line(default_settings(encoder), 64, "a", "b.m4a")[0] == REAL


@pytest.mark.parametrize("encoder", [Aac(), LameFfmpeg(), OpusFfmpeg()])
def test_whole_files_repeat(encoder: FfmpegEncoder) -> None:
    """Not only the payload: serial numbers and tags are fixed as well."""
    assert encode(encoder).data == encode(encoder).data


@pytest.mark.parametrize("encoder", [Aac(), LameFfmpeg(), OpusFfmpeg()])
@pytest.mark.parametrize("rate", [44_100, 16_000])
def test_other_sample_rates(encoder: FfmpegEncoder, rate: int) -> None:
    """Clips at other rates are taken; the decoded length matches within a frame."""
    clip = CLIP[:, : rate // 2]
    decoded, decoded_rate = encoder.decode(
        encoder.encode(clip, rate, default_settings(encoder), 64)
    )
    assert decoded.shape[1] / decoded_rate == pytest.approx(0.5, abs=1200 / rate)


def test_payload_leaves_the_container_out() -> None:
    """The bits are those of the packets, less than the file's."""
    for encoder in (Aac(), LameFfmpeg(), OpusFfmpeg()):
        encoded = encode(encoder)
        bits = sum(8 * len(packet) for packet in packets(encoded.data))
        assert encoded.payload_bits == bits < 8 * len(encoded.data)


def test_decodes_like_ffmpeg_itself(tmp_path: Path) -> None:
    """Decoding in process gives what ffmpeg's own decoding gives, sample by sample."""
    encoded = encode(Aac())
    source, target = tmp_path / "in.m4a", tmp_path / "out.wav"
    source.write_bytes(encoded.data)
    run([REAL, "-v", "error", "-i", str(source), "-c:a", "pcm_f32le", str(target)])
    decoded, _ = Aac().decode(encoded)
    theirs, _ = read_audio(target)
    shared = min(decoded.shape[1], theirs.shape[1])
    assert shared >= CLIP.shape[1]
    np.testing.assert_allclose(decoded[:, :shared], theirs[:, :shared], atol=1e-5)


def test_peaks_above_one_are_kept() -> None:
    """Loud signals are neither clipped before encoding nor after decoding."""
    loud = CLIP * np.float32(1.5 / np.max(np.abs(CLIP)))
    encoder = Aac()
    encoded = encoder.encode(loud, RATE, default_settings(encoder), 256)
    assert np.max(np.abs(encoder.decode(encoded)[0])) > 1.3


@dataclass(frozen=True)
class Misused(Aac):
    """AAC with options that ffmpeg drops, clamps or does not know."""

    extra: tuple[tuple[str, str], ...] = ()

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        return super().options(mode, values, knob) | dict(self.extra)


@dataclass(frozen=True)
class MisusedOpus(OpusFfmpeg):
    """Opus with options that libopus's wrapper replaces."""

    extra: tuple[tuple[str, str], ...] = ()

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        return super().options(mode, values, knob) | dict(self.extra)


@pytest.mark.parametrize(
    "encoder",
    [
        Misused(extra=(("abr", "1"),)),
        Misused(extra=(("vbr", "on"),)),
        Misused(extra=(("b:a", "600k"),)),
        MisusedOpus(extra=(("cutoff", "7000"),)),
        MisusedOpus(extra=(("frame_duration", "5"),)),
        MisusedOpus(extra=(("compression_level", "12"),)),
    ],
    ids=lambda encoder: str(encoder.extra),
)
def test_dropped_options_are_errors(encoder: FfmpegEncoder) -> None:
    """ffmpeg exits 0 with a warning; we do not."""
    with pytest.raises(OptionIgnored) as caught:
        encode(encoder)
    assert caught.value.exit_code == 0
    assert caught.value.stderr


@pytest.mark.parametrize("extra", [("aac_foo", "1"), ("aac_coder", "anmr")])
def test_unknown_options_are_errors(extra: tuple[str, str]) -> None:
    """What ffmpeg refuses is reported with its words."""
    with pytest.raises(EncoderFailed, match=extra[0]):
        encode(Misused(extra=(extra,)))


def test_success_without_output_is_a_failure(tmp_path: Path) -> None:
    """Exit code 0 alone proves nothing."""
    with pytest.raises(EncoderFailed, match="no output"):
        encode(Aac(binary=script(tmp_path, "cat > /dev/null")))


def test_success_with_damaged_output_is_a_failure(tmp_path: Path) -> None:
    """An output that cannot even be demuxed is never counted."""
    body = (
        'cat > /dev/null; for last in "$@"; do case "$last" in *.m4a) echo x > "$last";; esac; done'
    )
    with pytest.raises(DecodeFailed):
        encode(Aac(binary=script(tmp_path, body)))


def test_no_temporary_files_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The private folder goes, whether the encode succeeds or fails."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    encode(Aac())
    with pytest.raises(EncoderFailed):
        encode(Aac(binary=script(tmp_path, "exit 5")))
    assert list(folder.iterdir()) == []


def test_binary_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable names another ffmpeg; an argument wins over it."""
    monkeypatch.setenv(BINARY_VARIABLE, script(tmp_path, "exit 5"))
    assert Aac().version.text == "ffmpeg 0"
    assert Aac(binary=REAL).version.text != "ffmpeg 0"


def test_version_follows_the_file(tmp_path: Path) -> None:
    """Another build under the same path has another digest."""
    encoder = OpusFfmpeg(binary=script(tmp_path, "exit 1"))
    before = encoder.version
    script(tmp_path, "exit 2 # another build")
    assert encoder.version.digest != before.digest
    assert encoder.version.binary == before.binary


def test_version_of_lame_is_in_its_stream() -> None:
    """LAME signs its padding; ffmpeg's own version comes first."""
    text = LameFfmpeg().version.text
    assert text.startswith("ffmpeg ")
    assert ", LAME" in text
    assert LameFfmpeg().version.digest == Aac().version.digest


@pytest.mark.parametrize("program", ["true", "false"])
def test_something_else_is_not_ffmpeg(program: str) -> None:
    """A program that fails or does not answer like ffmpeg is `EncoderMissing`, with the remedy."""
    with pytest.raises(EncoderMissing, match="imageio-ffmpeg"):
        _ = Aac(binary=shutil.which(program)).version


@pytest.mark.parametrize(
    ("shape", "told"),
    [((9, 100), "does not encode 9 channels"), ((100,), "shape"), ((2, 0), "shape")],
)
def test_refuses_other_shapes(shape: tuple[int, ...], told: str) -> None:
    """One to eight channels of at least one sample."""
    with pytest.raises(SettingsError, match=told):
        Aac().encode(np.zeros(shape, np.float32), RATE, default_settings(Aac()), 64)


def test_inactive_parameters_are_refused() -> None:
    """The fast coder is only offered where it is of use."""
    values = {**default_settings(Aac()).as_dict(), "coder": "fast"}
    with pytest.raises(SettingsError, match="coder"):
        Aac().encode(CLIP, RATE, Settings.of("abr", values), 64)


def test_truncated_data_never_decodes_to_nothing() -> None:
    """A file cut in its header is an error, not an empty signal."""
    encoded = encode(OpusFfmpeg())
    with pytest.raises(DecodeFailed):
        OpusFfmpeg().decode(Encoded(encoded.data[:60], ".opus", 1, 0.0))
    with pytest.raises(DecodeFailed):
        count_payload_bits(b"RIFF")


@pytest.mark.parametrize(
    ("kbps", "text"), [(64, "64k"), (64.1, "64.1k"), (71.25, "71.25k"), (256.0, "256k")]
)
def test_bitrate_notation(kbps: float, text: str) -> None:
    """Bitrates are written to the bit, without trailing zeros."""
    assert bitrate(kbps) == text

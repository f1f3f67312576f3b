"""One decoder: right to the sample, or refused in words that name the file and the place."""

from __future__ import annotations

import contextlib
import logging
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from tuner.errors import ClipError
from tuner.pcm import Pcm
from tuner.sound.audio import read_audio
from tuner.sound.decoding import read_format


def music(samples: int = 66_789, channels: int = 2, seed: int = 0) -> Pcm:
    """Noise with a shape, on a grid of 16 bits."""
    rng = np.random.default_rng(seed)
    shape = np.exp(-3 * (np.arange(samples) % 9000) / 9000)
    return (np.round(3000 * rng.standard_normal((channels, samples)) * shape) / 32768).astype("f4")


def encode(path: Path, codec: str, signal: Pcm, rate: int = 44_100, *options: str) -> Path:
    """Write with the bundled ffmpeg."""
    source = path.with_name(path.name + ".wav")
    soundfile.write(source, signal.T, rate, "PCM_16")
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-v", "error", "-y", "-i", str(source), *options, "-c:a", codec, str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


@pytest.mark.parametrize(
    ("suffix", "codec"), [("flac", "flac"), ("m4a", "alac"), ("wv", "wavpack"), ("tta", "tta")]
)
def test_lossless_files_are_read_to_the_bit(tmp_path: Path, suffix: str, codec: str) -> None:
    """With their rate and depth."""
    signal = music()
    path = encode(tmp_path / f"x.{suffix}", codec, signal)
    pcm, rate = read_audio(path)
    assert rate == 44_100
    assert np.array_equal(pcm, signal)
    assert read_format(path).lossless


def test_padding_of_mpeg4_audio_is_taken_off(tmp_path: Path) -> None:
    """Its last packet holds more than the sound."""
    signal = music()
    assert read_audio(encode(tmp_path / "x.m4a", "aac", signal))[0].shape == signal.shape


@pytest.mark.parametrize(("suffix", "codec"), [("mp3", "libmp3lame"), ("ogg", "libvorbis")])
def test_files_joined_by_copying_are_read_whole(tmp_path: Path, suffix: str, codec: str) -> None:
    """Without a gap, though each header tells of its own part only."""
    signals = [music(88_200), music(66_789, seed=1)]
    parts = [encode(tmp_path / f"{n}.{suffix}", codec, s) for n, s in enumerate(signals)]
    joined = tmp_path / f"joined.{suffix}"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    pcm, _ = read_audio(joined)
    apart = np.concatenate([read_audio(part)[0] for part in parts], axis=1)
    assert abs(apart.shape[1] - 154_989) < 64
    assert np.array_equal(pcm, apart)


def test_a_change_in_mid_stream_is_refused(tmp_path: Path) -> None:
    """Where it is, and from what to what."""
    parts = [
        encode(tmp_path / "0.mp3", "libmp3lame", music(88_200)),
        encode(tmp_path / "1.mp3", "libmp3lame", music(48_000, 1), 32_000),
    ]
    joined = tmp_path / "joined.mp3"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(ClipError, match=r"from 44100 Hz stereo to 32000 Hz mono at 2\.00 s"):
        read_audio(joined)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, flip])
@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        *(("flac", "flac"), ("wv", "wavpack"), ("tta", "tta"), ("opus", "libopus")),
        ("ogg", "libvorbis"),
    ],
)
def test_damage_is_an_error_with_its_place(
    tmp_path: Path, suffix: str, codec: str, damage: object
) -> None:
    """A changed bit, and a download that was cut off: never a shorter signal."""
    path = encode(tmp_path / f"x.{suffix}", codec, music(96_000), 48_000)
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ClipError, match=rf"x\.{suffix}: (truncated|damaged).*(s|byte|last page)"):
        read_audio(path)


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mp3", "libmp3lame"), ("mka", "flac"), ("webm", "libopus"), ("m4a", "alac")],
)
def test_what_is_cut_off_is_told(tmp_path: Path, suffix: str, codec: str) -> None:
    """Against what the header promises."""
    path = encode(tmp_path / f"x.{suffix}", codec, music())
    path.write_bytes(cut(path.read_bytes()))
    with pytest.raises(ClipError) as told:
        read_audio(path)
    assert told.value.where == str(path)


@pytest.mark.parametrize(
    ("kind", "at"), [("WAV", 40), ("RF64", None), ("AIFF", None), ("W64", None)]
)
def test_pcm_that_is_cut_off_is_told(tmp_path: Path, kind: str, at: int | None) -> None:
    """And a length that a recorder never filled in is no damage."""
    path = tmp_path / "x.pcm"
    soundfile.write(path, music().T, 44_100, "PCM_16", format=kind)
    whole = path.read_bytes()
    path.write_bytes(cut(whole))
    with pytest.raises(ClipError, match=r"x\.pcm: truncated"):
        read_audio(path)
    if at is not None:
        path.write_bytes(whole[:at] + b"\xff" * 4 + whole[at + 4 :])
        assert np.array_equal(read_audio(path)[0], music())


def test_the_default_stream_is_taken_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As players do."""
    signal = music()
    other = tmp_path / "other.wav"
    soundfile.write(other, music(seed=1).T, 44_100, "PCM_16")
    second = ("-i", str(other), "-map", "1", "-map", "0", "-disposition:a:0", "0")
    path = encode(
        tmp_path / "x.mka", "flac", signal, 44_100, *second, "-disposition:a:1", "default"
    )
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(read_audio(path)[0], signal)
    assert "contains 2 audio streams; using number 2" in caplog.text


def test_what_keeps_no_length_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Raw AAC has its delay and padding in it."""
    path = encode(tmp_path / "x.aac", "aac", music())
    with caplog.at_level(logging.WARNING):
        read_audio(path)
    assert "x.aac: AAC in this form declares neither delay nor end" in caplog.text


@pytest.mark.parametrize("content", [b"", b"no audio at all" * 99, bytes(5000)])
def test_what_is_no_sound_file_is_told(tmp_path: Path, content: bytes) -> None:
    """By name, and without a traceback of a library."""
    for suffix in ("wav", "flac", "m4a", "ogg"):
        path = tmp_path / f"x.{suffix}"
        path.write_bytes(content)
        with pytest.raises(ClipError) as told:
            read_audio(path)
        assert told.value.where == str(path)


def test_shapes_of_blocks(tmp_path: Path) -> None:
    """All blocks of a file have one rate and as many channels."""
    blocks: Iterable[tuple[Pcm, int]]
    from tuner.sound.decoding import decode_blocks

    path = encode(tmp_path / "x.flac", "flac", music(channels=1), 96_000)
    blocks = list(decode_blocks(path))
    assert {(len(pcm), rate) for pcm, rate in blocks} == {(1, 96_000)}


@pytest.mark.parametrize("suffix", ["aiff", "caf", "wav", "flac", "wv"])
def test_eight_channels_are_read(tmp_path: Path, suffix: str) -> None:
    """PyAV reads beyond such frames, and crashes where channels have an order of their own."""
    signal = music(9000, 8)
    codec = {"flac": "flac", "wv": "wavpack", "wav": "pcm_s16le"}.get(suffix, "pcm_s16be")
    assert np.array_equal(read_audio(encode(tmp_path / f"x.{suffix}", codec, signal))[0], signal)


@pytest.mark.parametrize(
    ("channels", "mask", "name"),
    [(3, 0xB, "2.1"), (4, 0x107, "4.0"), (7, 0x13F, "6.1(back)"), (8, 0xFF, "7.1(wide)")],
)
def test_other_speakers_are_refused(tmp_path: Path, channels: int, mask: int, name: str) -> None:
    """By name: 2.1 read as 3.0 would put the subwoofer in the centre."""
    path = tmp_path / "x.wav"
    soundfile.write(path, music(9000, channels).T, 48_000, "PCM_16", format="WAVEX")
    path.write_bytes(path.read_bytes()[:40] + mask.to_bytes(4, "little") + path.read_bytes()[44:])
    told = re.escape(f"x.wav: has {channels} channels in the layout {name}; only ")
    with pytest.raises(ClipError, match=told):
        read_audio(path)


@pytest.mark.parametrize("suffix", ["mov", "caf"])
@pytest.mark.parametrize(
    ("channels", "mask"), [(3, 0x7), (4, 0x33), (6, 0x3F), (6, 0x60F), (8, 0x63F)]
)
def test_surround_in_quicktime_and_caf(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, suffix: str, channels: int, mask: int
) -> None:
    """Its speakers are told by a tag or a bitmap; PyAV crashes on others, so they are refused."""
    signal = music(9000, channels)
    source, path = tmp_path / "x.wav", tmp_path / f"x.{suffix}"
    soundfile.write(source, signal.T, 48_000, "PCM_16", format="WAVEX")
    source.write_bytes(
        source.read_bytes()[:40] + mask.to_bytes(4, "little") + source.read_bytes()[44:]
    )
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, "-v", "error", "-i", source, "-c:a", "pcm_s16be", path], check=True)
    assert np.array_equal(read_audio(path)[0], signal)
    assert "does not declare" not in caplog.text
    content = bytearray(path.read_bytes())
    at = content.index(b"chan") + (8 if suffix == "mov" else 12)
    content[at : at + 2] = (126).to_bytes(2, "big")  # MPEG 7.1 A, whatever the channels
    path.write_bytes(content)
    with pytest.raises(ClipError, match=rf"x.{suffix}: declares its {channels} channels for other"):
        read_audio(path)


def test_a_wave64_file_without_a_length(tmp_path: Path) -> None:
    """As it comes out of a pipe: to its end."""
    source, path = tmp_path / "source.wav", tmp_path / "x.w64"
    soundfile.write(source, music().T, 44_100, "PCM_16")
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-v", "error", "-i", source, "-f", "w64", "pipe:"]
    path.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    assert np.array_equal(read_audio(path)[0], music())
    assert read_format(path).lossless


def test_alac_in_caf(tmp_path: Path) -> None:
    """FFmpeg takes its padding off twice; a missing end is told."""
    path = encode(tmp_path / "x.caf", "alac", music())
    assert np.array_equal(read_audio(path)[0], music())
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(ClipError, match=r"x\.caf: cannot be read"):  # its packet table is last
        read_audio(path)


def test_wavpack_with_an_old_tag(tmp_path: Path) -> None:
    """ID3v1 at its end, which FFmpeg takes for a damaged block."""
    path = encode(tmp_path / "x.wv", "wavpack", music())
    path.write_bytes(path.read_bytes() + b"TAG" + b"Title".ljust(125, b"\0"))
    assert np.array_equal(read_audio(path)[0], music())


def test_wav_with_the_high_byte_first(tmp_path: Path) -> None:
    """RIFX, which FFmpeg reads in the wrong order."""
    path = tmp_path / "x.wav"
    soundfile.write(path, music().T, 44_100, "PCM_16", "BIG", "WAV")
    assert path.read_bytes()[:4] == b"RIFX"
    assert np.array_equal(read_audio(path)[0], music())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ClipError, match="truncated"):
        read_audio(path)


@pytest.mark.parametrize(
    ("suffix", "codec", "told"),
    [("wav", "pcm_s16le", "contains more audio after"), ("m4a", "alac", "several MPEG-4 files")],
)
def test_joined_files_of_which_one_would_be_read(
    tmp_path: Path, suffix: str, codec: str, told: str
) -> None:
    """Their headers tell of the first only."""
    path = encode(tmp_path / f"x.{suffix}", codec, music())
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(ClipError, match=f"x.{suffix}: {told}"):
        read_audio(path)


def test_what_is_left_out_or_in_doubt_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Bytes behind the sound, a full tag of ffmpeg's, fragments without a delay, no length."""
    wav = encode(tmp_path / "x.wav", "pcm_s16le", music(), 44_100, "-bitexact")
    wav.write_bytes(wav.read_bytes() + b"junk" * 50)
    vague = encode(tmp_path / "x.mp3", "libmp3lame", music(88_714))
    options = ("-movflags", "frag_keyframe+empty_moov")
    live = encode(tmp_path / "x.mp4", "aac", music(), 44_100, *options)
    flac = encode(tmp_path / "x.flac", "flac", music())
    data = flac.read_bytes()
    flac.write_bytes(data[:21] + bytes([data[21] & 0xF0]) + bytes(4) + data[26:])
    for path, told in (
        (wav, "ignored 200 bytes after its audio"),
        (vague, "up to 48 samples too many at the end"),
        (live, "declares neither delay nor end"),
        (flac, "does not declare its length"),
    ):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            read_audio(path)
        assert f"{path.name}: " in caplog.text and told in caplog.text
    assert np.array_equal(read_audio(wav)[0], music())
    assert np.array_equal(read_audio(flac)[0], music())
    assert 0 < read_audio(vague)[0].shape[1] - 88_714 <= 48


@pytest.mark.parametrize("suffix", ["caf", "aiff", "wav", "w64"])
def test_headers_that_point_anywhere_are_told(tmp_path: Path, suffix: str) -> None:
    """Sizes of chunks that no file has: an error in words, whatever stands there."""
    path = tmp_path / f"x.{suffix}"
    form = "W64" if suffix == "w64" else suffix.upper()
    soundfile.write(path, music(9000).T, 44_100, "PCM_16", format=form)
    whole = path.read_bytes()
    for at in range(4, 120, 2):
        path.write_bytes(whole[:at] + b"\x7f\xff\xff" + whole[at + 3 :])
        with contextlib.suppress(ClipError):
            read_audio(path)


def test_lists_of_other_files_are_refused(tmp_path: Path) -> None:
    """FFmpeg would open what they name."""
    soundfile.write(tmp_path / "other.wav", music().T, 44_100)
    (tmp_path / "x.wav").write_text("ffconcat version 1.0\nfile other.wav\n")
    with pytest.raises(ClipError, match=r"x\.wav: a playlist"):
        read_audio(tmp_path / "x.wav")


def test_samples_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    """With their place."""
    signal = music()
    signal[1, 44_100] = np.inf
    soundfile.write(tmp_path / "x.wav", signal.T, 44_100, "FLOAT")
    with pytest.raises(ClipError, match=r"x\.wav: contains NaN or infinite samples at 1\.00 s"):
        read_audio(tmp_path / "x.wav")


def test_samples_that_no_sound_has_are_refused(tmp_path: Path) -> None:
    """Their squares overflow; floats scaled as whole numbers of 32 bits are a sound."""
    signal = music().astype(np.float32)
    soundfile.write(tmp_path / "whole.wav", signal.T * 2.0**31, 44_100, "FLOAT")
    assert np.max(np.abs(read_audio(tmp_path / "whole.wav")[0])) > 1e6
    signal[0, 22_050] = 1e30
    soundfile.write(tmp_path / "x.wav", signal.T, 44_100, "FLOAT")
    with pytest.raises(ClipError, match=r"x\.wav: contains samples above \+200 dBFS at 0\.50 s"):
        read_audio(tmp_path / "x.wav")

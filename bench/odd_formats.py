"""Odd files of the matrix in `bench.formats`: what people's folders hold besides.

Cut at several places, under a wrong name, without samples, with many channels or odd rates, with
other tags in front, several streams, no length, little-used codecs and containers.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from bench.formats import Case, Maker, changed, encode, ffmpeg, joined, music, piped
from tuner.sound.audio import Pcm, resample

RATE = 44_100
STEREO = music(RATE, 2)
#: Name -> codec and options.
CODED = {
    "flac": ("flac", "-sample_fmt", "s16"),
    "alac.m4a": ("alac",),
    "wv": ("wavpack",),
    "tta": ("tta",),
    "lame.mp3": ("libmp3lame", "-b:a", "160k"),
    "opus": ("libopus", "-b:a", "128k"),
    "vorbis.ogg": ("libvorbis",),
    "aac.m4a": ("aac", "-b:a", "160k"),
    "opus.webm": ("libopus", "-b:a", "128k"),
    "flac.mka": ("flac",),
}
PCM = {"wav": "le", "aiff": "be", "au": "be", "caf": "be"}
FLAC = ("-c:a", "flac", "-sample_fmt", "s16")
MP3 = ("-c:a", "libmp3lame", "-b:a", "160k")


def cases() -> Iterator[Case]:
    """The odd files."""
    yield from _cuts()
    yield from _names()
    yield from _shapes()
    yield from _tagged()
    yield from _streams()
    yield from _wav_headers()
    yield from _no_sounds()


def makers() -> dict[str, Maker]:
    """Plain files, to be changed."""
    made = {k: encode(STEREO, RATE, "-c:a", c, *more) for k, (c, *more) in CODED.items()}
    made |= {k: encode(STEREO, RATE, "-c:a", f"pcm_s16{order}") for k, order in PCM.items()}
    return made


def _cuts() -> Iterator[Case]:
    for name, make in makers().items():
        for what, change in (
            ("10", lambda data: data[: len(data) // 10]),
            ("50", lambda data: data[: len(data) // 2]),
            ("95", lambda data: data[: len(data) * 95 // 100]),
            ("last_bytes", lambda data: data[:-100]),
            ("last_byte", lambda data: data[:-1]),
        ):
            # What lies behind the sound may be missing without harm.
            harmless = what.startswith("last") and "vorbis" not in name
            signal = resample(STEREO, RATE, 48_000) if "opus" in name else STEREO
            bits = None if name.partition(".")[0] in ("lame", "opus", "aac") else 16
            case = Case(f"cut_{what}.{name}", changed(make, change), signal, bits)
            yield case if harmless else Case(case.name, case.make, None)


def renamed(make: Maker, suffix: str) -> Maker:
    """A maker: what it makes as a file of that suffix, under another name."""

    def write(path: Path) -> None:
        true = path.with_name("renamed." + suffix)
        make(true)
        true.rename(path)

    return write


def _names() -> Iterator[Case]:
    made = makers()
    for true, false in (
        *(("flac", "wav"), ("wav", "flac"), ("wav", "mp3"), ("aiff", "wav"), ("wv", "flac")),
        *(("lame.mp3", "wav"), ("alac.m4a", "mp3"), ("opus", "mp3"), ("vorbis.ogg", "m4a")),
        *(("lame.mp3", "flac"), ("aac.m4a", "ogg"), ("caf", "aiff"), ("flac", "noext")),
    ):
        lossless = true in ("flac", "wav", "aiff", "alac.m4a", "wv", "caf")
        signal = resample(STEREO, RATE, 48_000) if true == "opus" else STEREO
        suffix = "" if false == "noext" else f".{false}"
        name = f"really_{true}{suffix}"
        yield Case(name, renamed(made[true], true), signal, 16 if lossless else None)


def _shapes() -> Iterator[Case]:
    for rate in (7350, 11_025, 22_050, 37_800, 47_999, 88_200, 176_400, 192_000, 384_000):
        signal = music(rate, 1)
        yield Case(f"odd_{rate}.wav", encode(signal, rate, "-c:a", "pcm_s16le"), signal, 16)
        yield Case(f"odd_{rate}.flac", encode(signal, rate, *FLAC), signal, 16)
    for channels in (3, 4, 6, 8):
        signal = music(RATE, channels)
        for suffix, options in (
            *(("wav", ("-c:a", "pcm_s16le")), ("flac", FLAC), ("aiff", ("-c:a", "pcm_s16be"))),
            *(("caf", ("-c:a", "pcm_s16be")), ("wv", ("-c:a", "wavpack", "-sample_fmt", "s16p"))),
        ):
            name = f"channels_{channels}.{suffix}"
            yield Case(name, encode(signal, RATE, *options), signal, 16)
    many = music(RATE, 16)
    yield Case("channels_16.wav", functools.partial(_soundfile, many, "PCM_16", "WAVEX"), many, 16)
    loud = np.float32(3.5) * STEREO
    for name, kind, form in (
        *(("loud.wav", "FLOAT", "WAV"), ("loud64.wav", "DOUBLE", "WAV")),
        *(("loud.aiff", "FLOAT", "AIFF"), ("loud.caf", "FLOAT", "CAF"), ("loud.au", "FLOAT", "AU")),
    ):
        yield Case(name, functools.partial(_soundfile, loud, kind, form), loud, 24)
    yield Case("loud.wv", encode_float(loud, "wavpack", "-sample_fmt", "fltp"), loud, 24)
    for name, kind, form in (
        *(("s8.aiff", "PCM_S8", "AIFF"), ("s8.caf", "PCM_S8", "CAF"), ("u8.w64", "PCM_U8", "W64")),
    ):
        yield Case(name, functools.partial(_soundfile, STEREO, kind, form), STEREO, 8)
    for name, kind, form in (
        *(("ulaw.wav", "ULAW", "WAV"), ("alaw.au", "ALAW", "AU"), ("ulaw.aifc", "ULAW", "AIFF")),
        *(("ima.wav", "IMA_ADPCM", "WAV"), ("ms.wav", "MS_ADPCM", "WAV")),
    ):
        yield Case(name, functools.partial(_soundfile, STEREO, kind, form), STEREO)
    gsm = music(8000, 1)
    yield Case("gsm.wav", functools.partial(_soundfile, gsm, "GSM610", "WAV", rate=8000), gsm)
    sowt = functools.partial(_soundfile, STEREO, "PCM_16", "AIFF", endian="LITTLE")
    yield Case("sowt.aifc", sowt, STEREO, 16)
    rifx = functools.partial(_soundfile, STEREO, "PCM_16", "WAV", endian="BIG")
    yield Case("rifx.wav", rifx, STEREO, 16)


def _soundfile(
    signal: Pcm, kind: str, form: str, path: Path, rate: int = RATE, endian: str = "FILE"
) -> None:
    soundfile.write(path, signal.T, rate, kind, endian, form)


def encode_float(signal: Pcm, codec: str, *options: str) -> Maker:
    """A maker: ffmpeg fed with floats, which may be above 1."""

    def make(path: Path) -> None:
        wav = path.with_name(path.name + ".in.wav")
        soundfile.write(wav, signal.T, RATE, "FLOAT")
        ffmpeg("-i", wav, "-c:a", codec, *options, path)
        wav.unlink()

    return make


def id3_tag(size: int = 3000, inside: bytes = b"") -> bytes:
    """An ID3 tag of version 2.3 with a picture frame of noise."""
    body = b"\0image/png\0\x03\0" + inside + bytes(size)
    frame = b"APIC" + struct.pack(">I", len(body)) + b"\0\0" + body
    length = len(frame)
    seven = bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + seven + frame


def _tagged() -> Iterator[Case]:
    made = makers()
    tail = b"TAG" + b"Title".ljust(125, b"\0")
    fake = b"\xff\xfb\x90\x64" + bytes(32) + b"Xing" + bytes(200)
    aac = encode(STEREO, RATE, "-c:a", "aac")
    for name, make, signal, bits in (
        ("flac", made["flac"], STEREO, 16),
        ("mp3", made["lame.mp3"], STEREO, None),
        ("aac", aac, STEREO, None),
        ("wv", made["wv"], STEREO, 16),
        ("tta", made["tta"], STEREO, 16),
    ):
        for what, change in (
            ("id3_before", lambda data: id3_tag() + data),
            ("id3v1_behind", lambda data: data + tail),
            ("picture_of_mp3_before", lambda data: id3_tag(inside=fake) + data),
            ("large_id3_before", lambda data: id3_tag(300_000) + data),
        ):
            yield Case(f"{what}.{name}", changed(make, change), signal, bits)
    for count in (1, 417, 5000):
        change = functools.partial(_with_zeros, count)
        yield Case(f"zeros_{count}_before.mp3", changed(made["lame.mp3"], change), STEREO)
    yield Case("garbage_behind.mp3", changed(made["lame.mp3"], lambda d: d + b"junk" * 99), STEREO)
    yield Case("garbage_behind.flac", changed(made["flac"], lambda d: d + b"junk" * 99), STEREO, 16)
    yield Case("garbage_behind.wav", changed(made["wav"], lambda d: d + b"junk" * 99), STEREO, 16)
    unknown = changed(made["flac"], lambda d: d[:21] + bytes([d[21] & 0xF0, 0, 0, 0, 0]) + d[26:])
    yield Case("no_length.flac", unknown, STEREO, 16)


def _with_zeros(count: int, data: bytes) -> bytes:
    return bytes(count) + data


def _streams() -> Iterator[Case]:
    other = music(RATE, 2, seed=1)
    for name, options in (
        ("two.mp4", ("-c:a", "alac")),
        ("two.mka", ("-c:a", "flac")),
        ("two.mov", ("-c:a", "pcm_s16be")),
    ):
        yield Case(name, _two(STEREO, other, options), STEREO, 16)
    for name, options in (
        ("live.mka", ("-c:a", "flac", "-f", "matroska")),
        ("live.webm", ("-c:a", "libopus", "-f", "webm")),
        ("live.mp4", ("-c:a", "aac", "-f", "mp4", "-movflags", "frag_keyframe+empty_moov")),
        ("live.oga", ("-c:a", "flac", "-f", "ogg")),
    ):
        lossless = "flac" in options
        signal = resample(STEREO, RATE, 48_000) if "libopus" in options else STEREO
        yield Case(name, piped(STEREO, RATE, *options), signal, 16 if lossless else None)
    cut = changed(piped(STEREO, RATE, "-c:a", "flac", "-f", "matroska"), lambda d: d[: len(d) // 2])
    yield Case("live_cut.mka", cut, None)
    for name, codec, bits in (
        *(("mp3.mp4", "libmp3lame", None), ("mp3.mka", "libmp3lame", None)),
        *(("mp3.wav", "libmp3lame", None), ("mp3.avi", "libmp3lame", None)),
        *(("opus.mp4", "libopus", None), ("flac.mp4", "flac", 16), ("alac.caf", "alac", 16)),
        *(("pcm.avi", "pcm_s16le", 16), ("vorbis.mka", "libvorbis", None)),
        *(("wma1.wma", "wmav1", None), ("aac.ts", "aac", None), ("aac.flv", "aac", None)),
        *(("mp2.mpg", "mp2", None), ("dts.dts", "dca", None), ("ac3.mka", "ac3", None)),
        *(("ac3.mp4", "ac3", None), ("wavpack.mka", "wavpack", 16), ("tta.mka", "tta", 16)),
        *(("s24.mka", "pcm_s24le", 24), ("f32.mov", "pcm_f32le", 24), ("g722.wav", "g722", None)),
    ):
        signal = resample(STEREO, RATE, 48_000) if codec == "libopus" else STEREO
        strict = ("-strict", "-2", *(("-sample_fmt", "s16p") if codec == "wavpack" else ()))
        if codec == "flac":
            strict += ("-sample_fmt", "s16")
        yield Case(name, encode(STEREO, RATE, "-c:a", codec, *strict), signal, bits)
    low = music(22_050, 1)
    yield Case("mpeg2.mp3", encode(low, 22_050, "-c:a", "libmp3lame"), low)
    lower = music(11_025, 1)
    yield Case("mpeg25.mp3", encode(lower, 11_025, "-c:a", "libmp3lame"), lower)
    yield Case("vbr.mp3", encode(STEREO, RATE, "-c:a", "libmp3lame", "-q:a", "2"), STEREO)
    six = music(48_000, 6)
    yield Case("six.opus", encode(six, 48_000, "-c:a", "libopus", "-b:a", "400k"), six)
    yield Case("six.ogg", encode(six, 48_000, "-c:a", "libvorbis", "-q:a", "6"), six)
    yield Case("six.m4a", encode(six, 48_000, "-c:a", "aac", "-b:a", "500k"), six)
    yield Case("video.mkv", _with_video("-c:a", "flac", "-sample_fmt", "s16"), STEREO, 16)
    yield Case("video.mp4", _with_video("-c:a", "alac"), STEREO, 16)
    yield Case("book.m4b", _book, STEREO)
    vague = STEREO[:, :88_716]
    yield Case("full_padding.mp3", encode(vague, RATE, *MP3), vague)
    part = encode(STEREO, RATE, *MP3)
    yield Case("three.mp3", joined(part, part, part), np.concatenate([STEREO] * 3, axis=1))
    tagged = changed(part, lambda d: id3_tag() + d + b"TAG" + bytes(125))
    yield Case("joined_tagged.mp3", joined(tagged, tagged), np.concatenate([STEREO] * 2, axis=1))
    yield Case("joined.flac", joined(encode(STEREO, RATE, *FLAC), encode(other, RATE, *FLAC)), None)
    yield Case("joined.wav", joined(encode(STEREO, RATE), encode(other, RATE)), None)
    adts = [encode(s, RATE, "-c:a", "aac") for s in (STEREO, other)]
    yield Case("joined.aac", joined(*adts), np.concatenate([STEREO, other], axis=1))
    yield Case(
        "joined.m4a", joined(*(encode(s, RATE, "-c:a", "alac") for s in (STEREO, other))), None
    )
    yield Case(
        "joined.wv", joined(*(encode(s, RATE, "-c:a", "wavpack") for s in (STEREO, other))), None
    )


def _two(first: Pcm, second: Pcm, options: tuple[str, ...]) -> Maker:
    def make(path: Path) -> None:
        sources = [path.with_name(f"{path.name}.{n}.wav") for n in (0, 1)]
        for source, signal in zip(sources, (first, second), strict=True):
            soundfile.write(source, signal.T, RATE, "PCM_16")
        inputs = [word for source in sources for word in ("-i", source)]
        ffmpeg(*inputs, "-map", "0", "-map", "1", *options, path)
        for source in sources:
            source.unlink()

    return make


def _with_video(*options: str) -> Maker:
    def make(path: Path) -> None:
        wav = path.with_name(path.name + ".in.wav")
        soundfile.write(wav, STEREO.T, RATE, "PCM_16")
        picture = ("-f", "lavfi", "-i", "testsrc=size=64x64:rate=10:duration=3")
        ffmpeg(*picture, "-i", wav, "-c:v", "mpeg4", *options, path)
        wav.unlink()

    return make


def _book(path: Path) -> None:
    notes = path.with_name("chapters.txt")
    part = "[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\ntitle=Part\n"
    notes.write_text(";FFMETADATA1\n" + part.format(0, 900) + part.format(900, 2000))
    wav = path.with_name(path.name + ".in.wav")
    soundfile.write(wav, STEREO.T, RATE, "PCM_16")
    ffmpeg("-i", wav, "-i", notes, "-map_metadata", "1", "-c:a", "aac", "-b:a", "160k", path)
    notes.unlink()
    wav.unlink()


def _wav_headers() -> Iterator[Case]:
    plain = encode(STEREO, RATE, "-c:a", "pcm_s16le", "-bitexact")

    def put(at: int, new: bytes) -> Callable[[bytes], bytes]:
        return lambda data: data[:at] + new + data[at + len(new) :]

    for what, length in (
        *(("ffffffff", 0xFFFFFFFF), ("7ffff000", 0x7FFFF000), ("7fffffff", 0x7FFFFFFF)),
        *(("zero", 0), ("80000000", 0x80000000), ("ffffffd3", 0xFFFFFFD3)),
    ):
        yield Case(
            f"data_{what}.wav", changed(plain, put(40, struct.pack("<I", length))), STEREO, 16
        )
    yield Case("riff_wrong.wav", changed(plain, put(4, struct.pack("<I", 1000))), STEREO, 16)
    yield Case("data_short.wav", changed(plain, put(40, struct.pack("<I", 1000))), None)
    yield Case("block_zero.wav", changed(plain, put(32, b"\0\0")), STEREO, 16)
    film = music(RATE, 6)
    yield Case("surround.mov", encode(film, RATE, "-c:a", "pcm_s16be"), film, 16)
    yield Case("rate_zero.wav", changed(plain, put(24, bytes(4))), None)
    yield Case("channels_zero.wav", changed(plain, put(22, b"\0\0")), None)
    junk = b"JUNK" + struct.pack("<I", 4097) + bytes(4098)
    yield Case("junk.wav", changed(plain, lambda d: d[:12] + junk + d[12:]), STEREO, 16)
    twice = changed(plain, lambda d: d + d[36:])
    yield Case("two_data_chunks.wav", twice, None)
    nan = STEREO.copy()
    nan[:, 1000] = np.nan
    yield Case("nan.wav", functools.partial(_soundfile, nan, "FLOAT", "WAV"), None)


def _no_sounds() -> Iterator[Case]:
    empty = STEREO[:, :0]
    for name, options in (
        *(("none.flac", FLAC), ("none.mp3", MP3), ("none.opus", ("-c:a", "libopus"))),
        *(("none.m4a", ("-c:a", "aac")), ("none.aiff", ("-c:a", "pcm_s16be"))),
        *(
            ("none.caf", ("-c:a", "pcm_s16be")),
            ("none.mka", FLAC),
            ("none.wv", ("-c:a", "wavpack")),
        ),
    ):
        yield Case(name, _lenient(encode(empty, RATE, *options)), None)
    one = STEREO[:, :1]
    for name, options, bits in (
        ("one.wav", ("-c:a", "pcm_s16le"), 16),
        ("one.m4a", ("-c:a", "alac"), 16),
    ):
        yield Case(name, encode(one, RATE, *options), one, bits)
    noise = np.random.default_rng(0).integers(0, 256, 200_000, np.uint8).tobytes()
    for name, content in (
        *(("noise.mp3", noise), ("noise.wav", noise), ("noise.aac", noise), ("noise.ac3", noise)),
        *(("text.mp3", b"only words\n" * 9000), ("zeros.mp3", bytes(100_000))),
        ("playlist.m4a", b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nother.ts\n"),
        ("concat.wav", b"ffconcat version 1.0\nfile one.wav\n"),
        ("page.flac", b"<!DOCTYPE html><html><body>404</body></html>\n" * 50),
        ("archive.wav", b"PK\x03\x04" + noise[:5000]),
    ):
        yield Case(name, functools.partial(_write, content), None)


def _lenient(make: Maker) -> Maker:
    """Some programs fail where there is nothing to write: the file is then empty."""
    import subprocess

    def write(path: Path) -> None:
        try:
            make(path)
        except subprocess.CalledProcessError:
            path.touch()

    return write


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)

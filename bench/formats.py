"""Is every sound file read right to the sample, refused in words, or warned of?

    python -m bench.formats [--keep FOLDER]

Makes about 600 files: containers, depths, rates, channels, damages, what recorders leave. Each is
read by `tuner.sound.audio.read_audio` and compared with what went in. ``right``: the samples of
lossless files, the length and the delay of lossy ones; ``warned``: read with a warning that names
the file; ``refused``: a `ClipError`; ``WRONG``: other samples, in silence; ``CRASHED``: another
exception.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import logging
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from tuner.errors import ClipError
from tuner.sound.audio import Pcm, find_delay, read_audio, resample

#: Length of the files, s: no whole number of any codec's frames.
SECONDS = 607 / 300
#: Lossy codecs count as right from this correlation with what went in.
LIKE = 0.9
Maker = Callable[[Path], None]
PCM = {"u8": 8, "s16": 16, "s24": 24, "s32": 24, "f32": 24, "f64": 24}


@dataclass(frozen=True)
class Case:
    """One file.

    Args:
        name: of the file.
        make: writes it.
        signal: what it should be read as, float32 ``[C, T]``; None: nothing that could be right.
        bits: of its samples; None for lossy codecs.
    """

    name: str
    make: Maker
    signal: Pcm | None
    bits: int | None = None


def music(rate: int, channels: int, seed: int = 0) -> Pcm:
    """Notes with attacks, and a little noise, peak 0.5, on a grid of 16 bits."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(round(SECONDS * rate)) / rate
    decay = np.exp(-5 * ((5 * seconds) % 1))
    tune = sum(np.sin(2 * np.pi * f * seconds) for f in (300 + 40 * seed, 930 + 70 * seed))
    signals = [
        (0.15 * tune * (1 - 0.3 * n) + 0.02 * rng.standard_normal(seconds.size)) * decay
        for n in range(channels)
    ]
    return (np.round(np.stack(signals) * 32768) / 32768).astype(np.float32)


def ffmpeg(*arguments: str | Path) -> bytes:
    """Run ffmpeg; what it writes to its standard output."""
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True).stdout


def encode(signal: Pcm, rate: int, *options: str) -> Maker:
    """A maker: ffmpeg with these options."""

    def make(path: Path) -> None:
        wav = path.with_name(path.name + ".in.wav")
        soundfile.write(wav, signal.T, rate, "PCM_24")
        try:
            ffmpeg("-i", wav, *options, path)
        finally:
            wav.unlink()

    return make


def piped(signal: Pcm, rate: int, *options: str) -> Maker:
    """A maker: what ffmpeg writes into a pipe, where it cannot go back to the header."""

    def make(path: Path) -> None:
        wav = path.with_name(path.name + ".in.wav")
        soundfile.write(wav, signal.T, rate, "PCM_16")
        try:
            path.write_bytes(ffmpeg("-i", wav, *options, "-"))
        finally:
            wav.unlink()

    return make


def changed(make: Maker, change: Callable[[bytes], bytes]) -> Maker:
    """A maker: another file with its bytes changed."""

    def damage(path: Path) -> None:
        make(path)
        path.write_bytes(change(path.read_bytes()))

    return damage


def cut(data: bytes) -> bytes:
    return data[: len(data) * 6 // 10]


def zeroed(data: bytes) -> bytes:
    middle = len(data) // 2
    size = min(3000, len(data) // 8)
    return data[:middle] + bytes(size) + data[middle + size :]


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :]


def headless(data: bytes) -> bytes:
    return bytes(64) + data[64:]


def joined(*makes: Maker) -> Maker:
    """A maker: files copied into one."""

    def make(path: Path) -> None:
        data = b""
        for each in makes:
            each(path)
            data += path.read_bytes()
        path.write_bytes(data)

    return make


LOSSLESS = {
    "flac": ("flac", 16, ("-sample_fmt", "s16")),
    "24.flac": ("flac", 24, ("-sample_fmt", "s32", "-bits_per_raw_sample", "24")),
    "alac.m4a": ("alac", 16, ("-sample_fmt", "s16p")),
    "wv": ("wavpack", 16, ("-sample_fmt", "s16p")),
    "tta": ("tta", 16, ("-sample_fmt", "s16")),
    "flac.mka": ("flac", 16, ("-sample_fmt", "s16")),
    "flac.ogg": ("flac", 16, ("-sample_fmt", "s16")),
    "pcm.mka": ("pcm_s16le", 16, ()),
    "pcm.mov": ("pcm_s16be", 16, ()),
}
CONTAINERS = {"aiff": "be", "au": "be", "caf": "be", "rf64.wav": "le"}
EXACT_LOSSY = {
    "lame.mp3": ("libmp3lame", ("-b:a", "192k")),
    "opus": ("libopus", ("-b:a", "160k")),
    "vorbis.ogg": ("libvorbis", ("-q:a", "6")),
    "aac.m4a": ("aac", ("-b:a", "192k")),
    "opus.mka": ("libopus", ("-b:a", "160k")),
    "opus.webm": ("libopus", ("-b:a", "160k")),
}
RAW_LOSSY = {
    "adts.aac": ("aac", ("-b:a", "192k")),
    "ac3": ("ac3", ("-b:a", "256k")),
    "eac3": ("eac3", ("-b:a", "256k")),
    "mp2": ("mp2", ("-b:a", "256k")),
    "noxing.mp3": ("libmp3lame", ("-b:a", "192k", "-write_xing", "0")),
    "wma": ("wmav2", ("-b:a", "192k")),
    "aac.mka": ("aac", ("-b:a", "192k")),
}


def cases() -> Iterator[Case]:
    """All files of the matrix."""
    yield from _pcm_cases()
    yield from _coded_cases()
    yield from _damaged_cases()
    yield from _odd_cases()
    from bench import odd_formats, surround_formats

    yield from odd_formats.cases()
    yield from surround_formats.cases()


def _pcm_cases() -> Iterator[Case]:
    for rate in (8000, 44_100, 96_000):
        for channels in (1, 2):
            signal = music(rate, channels)
            for kind, bits in PCM.items():
                codec = f"pcm_{kind}" + ("le" if kind != "u8" else "")
                name = f"{kind}_{rate}_{channels}.wav"
                yield Case(name, encode(signal, rate, "-c:a", codec), signal, bits)
            wave64 = functools.partial(_write_wave64, signal, rate)
            yield Case(f"s16_{rate}_{channels}.w64", wave64, signal, 16)
            for suffix, order in CONTAINERS.items():
                options = ["-c:a", f"pcm_s16{order}", *(["-rf64", "always"] * ("rf64" in suffix))]
                name = f"s16_{rate}_{channels}.{suffix}"
                yield Case(name, encode(signal, rate, *options), signal, 16)


def _write_wave64(signal: Pcm, rate: int, path: Path) -> None:
    # ffmpeg counts the padding as sound.
    soundfile.write(path, signal.T, rate, "PCM_16", format="W64")


def _coded_cases() -> Iterator[Case]:
    for rate in (44_100, 48_000):
        for channels in (1, 2):
            signal = music(rate, channels)
            for suffix, (codec, bits, options) in LOSSLESS.items():
                name = f"{rate}_{channels}.{suffix}"
                yield Case(name, encode(signal, rate, "-c:a", codec, *options), signal, bits)
            for suffix, (codec, options) in (EXACT_LOSSY | RAW_LOSSY).items():
                coded = resample(signal, rate, 48_000) if "opus" in suffix else signal
                name = f"{rate}_{channels}.{suffix}"
                yield Case(name, encode(signal, rate, "-c:a", codec, *options), coded)


def _damaged_cases() -> Iterator[Case]:
    signal = music(44_100, 2)
    makers = {
        "s16.wav": encode(signal, 44_100),
        "s16.aiff": encode(signal, 44_100),
        "s16.w64": encode(signal, 44_100),
        "s16.au": encode(signal, 44_100),
        "s16.caf": encode(signal, 44_100),
    }
    for kinds in (LOSSLESS, EXACT_LOSSY, RAW_LOSSY):
        for suffix, (codec, *_, options) in kinds.items():
            if not suffix.startswith(("24", "pcm")):
                makers[f"x.{suffix}"] = encode(signal, 44_100, "-c:a", codec, *options)
    for name, make in makers.items():
        yield Case(f"cut_{name}", changed(make, cut), None)
        yield Case(f"headless_{name}", changed(make, headless), None)
        if not name.startswith("s16"):  # zeros are samples, too
            yield Case(f"zeroed_{name}", changed(make, zeroed), None)
    for suffix in ("flac", "wv", "tta", "opus", "vorbis.ogg", "flac.ogg"):
        yield Case(f"flipped_x.{suffix}", changed(makers[f"x.{suffix}"], flipped), None)


def _odd_cases() -> Iterator[Case]:
    first, second = music(44_100, 2), music(44_100, 2, seed=1)
    both = np.concatenate([first, second], axis=1)
    for suffix, codec in (("mp3", "libmp3lame"), ("ogg", "libvorbis")):
        parts = [encode(s, 44_100, "-c:a", codec) for s in (first, second)]
        yield Case(f"joined.{suffix}", joined(*parts), both)
        mono = encode(first[:1], 44_100, "-c:a", codec)
        yield Case(f"joined_other_channels.{suffix}", joined(parts[0], mono), None)
        slow = encode(music(32_000, 2), 32_000, "-c:a", codec)
        yield Case(f"joined_other_rate.{suffix}", joined(parts[0], slow), None)
    opus = [encode(s, 44_100, "-c:a", "libopus", "-b:a", "160k") for s in (first, second)]
    halves = [resample(s, 44_100, 48_000) for s in (first, second)]
    yield Case("joined.opus", joined(*opus), np.concatenate(halves, axis=1))
    bare = ("-c:a", "libmp3lame", "-write_xing", "0")
    yield Case(
        "joined_noxing.mp3",
        joined(encode(first, 44_100, *bare), encode(second, 44_100, *bare)),
        both,
    )
    for suffix, options in (
        ("wav", ("-f", "wav")),
        ("aiff", ("-f", "aiff")),
        ("au", ("-f", "au")),
        ("caf", ("-f", "caf")),
        ("w64", ("-f", "w64")),
        ("flac", ("-f", "flac", "-sample_fmt", "s16")),
        ("wv", ("-c:a", "wavpack", "-f", "wv")),
        ("tta", ("-c:a", "tta", "-f", "tta")),
    ):
        yield Case(f"piped.{suffix}", piped(first, 44_100, *options), first, 16)
    yield Case("piped.mp3", piped(first, 44_100, "-c:a", "libmp3lame", "-f", "mp3"), first)
    yield Case("piped.aac", piped(first, 44_100, "-c:a", "aac", "-f", "adts"), first)
    yield Case("piped.ogg", piped(first, 44_100, "-c:a", "libvorbis", "-f", "ogg"), first)
    yield Case("two_streams.mka", _two_streams(first, second), second, 16)
    yield Case("no_samples.wav", encode(first[:, :0], 44_100), None)
    for name, content in (
        ("empty.wav", b""),
        ("text.flac", b"no audio at all" * 99),
        ("picture.mp4", b"\x89PNG\r\n\x1a\n" + bytes(999)),
    ):
        yield Case(name, functools.partial(_write, content), None)


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _two_streams(first: Pcm, second: Pcm) -> Maker:
    def make(path: Path) -> None:
        sources = [path.with_suffix(f".{n}.wav") for n in (0, 1)]
        for source, signal in zip(sources, (first, second), strict=True):
            soundfile.write(source, signal.T, 44_100, "PCM_16")
        options = ("-map", "0", "-map", "1", "-c:a", "flac", "-disposition:a:0", "0")
        ffmpeg("-i", sources[0], "-i", sources[1], *options, "-disposition:a:1", "default", path)
        for source in sources:
            source.unlink()

    return make


def judge(case: Case, path: Path) -> tuple[str, str]:
    """The outcome, and what was told."""
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("tuner")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        pcm, _ = read_audio(path)
    except ClipError as error:
        named = str(path) in str(error)
        return ("refused" if named else "UNNAMED"), str(error)
    except Exception as error:
        return "CRASHED", f"{type(error).__name__}: {error}"
    finally:
        logger.removeHandler(handler)
    if told:
        return "warned", told[0]
    if case.signal is None:
        return "WRONG", f"read in silence, {pcm.shape}"
    return _compare(case, pcm, case.signal)


def _compare(case: Case, pcm: Pcm, signal: Pcm) -> tuple[str, str]:
    if pcm.shape != signal.shape:
        return "WRONG", f"{pcm.shape} of {signal.shape}"
    if case.bits:
        off = float(np.abs(pcm - signal).max())
        return (
            "right" if off <= 2.0 ** (1 - min(case.bits, 16)) * (case.bits == 8) else "WRONG"
        ), f"{off:.1e}"
    delay, correlation = find_delay(signal, pcm)
    return ("right" if not delay and correlation > LIKE else "WRONG"), f"{delay}, {correlation:.3f}"


def main() -> None:
    """Make and judge all files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder of the files; else they are deleted")
    parser.add_argument("--only", default="", help="part of the names of the files")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        for case in cases():
            if options.only not in case.name:
                continue
            path = folder / case.name
            try:
                case.make(path)
            except subprocess.CalledProcessError as error:
                print(f"not made {case.name}: {error.stderr.decode(errors='replace')[-200:]}")
                continue
            outcome, told = judge(case, path)
            counts[outcome] += 1
            print(f"{outcome:8} {case.name:32} {told.replace(str(folder) + '/', '')}", flush=True)
    print(f"{counts.total()} files: " + ", ".join(f"{n} {k}" for k, n in counts.items()))


if __name__ == "__main__":
    main()

"""Surround files of the matrix in `bench.formats`: each layout in containers and codecs.

Also layouts of other speakers, more channels than can be used, and what few readers take.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import soundfile

from bench.formats import Case, Maker, changed, encode, ffmpeg, music, piped
from tuner.layout import LAYOUTS, MASK_AT
from tuner.sound.audio import Pcm

RATE = 48_000
#: Suffix -> options of lossless files.
LOSSLESS = {
    "wav": ("-c:a", "pcm_s16le"),
    "w64": ("-c:a", "pcm_s16le"),
    "mov": ("-c:a", "pcm_s16be"),
    "caf": ("-c:a", "pcm_s16be"),
    "flac": ("-c:a", "flac", "-sample_fmt", "s16"),
    "wv": ("-c:a", "wavpack", "-sample_fmt", "s16p"),
    "mka": ("-c:a", "flac", "-sample_fmt", "s16"),
}
#: Suffix -> options, and the numbers of channels that they take.
LOSSY = {
    "opus": (("-c:a", "libopus", "-b:a", "384k"), (3, 4, 6, 8)),
    "ogg": (("-c:a", "libvorbis", "-q:a", "6"), (3, 4, 5, 6, 7, 8)),
    "m4a": (("-c:a", "aac", "-b:a", "512k"), (3, 4, 5, 6, 8)),
    "ac3": (("-c:a", "ac3", "-b:a", "448k"), (3, 4, 5, 6)),
    "eac3": (("-c:a", "eac3", "-b:a", "448k"), (3, 4, 5, 6)),
}
#: FFmpeg's names of layouts of other speakers -> channels, mask.
OTHERS = {
    "2.1": (3, 0xB),
    "4.0": (4, 0x107),
    "3.1": (4, 0xF),
    "6.0": (6, 0x707),
    "6.1(back)": (7, 0x13F),
    "7.1(wide)": (8, 0xFF),
}


def cases() -> Iterator[Case]:
    """The surround files."""
    for channels in range(3, 9):
        signal, name = music(RATE, channels), LAYOUTS[channels].name
        for suffix, options in LOSSLESS.items():
            yield Case(f"surround_{name}.{suffix}", _declared(signal, None, *options), signal, 16)
        for suffix, (options, taken) in LOSSY.items():
            if channels in taken:
                yield Case(f"surround_{name}.{suffix}", _declared(signal, None, *options), signal)
    for name, (channels, mask) in OTHERS.items():
        for suffix in ("wav", "flac", "mov", "caf"):
            make = _declared(music(RATE, channels), mask, *LOSSLESS[suffix])
            yield Case(f"other_{name}.{suffix}", make, None)
    side = music(RATE, 6)
    yield Case("surround_side.wav", _declared(side, 0x60F, *LOSSLESS["wav"]), side, 16)
    nine = music(RATE, 9)
    yield Case("channels_9.wav", functools.partial(_write, nine, 0), None)
    stereo = music(RATE, 2)
    yield Case("piped.w64", piped(stereo, RATE, "-c:a", "pcm_s16le", "-f", "w64"), stereo, 16)
    yield Case("alac.caf", encode(stereo, RATE, "-c:a", "alac", "-sample_fmt", "s16p"), stereo, 16)
    wavpack = encode(stereo, RATE, *LOSSLESS["wv"])
    tag = b"TAG" + b"Title".ljust(125, b"\0")
    yield Case("id3v1.wv", changed(wavpack, lambda data: data + tag), stereo, 16)


def _declared(signal: Pcm, mask: int | None, *options: str) -> Maker:
    """A maker: ffmpeg with these options, of a file that declares its speakers."""

    def make(path: Path) -> None:
        wav = path.with_name(path.name + ".in.wav")
        _write(signal, LAYOUTS[len(signal)].mask if mask is None else mask, wav)
        try:
            ffmpeg("-i", wav, *options, path)
        finally:
            wav.unlink()

    return make


def _write(signal: Pcm, mask: int, path: Path) -> None:
    soundfile.write(path, signal.T, RATE, "PCM_16", format="WAVEX")
    content = bytearray(path.read_bytes())
    content[MASK_AT : MASK_AT + 4] = mask.to_bytes(4, "little")
    path.write_bytes(content)

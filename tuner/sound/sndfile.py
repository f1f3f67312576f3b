"""Files that libsndfile reads: AIFF, also where a recorder left no length, and CAF with surround.

FFmpeg reads the samples of RIFX, WAV with the high byte first, in the wrong order, and no Wave64
that was written through a pipe.
PyAV 18.1 crashes where channels are in an order of their own, which only these containers and
QuickTime's can tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.errors import ClipError
from tuner.pcm import Pcm
from tuner.sound.quicktime import describe_caf, name_speakers

if TYPE_CHECKING:
    from tuner.sound.pieces import Piece

#: Sizes that mean that the length is not known.
UNKNOWN = frozenset((0, 8, 0xFFFFFFFF, 0x7FFFFFFF))
#: The name that a Wave64 file begins with, before its size.
WAVE64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
#: Where a CAF file tells its number of channels.
CAF_CHANNELS = 44
#: Samples of a block, and FFmpeg's names for one and two channels.
BLOCK = 1 << 16
LAYOUTS = {1: "mono", 2: "stereo"}
#: libsndfile's names of whole numbers, and their bits.
BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 24}


def is_sndfile(path: Path) -> bool:
    """Whether a file is read by libsndfile, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(CAF_CHANNELS + 4)
    if head[:4] == b"caff" and head[8:12] == b"desc":
        return int.from_bytes(head[CAF_CHANNELS:]) > 2
    if head[:16] == WAVE64:
        return head[16:24] == b"\xff" * 8
    return head[:4] == b"RIFX" or (head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"))


def read_pcm_header(path: Path) -> tuple[str, int, int, int | None, float | None]:
    """The fields of a `tuner.sound.decoding.Format`. Raises `ClipError`."""
    import soundfile

    try:
        info = soundfile.info(path)
    except (OSError, RuntimeError) as error:
        raise ClipError(f"cannot be read as audio ({error})", where=path) from error
    kind = "pcm_" + info.subtype.lower() if info.subtype.startswith(("PCM", "F", "D")) else "coded"
    bits = BITS.get(info.subtype)
    return kind, info.samplerate, info.channels, bits, info.frames / info.samplerate or None


def decode_pcm(piece: Piece, before: int) -> Iterator[tuple[Pcm, tuple[int, str]]]:
    """The samples of a file, as `tuner.sound.decoding` hands them on. Raises `ClipError`."""
    import soundfile

    path = piece.path
    done = before
    try:
        check_size(path)
        with soundfile.SoundFile(path) as file:
            shape = (file.samplerate, _name_layout(path, file.channels))
            for block in file.blocks(BLOCK, dtype="float32", always_2d=True):
                done += len(block)
                yield np.ascontiguousarray(block.T), shape
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        raise ClipError(f"damaged at sample {done} ({error})", where=path) from error


def _name_layout(path: Path, channels: int) -> str:
    if channels in LAYOUTS:
        return LAYOUTS[channels]
    with path.open("rb") as file:
        is_caf = file.read(4) == b"caff"
    return check_speakers(path, describe_caf(path) if is_caf else b"", channels)


def check_speakers(path: Path, described: bytes, channels: int) -> str:
    """FFmpeg's name of a layout. Raises `ClipError` where it is another than `tuner.layout` knows.

    Args:
        path: for the message.
        described, channels: see `tuner.sound.quicktime.name_speakers`.
    """
    if (name := name_speakers(described, channels)) is None:
        raise ClipError(
            f"declares its {channels} channels for other speakers, or in another order, than"
            " can be read",
            where=path,
            remedy="export it as WAV",
        )
    return name


def check_size(path: Path) -> None:
    """Raise `ClipError` where the chunk of the sound is longer than the file (AIFF, CAF, RIFX)."""
    size = path.stat().st_size
    with path.open("rb") as file:
        kind = file.read(4)
        if kind == WAVE64[:4]:
            return  # one without a length
        is_caf = kind == b"caff"
        start, head_size = (8, 12) if is_caf else (12, 8)
        name = b"SSND" if kind == b"FORM" else b"data"
        file.seek(start)
        while len(head := file.read(head_size)) == head_size:
            length = int.from_bytes(head[4:], signed=is_caf)
            if head[:4] != name:
                file.seek(max(length, 0) + (length & 1 if not is_caf else 0), 1)
                continue
            there = size - file.tell()
            if length not in UNKNOWN and length > there:
                raise ClipError(
                    f"truncated: only {there / length:.0%} of its audio is present", where=path
                )
            return

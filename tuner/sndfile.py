"""AIFF and Wave64 files, which libsndfile reads, also where a recorder left no length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.errors import ClipError
from tuner.pcm import Pcm

if TYPE_CHECKING:
    from tuner.pieces import Piece

#: First bytes of Wave64 files, and of its data chunk.
WAVE64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
WAVE64_DATA = bytes.fromhex("64617461f3acd3118cd100c04f8edb8a")
#: Sizes that mean that the length is not known.
UNKNOWN = frozenset((0, 8, 0xFFFFFFFF, 0x7FFFFFFF, 2**64 - 1, 2**63 - 1))
#: Samples of a block, and FFmpeg's names for one and two channels.
BLOCK = 1 << 16
LAYOUTS = {1: "mono", 2: "stereo"}
#: libsndfile's names of whole numbers, and their bits.
BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 24}


def is_sndfile(path: Path) -> bool:
    """Whether a file is read by libsndfile, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(16)
    return head == WAVE64 or (head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"))


def read_pcm_header(path: Path) -> tuple[str, int, int, int | None, float | None]:
    """The fields of a `tuner.decoding.Format`. Raises `ClipError`."""
    import soundfile

    try:
        info = soundfile.info(path)
    except (OSError, RuntimeError) as error:
        raise ClipError(f"{path}: cannot be read as audio ({error})") from error
    kind = "pcm_" + info.subtype.lower() if info.subtype.startswith(("PCM", "F", "D")) else "coded"
    bits = BITS.get(info.subtype)
    return kind, info.samplerate, info.channels, bits, info.frames / info.samplerate or None


def decode_pcm(piece: Piece, before: int) -> Iterator[tuple[Pcm, tuple[int, str]]]:
    """The samples of a file, as `tuner.decoding` hands them on. Raises `ClipError`."""
    import soundfile

    path = piece.path
    _check_size(path)
    done = before
    try:
        with soundfile.SoundFile(path) as file:
            shape = (file.samplerate, LAYOUTS.get(file.channels, f"{file.channels} channels"))
            for block in file.blocks(BLOCK, dtype="float32", always_2d=True):
                done += len(block)
                yield np.ascontiguousarray(block.T), shape
    except (OSError, RuntimeError) as error:
        raise ClipError(f"{path}: is damaged at sample {done} ({error})") from error


def _check_size(path: Path) -> None:
    """Raise `ClipError` where the sound's chunk is longer than the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        is_wave64 = file.read(16) == WAVE64
        file.seek(40 if is_wave64 else 12)
        width = 24 if is_wave64 else 8
        while len(head := file.read(width)) == width:
            if is_wave64:  # its sizes count the chunk's own head
                name, length = head[:16], int.from_bytes(head[16:], "little")
                wanted, step = name == WAVE64_DATA, (max(length, width) + 7) // 8 * 8 - width
            else:
                name, length = head[:4], int.from_bytes(head[4:], "big")
                wanted, step = name == b"SSND", length + (length & 1)
            there = size - file.tell() + (width if is_wave64 else 0)
            if wanted:
                if length not in UNKNOWN and length - (24 if is_wave64 else 0) > there:
                    share = there / length
                    raise ClipError(f"{path}: is cut off: {share:.0%} of its sound are there")
                return
            file.seek(step, 1)

"""How many samples a file's headers promise: what decoded files are checked against."""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tuner.errors import ClipError
from tuner.sound.pieces import Piece
from tuner.sound.sndfile import check_size

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

log = logging.getLogger(__name__)

#: FFmpeg's name of MPEG-4 and QuickTime files.
MOV = "mov,mp4,m4a,3gp,3g2,mj2"
#: Formats whose streams tell their length in samples, by FFmpeg's names.
EXACT = frozenset(
    (
        *("flac", MOV, "wv", "tta", "ape", "tak", "mp3"),
        *("au", "caf", "shn"),
    )
)
#: Sizes of a WAV file's data that programs write who cannot go back: the length is not known.
UNKNOWN = (range(1), range(0x7FFFF000, 0x80000001), range(0xFFFFF000, 0x100000000))
#: Longest block of Vorbis, samples: where its clock may begin.
LATEST_BEGINNING = 8192
#: What may stand behind the last chunk of a WAV file without being told, bytes.
SCRAPS = 8
#: Matroska and WebM tell lengths in milliseconds, and round them.
MATROSKA, MATROSKA_OFF_S = "matroska", 0.01
CLOCK = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")
#: Apple's note on gapless playback: delay, padding and length, in hexadecimal.
ITUNES = "iTunSMPB"
HEXADECIMAL = re.compile("[0-9A-Fa-f]{1,16}")


def promised_samples(piece: Piece, container: InputContainer, stream: AudioStream) -> int | None:
    """How many samples a piece should decode to; None where nothing tells.

    Raises:
        ClipError: a WAV file that is shorter than its header says.
    """
    name = container.format.name
    if name == "w64":
        _check_wave64(piece.path)
    if name in ("wav", "w64"):
        _check_wav(piece.path)
        # Of FFmpeg's own: also where the header has no length, it goes to the end of the file.
        return stream.duration if stream.codec.canonical_name.startswith("pcm_") else None
    if name == "ogg":
        # A recording of a stream may begin anywhere.
        begins = stream.start_time or 0
        return piece.granule if abs(begins) < LATEST_BEGINNING else None
    if name == "caf":
        check_size(piece.path)
    if name == MOV:
        _check_mov(piece.path)
    if name in ("mpc", "mpc8"):
        return _musepack_samples(piece.path)
    if name.startswith(MATROSKA):
        seconds = _matroska_seconds(container, stream)
        return max(int((seconds - MATROSKA_OFF_S) * stream.rate), 0) if seconds else None
    if name == "mp3" and not piece.tagged:
        return None  # reckoned from the bitrate
    if name not in EXACT or not stream.duration or not stream.time_base:
        return None
    fields = container.metadata.get(ITUNES, "").split()
    if len(fields) > 3 and HEXADECIMAL.fullmatch(fields[3]) and int(fields[3], 16):
        return int(fields[3], 16)
    return round(stream.duration * stream.time_base * stream.rate)


def _matroska_seconds(container: InputContainer, stream: AudioStream) -> float | None:
    """Length of a stream, to the millisecond: its own, or that of a file without video."""
    if found := CLOCK.match(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = map(float, found.groups())
        return 3600 * hours + 60 * minutes + seconds
    if container.streams.video or not container.duration:
        return None
    return container.duration / 1e6


def _check_wave64(path: Path) -> None:
    """Raise `ClipError` where the data chunk is longer than the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(40)  # after the names of the file and of its kind, and its size
        while len(head := file.read(24)) == 24:
            length = int.from_bytes(head[16:], "little")  # with the chunk's own head
            if head[:4] == b"data":
                there = size - file.tell() + 24
                if there < length < 2**62:
                    raise ClipError(
                        f"truncated: only {there / length:.0%} of its audio is present", where=path
                    )
                return
            if length < 24:
                return
            file.seek((length + 7) // 8 * 8 - 24, 1)


def _check_wav(path: Path) -> None:
    """Raise `ClipError` where the data chunk is longer than the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:12] != b"WAVE":
            return
        long_size = None
        block = 0
        rate = 0
        while len(chunk := file.read(8)) == 8:
            name, length = chunk[:4], struct.unpack("<I", chunk[4:])[0]
            if name == b"data":
                length = long_size if long_size is not None and length == 0xFFFFFFFF else length
                there = size - file.tell()
                if (not _is_unknown(length) or long_size is not None) and length > there:
                    seconds = there / block / rate if block and rate else 0.0
                    promised = length / block / rate if block and rate else 0.0
                    raise ClipError(
                        f"truncated after {seconds:.2f} s: its header declares {promised:.2f} s",
                        where=path,
                    )
                if not _is_unknown(length):
                    _check_behind(path, file, length)
                return
            body = file.read(min(length, 64))
            if name == b"ds64" and len(body) >= 16:
                long_size = struct.unpack("<Q", body[8:16])[0]
            if name == b"fmt " and len(body) >= 14:
                rate = struct.unpack("<I", body[4:8])[0]
                block = struct.unpack("<H", body[12:14])[0]
            file.seek(length - len(body) + (length & 1), 1)


def _is_unknown(length: int) -> bool:
    return any(length in each for each in UNKNOWN)


def _check_behind(path: Path, file: BinaryIO, length: int) -> None:
    """Check what follows the sound of a WAV file.

    Raises:
        ClipError: more sound.
    """
    at, size = file.tell() + length, path.stat().st_size
    while size - at > SCRAPS:
        file.seek(at + (at & 1))
        head = file.read(8)
        if head[:4] in (b"RIFF", b"data"):
            raise ClipError(
                "contains more audio after its end, as in files joined by copying",
                where=path,
                remedy="split it, or export it again",
            )
        after = file.tell() + int.from_bytes(head[4:], "little")
        if after > size + 1:
            log.warning("%s: ignored %d bytes after its audio that are not audio", path, size - at)
            return
        at = after


def tells_delay(path: Path) -> bool:
    """Whether an MPEG-4 file tells where lossy sound begins: by an edit list or Apple's note."""
    moov = read_index(path)
    return b"elst" in moov or ITUNES.encode() in moov


def read_index(path: Path) -> bytes:
    """The index of an MPEG-4 or QuickTime file, its atom `moov`; empty where it has none."""
    return next((body for name, body in _mov_atoms(path) if name == b"moov"), b"")


def _check_mov(path: Path) -> None:
    """Raise `ClipError` for files that were joined by copying: only the first would be read."""
    if sum(name == b"moov" for name, _ in _mov_atoms(path)) > 1:
        raise ClipError("several MPEG-4 files joined by copying", where=path, remedy="split it")


def _mov_atoms(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """The outermost atoms of an MPEG-4 file; only the index has its content."""
    end = path.stat().st_size
    at = 0
    with path.open("rb") as file:
        while at + 8 <= end:
            file.seek(at)
            head = file.read(16)
            size, name = int.from_bytes(head[:4]), head[4:8]
            if size == 1:
                size = int.from_bytes(head[8:])
            if size < 8:
                return  # to the end of the file
            file.seek(at)
            yield name, file.read(size) if name == b"moov" else b""
            at += size


def _musepack_samples(path: Path) -> int | None:
    """Samples of a Musepack file of version 8, without the silence before; None of older ones."""
    with path.open("rb") as file:
        head = file.read(64)
    if head[:4] != b"MPCK":
        return None
    at = 4
    while at + 3 < len(head):
        key, start = head[at : at + 2], at
        size, at = _varint(head, at + 2)
        if key == b"SH":
            count, after = _varint(head, at + 5)  # a checksum and the version come first
            silence, _ = _varint(head, after)
            return count - silence
        at = start + size
    return None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the last one without its top bit; and what comes after."""
    value = 0
    while at < len(data):
        byte = data[at]
        value, at = value << 7 | byte & 0x7F, at + 1
        if not byte & 0x80:
            break
    return value, at

"""Sound files that are several in a row: MP3 files joined by copying, chained Ogg streams.

Decoders take the first file's header for the whole: they lose what follows, or keep the padding
between. Each piece is decoded for itself, and the results are joined without a gap.
"""

from __future__ import annotations

import io
import mmap
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import ClipError

#: An MP3 frame's header, layer III, before its side information; then the tag of Xing or LAME.
#: Side information takes 17 or 32 bytes (MPEG 1) or 9 or 17 (MPEG 2), after two of a CRC if any.
XING = re.compile(
    rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef].(?:.{9}|.{11}|.{17}|.{19}|.{32}|.{34})(?:Xing|Info)",
    re.DOTALL,
)
#: Bytes of its fields, one for each flag; where its delay and padding (12 bits each) stand after
#: the encoder's name; the most padding that FFmpeg writes: a frame and the decoder's delay.
XING_FIELDS, XING_DELAYS, MOST_PADDING = (4, 4, 100, 4), 21, (1152 + 529, 576 + 529)
#: Bytes of an ID3 tag's header, and of an Ogg page's before its table of segments.
ID3_HEADER, OGG_HEADER = 10, 27
#: How a block of WavPack begins, and what FFmpeg takes for a damaged one: an ID3v1 tag.
WAVPACK, ID3V1_BYTES = b"wvpk", 128
#: Flags of Ogg pages: the first and the last of a stream.
OGG_FIRST, OGG_LAST = 2, 4
#: The first packet of Vorbis, and its bytes.
VORBIS, VORBIS_HEADER = b"\x01vorbis", 30
#: Each byte with its bits in reverse.
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class Piece:
    """A part of a file that is a file of its own.

    Args:
        path: the file.
        start, end: its bytes; `end` is None where the piece is the whole file.
        tagged: it is an MP3 file with a tag that tells how many samples it has.
        granule: of Vorbis in Ogg: how many samples its last page says there were until its end.
        vague: that tag has the most padding that FFmpeg writes, which may be less than there is.
    """

    path: Path
    start: int = 0
    end: int | None = None
    tagged: bool = False
    vague: bool = False
    granule: int | None = None

    def open(self) -> str | io.BufferedReader:
        """What PyAV opens: a name, or a stream of these bytes alone."""
        if self.end is None and _is_text(self.path):
            return str(self.path.absolute())
        end = self.path.stat().st_size if self.end is None else self.end
        return io.BufferedReader(_Window(self.path, self.start, end), 1 << 16)


def _is_text(path: Path) -> bool:
    """Whether a name can be handed to FFmpeg, which takes UTF-8 only."""
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError:
        return False
    return True


def find_pieces(path: Path) -> list[Piece]:
    """The files that a file consists of; most consist of one.

    Raises:
        ClipError: an Ogg file whose pages are not all there.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    if not size:
        return [Piece(path)]
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] == b"OggS":
            links = list(_ogg_links(path, data)) or [(0, None)]
            ends = [*(start for start, _ in links[1:]), None if len(links) == 1 else size]
            return [
                Piece(path, start, end, granule=granule)
                for (start, granule), end in zip(links, ends, strict=True)
            ]
        if data[:4] == WAVPACK and data[-ID3V1_BYTES:][:3] == b"TAG":
            return [Piece(path, 0, size - ID3V1_BYTES)]
        found = list(_mp3_tags(data)) if _is_mp3(data) else []
    if len(found) < 2:
        return [Piece(path, tagged=bool(found), vague=any(vague for _, vague in found))]
    starts = [0, *(at for at, _ in found[1:])]
    places = zip(starts, [*starts[1:], size], found, strict=True)
    return [Piece(path, start, end, True, vague) for start, end, (_, vague) in places]


def _is_mp3(data: mmap.mmap) -> bool:
    start = 0
    while data[start : start + 3] == b"ID3":
        start += _id3_size(data, start)
    head = data[start : start + 2]
    return len(head) == 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2


def _id3_size(data: mmap.mmap, at: int) -> int:
    """Bytes of an ID3v2 tag, with its header; seven bits a byte."""
    size = 0
    for byte in data[at + 6 : at + ID3_HEADER]:
        size = size << 7 | byte & 0x7F
    return size + ID3_HEADER


def _mp3_tags(data: mmap.mmap) -> Iterator[tuple[int, bool]]:
    """Where MP3 files begin that have a tag of Xing or LAME, with their ID3 tags; is it vague?"""
    before = 0
    for found in XING.finditer(data):
        at = found.start()
        # Pictures in ID3 tags may hold anything; of several tags in a row, the first begins a file.
        while (tag := data.rfind(b"ID3", before, at)) >= 0:
            end = tag + _id3_size(data, tag)
            if end != at:
                break
            at = tag
        if tag >= 0 and end > at:
            continue
        yield at, _is_vague(data, found.end())
        before = found.end()


def _is_vague(data: mmap.mmap, at: int) -> bool:
    """See `Piece`; `at` is where the tag's flags begin."""
    flags = int.from_bytes(data[at : at + 4])
    at += 4 + sum(size for bit, size in enumerate(XING_FIELDS) if flags >> bit & 1)
    padding = int.from_bytes(data[at + XING_DELAYS : at + XING_DELAYS + 3]) & 0xFFF
    return data[at : at + 3] == b"Lav" and padding in MOST_PADDING


def _ogg_links(path: Path, data: mmap.mmap) -> Iterator[tuple[int, int | None]]:
    """Where the streams begin that are chained, page by page, and the last granule of Vorbis."""
    at, size = 0, len(data)
    began, pages, last = False, dict[bytes, int](), False
    start, vorbis, granule = None, None, None
    while at < size:
        head = data[at : at + OGG_HEADER]
        if len(head) < OGG_HEADER or head[:4] != b"OggS":
            raise ClipError(f"damaged or truncated: broken Ogg page at byte {at}", where=path)
        first = bool(head[5] & OGG_FIRST)
        if first and not began:
            if start is not None:
                yield start, granule
            pages, start, vorbis, granule = {}, at, None, None
        began = first
        serial, number = head[14:18], int.from_bytes(head[18:22], "little")
        if pages.get(serial, number - 1) != number - 1:
            raise ClipError(f"damaged: Ogg pages missing at byte {at}", where=path)
        pages[serial] = number
        last = bool(head[5] & OGG_LAST)
        lacing = data[at + OGG_HEADER : at + OGG_HEADER + head[26]]
        end = at + OGG_HEADER + head[26] + sum(lacing)
        if end <= size and _ogg_checksum(data[at:end]) != int.from_bytes(head[22:26], "little"):
            raise ClipError(f"damaged: wrong checksum of the Ogg page at byte {at}", where=path)
        if first and data[end - VORBIS_HEADER : end][: len(VORBIS)] == VORBIS:
            vorbis = serial
        if serial == vorbis and (told := int.from_bytes(head[6:14], "little", signed=True)) >= 0:
            granule = told
        at = end
    if at > size or not last:
        raise ClipError("truncated: the last Ogg page is missing", where=path)
    if start is not None:
        yield start, granule


def _ogg_checksum(page: bytes) -> int:
    """The checksum of a page: that of zlib with the bits of each byte, and its own, reversed."""
    plain = (page[:22] + bytes(4) + page[26:]).translate(REVERSED)
    value = zlib.crc32(plain, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(value.to_bytes(4, "little").translate(REVERSED), "big")


class _Window(io.RawIOBase):
    """Some bytes of a file, as a file."""

    def __init__(self, path: Path, start: int, end: int) -> None:
        self._file = path.open("rb")
        self._start, self._size, self._at = start, end - start, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        wanted = max(min(len(buffer), self._size - self._at), 0)
        self._file.seek(self._start + self._at)
        data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()

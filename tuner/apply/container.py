"""Coded files as containers: their codec payload.

It is read through ffmpeg's libraries (PyAV) packet by packet, so that a file of hours needs no
more memory than one of seconds.
"""

from __future__ import annotations

import hashlib
from pathlib import Path


def payload_digest(path: Path) -> str:
    """sha256 (hex) of a file's codec packets, with their lengths.

    Serial numbers, tags and whatever else the container adds are left out. A file that
    ffmpeg's libraries cannot demux counts as payload as a whole.
    """
    import av

    content = hashlib.sha256()
    try:
        with av.open(str(path.absolute())) as container:
            for packet in container.demux(audio=0):
                content.update(packet.size.to_bytes(4))
                content.update(bytes(packet))
    except (av.FFmpegError, IndexError):
        content = hashlib.sha256(path.read_bytes())
    return content.hexdigest()


def payload_bits(path: Path) -> int:
    """Bits of a file's codec packets; of the whole file where FFmpeg's libraries cannot tell."""
    import av

    try:
        with av.open(str(path.absolute())) as container:
            return 8 * sum(int(packet.size) for packet in container.demux(audio=0))
    except (av.FFmpegError, IndexError):
        return 8 * path.stat().st_size

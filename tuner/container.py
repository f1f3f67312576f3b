"""Coded files as containers: their codec payload, and tags written beside it.

Everything goes through ffmpeg's libraries (PyAV) packet by packet, so that a file of hours
needs no more memory than one of seconds, and the payload is never coded again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from tuner.errors import ClipError, DecodeFailed

#: What a file tells of itself and of the program that wrote it, not of the music.
TECHNICAL = frozenset(
    (
        "compatible_brands",
        "creation_time",
        "duration",
        "encoded_by",
        "encoder",
        "encoder_options",
        "handler_name",
        "language",
        "major_brand",
        "minor_version",
        "vendor_id",
    )
)
#: Suffixes of the containers that hold tags, as ffmpeg writes them.
TAGGED = (".m4a", ".mka", ".mp3", ".mp4", ".oga", ".ogg", ".opus")
#: Ticks a second of MPEG-4's time line: ffmpeg's own 1000 would round the end of the music.
MOVIE_TIMESCALE = "48000"


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


def read_tags(path: Path) -> dict[str, str]:
    """Title, artist and so on, under ffmpeg's names; those of the music alone.

    Raises:
        ClipError: the file cannot be opened.
    """
    import av

    try:
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            # Ogg files keep them with the stream.
            streams = [stream.metadata for stream in container.streams.audio[:1]]
            found = {k: v for each in (container.metadata, *streams) for k, v in each.items()}
    except av.FFmpegError as error:
        raise ClipError(f"{path}: cannot be opened ({error.strerror})") from error
    return {key: value for key, value in found.items() if key.lower() not in TECHNICAL}


def write_tagged(source: Path, target: Path, tags: dict[str, str]) -> bool:
    """Copy a coded file with tags; its packets stay as they are.

    Args:
        source: the coded file.
        target: what to write; its suffix names the container.
        tags: as `read_tags` gives them.

    Returns:
        Whether the container holds tags; if not, nothing is written.

    Raises:
        DecodeFailed: it cannot be copied packet by packet.
    """
    import av

    if target.suffix.lower() not in TAGGED:
        return False
    # Of the other muxers, that have no such option, none complains.
    options = {"movie_timescale": MOVIE_TIMESCALE}
    # Absolute: ffmpeg takes "mix: one.wav" for a protocol.
    paths = str(source.absolute()), str(target.absolute())
    try:
        with av.open(paths[0]) as read, av.open(paths[1], "w", options=options) as written:
            stream = read.streams.audio[0]
            copied = written.add_stream_from_template(stream)
            written.metadata.update(tags)
            for packet in read.demux(stream):
                if packet.dts is not None:  # the last one only flushes
                    packet.stream = copied
                    written.mux(packet)
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise DecodeFailed(f"{source}: tags cannot be written into it ({error})") from error
    if payload_digest(source) != payload_digest(target):
        raise DecodeFailed(f"{source}: writing tags would change what is coded")
    return True

"""Coded files in memory, read with ffmpeg's libraries (PyAV): decoding, counting payload."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from tuner.encoder import DecodeFailed, Pcm


def decode(data: bytes) -> tuple[Pcm, int]:
    """Decode a whole file.

    Returns:
        float32 ``[C, T]`` and its sample rate in Hz.

    Raises:
        DecodeFailed: damaged, without audio, or empty.
    """
    import av

    try:
        with av.open(io.BytesIO(data)) as container:
            if not container.streams.audio:
                raise DecodeFailed("the encoded data holds no audio stream")
            rate = container.streams.audio[0].rate
            planar = av.AudioResampler(format="fltp")
            frames = [f for frame in container.decode(audio=0) for f in planar.resample(frame)]
            frames += planar.resample(None) if frames else []
            pieces = [frame.to_ndarray() for frame in frames]
    except av.FFmpegError as error:
        raise DecodeFailed(f"the encoded data cannot be decoded ({error})") from error
    if not pieces or not sum(piece.shape[1] for piece in pieces):
        raise DecodeFailed("the encoded data decodes to nothing")
    return np.concatenate(pieces, axis=1, dtype=np.float32), int(rate)


def count_payload_bits(data: bytes) -> int:
    """Bits of codec payload in a file, container overhead not counted.

    Raises:
        DecodeFailed: if it cannot be demuxed.
    """
    import av

    try:
        with av.open(io.BytesIO(data)) as container:
            return 8 * sum(int(packet.size) for packet in container.demux(audio=0))
    except (av.FFmpegError, IndexError) as error:
        raise DecodeFailed(f"the encoder's output cannot be demuxed ({error})") from error


def read_wav(path: Path) -> tuple[Pcm, int]:
    """Read what a decoder wrote.

    Returns:
        float32 ``[C, T]`` and its sample rate in Hz.

    Raises:
        DecodeFailed: missing, damaged or empty.
    """
    import soundfile

    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise DecodeFailed(f"the decoder's output cannot be read ({error})") from error
    if not samples.size:
        raise DecodeFailed("the encoded data decodes to nothing")
    return np.ascontiguousarray(samples.T), int(rate)

"""Coded files in memory, read with ffmpeg's libraries (PyAV): decoding, counting payload."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.encoder import DecodeFailed, Pcm
from tuner.system.outputs import BadOutput, check_output

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

#: Samples of a channel that are decoded at most, 23 minutes at 48 kHz: a few bytes of some
#: codecs stand for hours of silence, which would eat the memory.
DECODED_LIMIT = 2**26
#: Channels of planar frames that PyAV crashes on.
CRASHING_CHANNELS = 8
#: Largest WAV file of a decoder that is read, bytes.
WAV_LIMIT = 1024**3


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
                raise DecodeFailed("the encoded data contains no audio stream")
            rate = container.streams.audio[0].rate
            read = _Frames()
            for frame in container.decode(audio=0):
                read.add(frame)
    except av.FFmpegError as error:
        raise DecodeFailed(f"the encoded data cannot be decoded ({error})") from error
    return read.joined(), int(rate)


class _Frames:
    """Samples of one frame after another, all of one rate."""

    def __init__(self) -> None:
        import av

        self._pieces: list[Pcm] = []
        self._held = 0
        self._rate: int | None = None
        self._packed = av.AudioResampler(format="flt")

    def add(self, frame: AudioFrame) -> None:
        """Keep its samples. Raises `DecodeFailed` if there are too many, or of another rate."""
        self._held += frame.samples
        if self._held > DECODED_LIMIT:
            raise DecodeFailed(f"the encoded data decodes to over {DECODED_LIMIT} samples")
        self._rate = self._rate or frame.sample_rate
        if frame.sample_rate != self._rate:
            raise DecodeFailed("the encoded data changes its sample rate")
        if frame.format.name == "fltp" and frame.layout.nb_channels < CRASHING_CHANNELS:
            self._pieces.append(np.asarray(frame.to_ndarray(), np.float32))
            return
        for each in self._packed.resample(frame):
            packed = np.asarray(each.to_ndarray(), np.float32)
            self._pieces.append(packed.reshape(each.samples, -1).T)

    def joined(self) -> Pcm:
        """All samples, float32 ``[C, T]``. Raises `DecodeFailed` if there are none."""
        if not any(piece.shape[1] for piece in self._pieces):
            raise DecodeFailed("the encoded data decodes to nothing")
        return np.concatenate(self._pieces, axis=1, dtype=np.float32)


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
        check_output(path, WAV_LIMIT)
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (BadOutput, OSError, RuntimeError) as error:
        raise DecodeFailed(f"the decoder's output cannot be read ({error})") from error
    if not samples.size:
        raise DecodeFailed("the encoded data decodes to nothing")
    return np.ascontiguousarray(samples.T), int(rate)

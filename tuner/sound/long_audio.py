"""Sound files of any length, read block by block where they are too long to hold in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tuner.errors import ClipError
from tuner.layout import declare_speakers, wav_format
from tuner.sound.decoding import decode_blocks, read_format
from tuner.sound.surround import downmix

#: Sample formats of the WAV files written here, and their bytes.
SAMPLE_BYTES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
#: The most that a WAV file holds.
WAV_BYTES = 2**32 - 2**16

Block = npt.NDArray[np.float32]
"""float32 ``[T, C]``."""


def find_duration(path: Path) -> float | None:
    """Seconds of audio; None where the file does not tell before it is read.

    Raises:
        ClipError: it cannot be opened as audio.
    """
    return read_format(path).duration_s


def write_wav(
    source: Path,
    target: Path,
    rate: int | None = None,
    *,
    floats: bool = False,
    to_stereo: bool = False,
) -> None:
    """Write any sound file as a WAV file of its own rate and bits.

    Args:
        source: of 1 to 8 channels, at any rate.
        target: the WAV file.
        rate: Hz, to which it is brought instead, with 24 bits; None: its own.
        floats: write floats as what they are, and not with 24 bits.
        to_stereo: mix more than two channels down (`tuner.sound.surround.downmix`).

    Raises:
        ClipError: the source cannot be read, has samples that are not finite, or more hours
            than a WAV file holds (four in stereo).
    """
    import soundfile

    about = read_format(source)
    blocks = read_blocks(source, rate, to_stereo=to_stereo)
    first = next(blocks, None)
    if first is None:
        raise ClipError("contains no audio", where=source)
    channels = first.shape[1]
    hz, subtype = rate or about.rate, "PCM_24"
    if hz == about.rate:
        whole = "PCM_16" if (about.bits or 24) <= 16 else "PCM_24"
        subtype = "FLOAT" if about.bits is None and floats else whole
    left = WAV_BYTES // (SAMPLE_BYTES[subtype] * channels)
    kind = wav_format(channels)
    with soundfile.SoundFile(target, "w", hz, channels, subtype, format=kind) as file:
        while first is not None:
            left -= len(first)
            if left < 0:
                raise ClipError("too long for a WAV file", where=source, remedy="split it")
            file.write(first)
            first = next(blocks, None)
    if channels > 2:
        declare_speakers(target, channels)


def read_blocks(
    path: Path, target_rate: int | None = None, *, to_stereo: bool = False
) -> Iterator[Block]:
    """The samples, block by block, float32 ``[T, C]``, resampled where a rate in Hz is given.

    Raises:
        ClipError: see `write_wav`.
    """
    import soxr

    resampler: soxr.ResampleStream | None = None
    for pcm, rate in decode_blocks(path):
        block = np.ascontiguousarray((downmix(pcm) if to_stereo else pcm).T)
        _check(path, block)
        if target_rate in (None, rate):
            yield block
            continue
        if resampler is None:
            resampler = soxr.ResampleStream(rate, target_rate, block.shape[1], quality="VHQ")
        yield resampler.resample_chunk(block)
    if resampler is not None:
        yield resampler.resample_chunk(block[:0], last=True)


def _check(path: Path, block: Block) -> None:
    if not np.isfinite(block).all():
        raise ClipError("contains NaN or infinite samples", where=path, remedy="export it again")

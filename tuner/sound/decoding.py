"""The one reader of sound files: every file is decoded and checked in here.

FFmpeg's libraries decode (PyAV); what they pass over in silence is an error here that names the
file and the second: packets that do not decode, gaps, fewer samples than the header promises, a
change of rate or channels in the middle. What they leave in is taken out: padding at the end of
MPEG-4 audio, Musepack's delay. `docs/files.md` has the table of formats.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.errors import ClipError
from tuner.layout import LAYOUTS, MOST_CHANNELS
from tuner.pcm import LOUDEST, Pcm
from tuner.sound.headers import MOV, promised_samples, read_index, tells_delay
from tuner.sound.pieces import Piece, find_pieces
from tuner.sound.quicktime import describe_movie
from tuner.sound.sndfile import check_speakers, decode_pcm, is_sndfile, read_pcm_header

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

log = logging.getLogger(__name__)

#: Codecs that give back what went in; others lose something, and are no references.
LOSSLESS = frozenset(("alac", "ape", "flac", "mlp", "shorten", "tak", "truehd", "tta", "wavpack"))
#: Codecs whose packets' times jump by themselves: blocks of two sizes, packets of a second.
JUMPING = re.compile("vorbis|musepack.|wma.*|mp3")
#: Musepack's decoder is late by so many samples, which its own players take off.
MUSEPACK, MUSEPACK_DELAY = frozenset(("musepack7", "musepack8")), 481
#: Formats whose last packets hold more than the sound, which players do not play.
PADDED = frozenset((MOV, "mp3", "mpc", "mpc8", "ogg"))
#: FFmpeg takes off padding that its decoder has not put in.
ALAC_IN_CAF = ("caf", "alac")
#: Packets may be so much off, s: Matroska counts in milliseconds.
GAP_S = 0.003
#: What a lossy file may lack of its promise: a decoder's delay, in samples.
LOSSY_LACK = 4096
#: Formats whose promise is the length of the sound, without delay and padding.
TELLING = frozenset(("mp3", "mpc", "mpc8", "wav", "w64", "au", "caf"))
#: Codecs that tell where they begin and end, and samples of padding in others.
SELF_KEEPING, PADDING = re.compile("opus|musepack8"), 4096
#: Samples of padding that FFmpeg's tag of an MP3 file may lack.
VAGUE = 48
#: Lists of other files, which nobody wants opened in place of one, and no network.
LISTS = frozenset(("applehttp", "concat", "dash", "hls", "imf", "rtsp", "sdp"))
LOCAL = {"protocol_whitelist": "file"}
#: FFmpeg's name of channels whose speakers are not declared.
UNDECLARED = r"\d+ channels"
#: Samples of a float32 are whole numbers of so many bits at most.
FLOAT_BITS = 24

Shape = tuple[int, str]
"""Sample rate in Hz, and FFmpeg's name of the channels' layout."""


@dataclass(frozen=True)
class Format:
    """What a file holds.

    Args:
        codec: FFmpeg's name of it.
        rate: Hz.
        channels: how many.
        bits: of a sample, 8 to 24, as whole numbers; None for floats and lossy codecs.
        duration_s: about, as the headers tell it; None where they do not.
    """

    codec: str
    rate: int
    channels: int
    bits: int | None
    duration_s: float | None

    @property
    def lossless(self) -> bool:
        """Whether the codec gives back what went in."""
        return _is_lossless(self.codec)


def read_format(path: Path) -> Format:
    """What a file holds, by its headers. Raises `ClipError` if it cannot be opened."""
    seconds: list[float | None] = []
    formats = []
    pieces = _pieces(path)
    if is_sndfile(path):
        return Format(*read_pcm_header(path))
    for piece in pieces:
        with _open(piece) as container:
            stream = _choose(path, container)
            promise = _promise(piece, container, stream)
            about = container.duration / 1e6 if container.duration else None
            seconds.append(about if promise is None else promise / stream.rate)
            codec = stream.codec.canonical_name
            formats.append(Format(codec, stream.rate, stream.channels, _bits(stream), None))
    known = [each for each in seconds if each is not None]
    total = sum(known) if len(known) == len(seconds) else None
    return dataclasses.replace(formats[0], duration_s=total or None)


def decode_blocks(path: Path) -> Iterator[tuple[Pcm, int]]:
    """The samples of a file, block by block, float32 ``[C, T]``, each with the rate in Hz.

    Raises:
        ClipError: it cannot be opened, holds no audio, is damaged or cut off (with the place), or
            changes its rate or channels.
    """
    shape: tuple[int, str] | None = None
    done = 0
    for piece in _pieces(path):
        decode = decode_pcm if is_sndfile(path) else _decode_piece
        for block, found in decode(piece, done):
            if shape is None:
                _check_layout(path, len(block), found[1])
            _check_shape(path, shape, found, done)
            sane = (np.abs(block) <= LOUDEST).all(axis=0)  # which NaN is not, either
            if not sane.all():
                place = (done + np.argmin(sane)) / found[0]
                finite = np.isfinite(block).all()
                kind = "samples above +200 dBFS" if finite else "NaN or infinite samples"
                raise ClipError(
                    f"contains {kind} at {place:.2f} s",
                    where=path,
                    remedy="export it again",
                )
            shape = found
            done += block.shape[1]
            yield block, found[0]
    if shape is None:
        raise ClipError("contains no audio", where=path)


def _pieces(path: Path) -> list[Piece]:
    try:
        return find_pieces(path)
    except (OSError, ValueError) as error:
        raise ClipError(f"cannot be read ({error})", where=path) from error


def _open(piece: Piece) -> InputContainer:
    import av

    path = piece.path
    try:
        opened: InputContainer = av.open(
            piece.open(), metadata_errors="replace", container_options=LOCAL
        )
    except (av.FFmpegError, OSError) as error:
        if not path.stat().st_size:
            raise ClipError("empty file", where=path) from error
        reason = error.strerror or str(error)
        raise ClipError(
            f"cannot be read as audio ({reason}): not an audio file, or its beginning is damaged",
            where=path,
        ) from error
    if opened.format.name in LISTS:
        opened.close()
        raise ClipError("a playlist", where=path, remedy="give the files themselves")
    return opened


def _choose(path: Path, container: InputContainer) -> AudioStream:
    """The stream that players would play."""
    from av.stream import Disposition

    streams = list(container.streams.audio)
    if not streams:
        raise ClipError("contains no audio", where=path)
    marked = [s for s in streams if s.disposition & Disposition.default]
    chosen = (marked or streams)[0]
    if len(streams) > 1:
        number = streams.index(chosen) + 1
        log.warning("%s: contains %d audio streams; using number %d", path, len(streams), number)
    if not chosen.codec_context or not chosen.rate or not chosen.channels:
        raise ClipError("contains no audio, or its header is damaged", where=path)
    if container.format.name == MOV and chosen.channels > 2 and _is_pcm(chosen):
        # Before PyAV looks at it.
        check_speakers(path, describe_movie(read_index(path)), chosen.channels)
    return chosen


def _is_pcm(stream: AudioStream) -> bool:
    return bool(stream.codec.canonical_name.startswith("pcm_"))


def _bits(stream: AudioStream) -> int | None:
    kind = stream.codec_context.format.name if stream.codec_context.format else ""
    whole = {"u8": 8, "s16": 16, "s32": FLOAT_BITS}.get(kind.removesuffix("p"))
    return whole if _is_lossless(stream.codec.canonical_name) else None


def _decode_piece(piece: Piece, before: int) -> Iterator[tuple[Pcm, Shape]]:
    """The samples of a piece; `before` samples of the file came before it."""
    path = piece.path
    with _open(piece) as container:
        stream = _choose(path, container)
        codec, rate = stream.codec.canonical_name, stream.rate
        promise = _promise(piece, container, stream)
        kind = container.format.name
        is_padded = promise is not None and (kind in PADDED or (kind, codec) == ALAC_IN_CAF)
        skip = MUSEPACK_DELAY if codec in MUSEPACK else 0
        done, held = 0, list[tuple[Pcm, Shape]]()
        for block, shape in _decode_stream(path, container, stream, before):
            cut = block[:, skip:]
            skip -= block.shape[1] - cut.shape[1]
            if promise is not None and is_padded:
                cut, rest = np.split(cut, [max(promise - done, 0)], axis=1)
                held.append((rest, shape))
            done += cut.shape[1]
            if cut.shape[1]:
                yield cut, shape
            # A little too much is padding; a lot is sound that the header knows nothing of.
            if sum(rest.shape[1] for rest, _ in held) > LOSSY_LACK:
                is_padded = False
                done += sum(rest.shape[1] for rest, _ in held)
                yield from held
                held = []
        if promise is None and _is_lossless(codec) and container.format.name != "ogg":
            log.warning(
                "%s: does not declare its length, so a missing end cannot be detected", path
            )
        told = promise is not None and container.format.name in TELLING
        if not told and not _keeps_length(path, container, stream):
            log.warning(
                "%s: %s in this form declares neither delay nor end: up to %d samples too"
                " many or too few at either",
                path,
                codec.upper(),
                PADDING,
            )
        if piece.vague:
            log.warning(
                "%s: FFmpeg wrote its tag with the largest padding it can declare: up"
                " to %d samples too many at the end",
                path,
                VAGUE,
            )
    if promise is not None:
        _check_length(path, done, promise, rate, exact=_is_lossless(codec))


def _check_length(path: Path, done: int, promise: int, rate: int, *, exact: bool) -> None:
    told = f"{done / rate:.2f} s could be read of {promise / rate:.2f} s declared in its header"
    if promise - done > (0 if exact else LOSSY_LACK):
        raise ClipError(f"truncated or damaged: {told}", where=path)
    if promise > done:
        log.warning("%s: %s; its end may be missing", path, told)
    if done - promise > LOSSY_LACK:
        log.warning("%s: %s; all of it is used", path, told)


def _promise(piece: Piece, container: InputContainer, stream: AudioStream) -> int | None:
    try:
        return promised_samples(piece, container, stream)
    except (OSError, OverflowError, ValueError) as error:
        raise ClipError(f"damaged header ({error})", where=piece.path) from error


def _keeps_length(path: Path, container: InputContainer, stream: AudioStream) -> bool:
    """Whether the format keeps the beginning and the end of lossy audio to the sample."""
    codec = stream.codec.canonical_name
    if container.format.name == MOV and not _is_lossless(codec):
        return codec != "mp3" and tells_delay(path)
    is_kept = container.format.name == "ogg" or SELF_KEEPING.fullmatch(codec)
    return bool(is_kept) or _is_lossless(codec)


def _is_lossless(codec: str) -> bool:
    return codec in LOSSLESS or codec.startswith("pcm_")


def _decode_stream(
    path: Path, container: InputContainer, stream: AudioStream, before: int
) -> Iterator[tuple[Pcm, Shape]]:
    import av

    codec, rate = stream.codec.canonical_name, stream.rate
    if _is_lossless(codec):
        stream.codec_context.options = {"err_detect": "crccheck+explode"}
    if (container.format.name, codec) == ALAC_IN_CAF:
        stream.codec_context.options |= {"flags2": "+skip_manual"}
    # Packed, as PyAV reads beyond the planes of frames of eight channels and more, and crashes.
    packed = av.AudioResampler(format="flt")
    done, shape, expected = before, None, None
    try:
        for packet in container.demux(stream):
            frames = packet.decode()
            if not frames and packet.size and _is_lossless(codec):
                raise ClipError(f"damaged at {done / rate:.2f} s", where=path)
            for frame in frames:
                found = (frame.sample_rate, frame.layout.name)
                _check_shape(path, shape, found, done)
                if not JUMPING.fullmatch(codec):
                    expected = _check_time(path, frame, expected, done)
                shape, rate = found, frame.sample_rate
                done += frame.samples
                for piece in packed.resample(frame):
                    block = piece.to_ndarray().reshape(piece.samples, -1)
                    yield np.ascontiguousarray(block.T, np.float32), found
    except (av.FFmpegError, OSError) as error:
        reason = error.strerror or str(error)
        raise ClipError(f"damaged at {done / rate:.2f} s ({reason})", where=path) from error


def _check_layout(path: Path, channels: int, name: str) -> None:
    """Refuse channels for other speakers than those of `tuner.layout`."""
    layout = LAYOUTS.get(channels)
    if layout is None:
        raise ClipError(
            f"has {channels} channels; at most {MOST_CHANNELS} can be used",
            where=path,
            remedy="remove the file, or mix it down",
        )
    if channels <= 2 or name in (layout.name, *layout.aliases):
        return
    order = " ".join(layout.speakers)
    if re.fullmatch(UNDECLARED, name) is None:
        raise ClipError(
            f"has {channels} channels in the layout {name}; only {layout.name} ({order}) can be"
            " used",
            where=path,
            remedy="convert it",
        )
    log.warning(
        "%s: does not declare which speakers its %d channels are for; read as %s (%s)",
        path,
        channels,
        layout.name,
        order,
    )


def _check_shape(path: Path, shape: Shape | None, found: Shape, done: int) -> None:
    if shape is not None and shape != found:
        old, new = (f"{rate} Hz {layout}" for rate, layout in (shape, found))
        place = done / shape[0]
        raise ClipError(
            f"changes from {old} to {new} at {place:.2f} s", where=path, remedy="split it there"
        )


def _check_time(path: Path, frame: AudioFrame, expected: float | None, done: int) -> float | None:
    """Check that a frame follows the one before; when the next one should come, s."""
    if frame.pts is None or frame.time_base is None:
        return None if expected is None else expected + frame.samples / frame.sample_rate
    begins = float(frame.pts * frame.time_base)
    if expected is not None and abs(begins - expected) > GAP_S:
        gap, place = begins - expected, done / frame.sample_rate
        what = f"{gap:.2f} s are missing" if gap > 0 else "its timestamps run backwards"
        raise ClipError(f"damaged at {place:.2f} s: {what}", where=path)
    return begins + frame.samples / frame.sample_rate

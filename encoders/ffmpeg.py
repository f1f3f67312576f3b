"""What the adapters that drive ffmpeg share: the binary, the command, decoding.

PCM goes in as 32-bit floats through a pipe. The output goes to a file in a private
folder, because the containers write their delay (LAME tag, edit list) by seeking back.
Decoding happens in process with PyAV. Everything that ffmpeg says on stderr is read:
it drops or clamps options with a warning and exit code 0.

Whole files repeat bit by bit (``-fflags +bitexact`` fixes Ogg's serial number and the
muxer's tags). The codec's own bitexact flag is left alone: it changes AAC's payload.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from encoders.process import find_binary, run
from tuner.encoder import (
    DecodeFailed,
    Encoded,
    EncoderFailed,
    EncoderMissing,
    OptionIgnored,
    Parameter,
    Pcm,
    RateMode,
    Settings,
    SettingsError,
    Value,
    Version,
    default_settings,
    validate,
)

#: Environment variable that names another ffmpeg than the bundled one.
BINARY_VARIABLE = "TUNER_FFMPEG"
REMEDY = (
    "install the package imageio-ffmpeg, which carries ffmpeg, or name another binary"
    f" (`binary` or the environment variable {BINARY_VARIABLE})"
)
#: Wall-clock limit of one encode, s. The slowest setting (aac twoloop) takes 0.07 s of
#: CPU for one second of audio; a clip lasts at most 20 s.
TIMEOUT_S = 120.0
#: A line of stderr that matches says that an option was dropped, clamped or replaced.
#: Provoked one by one with ffmpeg 9.0.2; in proper use none of them appears.
OPTION_IGNORED = re.compile(
    r"ignor|unused|has not been used|unknown|unrecognized|unsupported|not supported"
    r"|clamp|defaulting|using default|invalid|cannot be used|must be|deprecated",
    re.IGNORECASE,
)
#: Seconds and sample rate of the silence that is encoded to read a library's version.
PROBE_S, PROBE_HZ = 0.1, 48_000


@dataclass(frozen=True)
class FfmpegEncoder:
    """Base of an adapter for one of ffmpeg's audio encoders.

    A subclass declares the class variables and `options`.

    Args:
        binary: path or name of another ffmpeg than the bundled one.
    """

    binary: str | None = None

    name: ClassVar[str]
    #: ffmpeg's name of the encoder (``-c:a``).
    codec: ClassVar[str]
    #: Suffix of the output with dot; ffmpeg chooses the container by it.
    suffix: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]]
    rate_modes: ClassVar[tuple[RateMode, ...]]
    #: Finds the codec library's version in an encoded file, where it writes one.
    version_mark: ClassVar[re.Pattern[bytes] | None] = None

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        """ffmpeg's output options for these settings, those at their default left out."""
        raise NotImplementedError

    @property
    def version(self) -> Version:
        """The build that runs: ffmpeg's version, and the library's where it is readable."""
        path = self._path()
        stat = Path(path).stat()
        text, digest = _identify(path, stat.st_mtime_ns, stat.st_size)
        library = _find_library(self, digest)
        return Version(f"{text}, {library}" if library else text, path, digest)

    def encode(self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float) -> Encoded:
        """Encode one clip; see `tuner.encoder.Encoder.encode`."""
        validate(self, settings, knob)
        if pcm.ndim != 2 or pcm.shape[0] not in (1, 2) or pcm.shape[1] == 0:
            raise SettingsError(f"{self.name}: PCM of shape {pcm.shape}; expected [1 or 2, T]")
        options = self.options(settings.rate_mode, settings.as_dict(), knob)
        interleaved = np.ascontiguousarray(pcm.T, dtype="<f4").tobytes()
        with tempfile.TemporaryDirectory(prefix="tuner-") as folder:
            target = Path(folder, "out" + self.suffix)
            command = self._pipe_command(pcm.shape[0], sample_rate, options, str(target))
            finished = run(command, interleaved, TIMEOUT_S)
            data = target.read_bytes() if target.exists() else b""
        said = finished.stderr.decode(errors="replace")
        if complaint := OPTION_IGNORED.search(said):
            what = f"an option was ignored or replaced ({complaint.group()!r})"
            raise OptionIgnored(what, command, 0, said)
        bits = count_payload_bits(data) if data else 0
        if bits == 0:
            raise EncoderFailed("exit code 0, but no output", command, 0, said)
        return Encoded(data, self.suffix, bits, finished.cpu_s)

    def decode(self, encoded: Encoded) -> tuple[Pcm, int]:
        """Decode in process with PyAV; see `tuner.encoder.Encoder.decode`."""
        return decode(encoded.data)

    def command_line(
        self, settings: Settings, knob: float, source: str, target: str
    ) -> Sequence[str]:
        """The command that a user types; see `tuner.encoder.Encoder.command_line`."""
        import ffmpeg

        validate(self, settings, knob)
        options = self.options(settings.rate_mode, settings.as_dict(), knob)
        program = self.binary or os.environ.get(BINARY_VARIABLE) or "ffmpeg"
        output = ffmpeg.input(source).output(target, **{"c:a": self.codec}, **options)
        return [str(word) for word in output.compile(cmd=program)]

    def _path(self) -> str:
        configured = self.binary or os.environ.get(BINARY_VARIABLE)
        return find_binary(configured or _bundled_binary(), REMEDY)

    def _pipe_command(
        self, channels: int, sample_rate: int, options: Mapping[str, str], target: str
    ) -> list[str]:
        """The command from a pipe of float samples to the file `target`."""
        import ffmpeg

        source = ffmpeg.input("pipe:", format="f32le", ac=channels, ar=sample_rate)
        fixed = {"c:a": self.codec, "fflags": "+bitexact", "threads": 1}
        output = source.output(target, **fixed, **options)
        quiet = output.global_args("-nostdin", "-hide_banner", "-v", "warning")
        return [str(word) for word in quiet.compile(cmd=self._path())]


def bitrate(kbps: float) -> str:
    """ffmpeg's notation of a bitrate, to the bit: ``"64k"``, ``"64.25k"``."""
    return f"{round(kbps * 1000) / 1000:.7g}k"


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


def _bundled_binary() -> str:
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise EncoderMissing(f"ffmpeg: not found ({error}); {REMEDY}") from error


@functools.lru_cache(maxsize=16)
def _identify(path: str, mtime_ns: int, size: int) -> tuple[str, str]:
    """Version text and digest of a binary; read again when the file changes."""
    try:
        first = run([path, "-version"], timeout_s=TIMEOUT_S).stdout.decode(errors="replace")
    except EncoderFailed as error:
        raise EncoderMissing(
            f"{path}: is not an ffmpeg that runs ({error.what}); {REMEDY}"
        ) from error
    found = re.match(r"ffmpeg version (\S+)", first)
    if found is None:
        raise EncoderMissing(f"{path}: does not answer -version like ffmpeg; {REMEDY}")
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return f"ffmpeg {found.group(1).removeprefix('n')}", digest


@functools.lru_cache(maxsize=16)
def _find_library(encoder: FfmpegEncoder, digest: str) -> str:
    """The codec library's version, from a probe's bytes; empty if it writes none."""
    if encoder.version_mark is None:
        return ""
    silence = np.zeros((1, round(PROBE_S * PROBE_HZ)), np.float32)
    mode = encoder.rate_modes[0]
    data = encoder.encode(silence, PROBE_HZ, default_settings(encoder), mode.snap(mode.high)).data
    found = encoder.version_mark.search(data)
    return found.group().decode("ascii") if found else ""

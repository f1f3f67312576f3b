"""What the adapters that drive ffmpeg share: the binary, the command, decoding.

PCM goes in as 32-bit floats through a pipe. The output goes to a file in a private
folder, because the containers write their delay (LAME tag, edit list) by seeking back.

Whole files repeat bit by bit (``-fflags +bitexact`` fixes Ogg's serial number and the
muxer's tags). The codec's own bitexact flag is left alone: it changes AAC's payload.
"""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from encoders.command import BinaryEncoder, plain_name
from encoders.process import find_binary
from tuner.encoder import (
    EncoderMissing,
    Pcm,
    Settings,
    Value,
    Version,
    validate,
)
from tuner.layout import LAYOUTS
from tuner.unchanging import Remembered

#: Environment variable that names another ffmpeg than the bundled one.
BINARY_VARIABLE = "TUNER_FFMPEG"
REMEDY = (
    "install the package imageio-ffmpeg, which includes ffmpeg, or set the path of another"
    f" (`binary` or the environment variable {BINARY_VARIABLE})"
)


@dataclass(frozen=True)
class FfmpegEncoder(BinaryEncoder):
    """Base of an adapter for one of ffmpeg's audio encoders.

    A subclass declares the class variables and `options`. `binary` names another ffmpeg
    than the bundled one.
    """

    program: ClassVar[str] = "ffmpeg"
    reads_floats: ClassVar[bool] = True
    remedy: ClassVar[str] = REMEDY
    version_arguments: ClassVar[tuple[str, ...]] = ("-version",)
    version_pattern: ClassVar[re.Pattern[str]] = re.compile(r"^ffmpeg version n?(\S+)")
    #: ffmpeg's name of the encoder (``-c:a``).
    codec: ClassVar[str]

    @abstractmethod
    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        """ffmpeg's output options for these settings, those at their default left out."""

    @property
    def version(self) -> Version:
        """The build that runs: ffmpeg's version, and the library's where it is readable."""
        version = super().version
        return replace(version, text=f"ffmpeg {version.text}")

    def command_line(
        self, settings: Settings, knob: float, source: str, target: str
    ) -> Sequence[str]:
        """The command that a user types; see `tuner.encoder.Encoder.command_line`."""
        import ffmpeg

        validate(self, settings, knob)
        options = self.options(settings.rate_mode, settings.as_dict(), knob)
        program = self.binary or os.environ.get(BINARY_VARIABLE) or self.program
        output = ffmpeg.input(plain_name(source)).output(
            plain_name(target), **{"c:a": self.codec}, **options
        )
        return [str(word) for word in output.compile(cmd=program)]

    def child_command(
        self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float, target: Path
    ) -> tuple[list[str], bytes]:
        """From a pipe of float samples; see `BinaryEncoder.child_command`."""
        import ffmpeg

        options = self.options(settings.rate_mode, settings.as_dict(), knob)
        layout = LAYOUTS[pcm.shape[0]].name
        source = ffmpeg.input("pipe:", format="f32le", channel_layout=layout, ar=sample_rate)
        fixed = {"c:a": self.codec, "fflags": "+bitexact", "threads": 1}
        output = source.output(target.name, **fixed, **options)
        quiet = output.global_args("-nostdin", "-hide_banner", "-v", "warning")
        return [str(word) for word in quiet.compile(cmd=self.path())], _interleaved(pcm)

    def path(self) -> str:
        """Absolute path of the ffmpeg that runs. Raises `EncoderMissing`."""
        return find_ffmpeg(self.binary)


#: Samples as the pipe takes them, once for all settings that a clip is encoded with.
_interleaved = Remembered(lambda pcm: np.ascontiguousarray(pcm.T, dtype="<f4").tobytes())


def bitrate(kbps: float) -> str:
    """ffmpeg's notation of a bitrate, to the bit: ``"64k"``, ``"64.25k"``."""
    return f"{round(kbps * 1000) / 1000:.7g}k"


def find_ffmpeg(binary: str | None = None) -> str:
    """Absolute path of an ffmpeg: `binary`, the environment's or the one that came along.

    Raises:
        EncoderMissing: it is not there.
    """
    configured = binary or os.environ.get(BINARY_VARIABLE)
    return find_binary(configured or _bundled_binary(), REMEDY)


def _bundled_binary() -> str:
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise EncoderMissing(f"not found ({error})", where="ffmpeg", remedy=REMEDY) from error

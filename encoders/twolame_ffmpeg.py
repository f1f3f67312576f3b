"""MPEG-1 layer II (MP2) through ffmpeg's libtwolame, for those who lack twolame.

Source of ranges and meanings: ``ffmpeg -h encoder=libtwolame`` (9.0.2), twolame(1) (0.4.0);
that each acts was proved by changed payloads. For a 16-bit file it codes the same samples
as the command line does with the same settings; it offers neither ``-l`` nor ``-q``.
libtwolame works on 16-bit integers: what lies below is rounded here, cut off there.

Left out:

- VBR (``-q:a``): its levels below 0, the low rates, cannot be given (a negative number
  gives 384 kb/s in silence).
- ``energy_levels``, ``error_protection``, ``copyright``, ``original``: they only take bits.
- ``-cutoff`` and ``-compression_level``: dropped in silence.
- ``mode`` stereo and dual_channel: of a stereo file the same samples as auto.

libtwolame's version is not readable in ffmpeg: the digest of the binary stands for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from encoders.ffmpeg import FfmpegEncoder, bitrate
from tuner.encoder import RATE_MODE, Parameter, Pcm, RateMode, Settings, Value, switch

#: The bitrates of MPEG-1 layer II that stereo may have, kb/s (ISO 11172-3, tried one by one):
#: 32, 48, 56 and 80 are refused. From 224 on mono is refused: such a clip fails the setting.
MPEG1_KBPS = (64, 96, 112, 128, 160, 192, 224, 256, 320, 384)
CBR = RateMode("cbr", "bitrate_kbps", low=64, high=384, table=MPEG1_KBPS)
#: Left out for a mono clip, of which twolame would make a stereo file in silence.
JOINT_STEREO = switch(
    "joint_stereo",
    False,
    "intensity stereo where bits are short: high bands as one channel with two levels",
    {RATE_MODE: ("cbr",)},
)
PSY_MODEL = Parameter(
    "psy_model",
    "choice",
    3,
    "psychoacoustic model: -1 fixed values, 0 from scale factors, 1 and 2 as in the standard,"
    " 3 and 4 rewrites of these",
    choices=(-1, 0, 1, 2, 3, 4),
)


def fit_to_channels(settings: Settings, channels: int) -> Settings:
    """The settings without joint stereo where there is one channel."""
    values = settings.as_dict()
    if channels == 1 and values.get("joint_stereo"):
        values["joint_stereo"] = False
    return Settings.of(settings.rate_mode, values)


@dataclass(frozen=True)
class TwolameFfmpeg(FfmpegEncoder):
    """Adapter of ffmpeg's ``libtwolame``."""

    name: ClassVar[str] = "twolame-ffmpeg"
    codec: ClassVar[str] = "libtwolame"
    suffix: ClassVar[str] = ".mp2"
    rate_modes: ClassVar[tuple[RateMode, ...]] = (CBR,)
    parameters: ClassVar[tuple[Parameter, ...]] = (PSY_MODEL, JOINT_STEREO)

    def child_command(
        self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float, target: Path
    ) -> tuple[list[str], bytes]:
        """Mono clips without joint stereo; see `encoders.command.BinaryEncoder`."""
        fitting = fit_to_channels(settings, pcm.shape[0])
        return super().child_command(pcm, sample_rate, fitting, knob, target)

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        """ffmpeg's output options for these settings, those at their default left out."""
        options = {"b:a": bitrate(knob)}
        if values["psy_model"] != PSY_MODEL.default:
            options["psymodel"] = str(values["psy_model"])
        if values["joint_stereo"]:
            options["mode"] = "joint_stereo"
        return options

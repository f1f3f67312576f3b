"""LAME through ffmpeg's libmp3lame, in an MP3 file with a LAME tag.

Source of ranges and meanings: ``ffmpeg -h encoder=libmp3lame`` (9.0.2), the chapter
"libmp3lame" of ffmpeg-codecs(1), lame(1); that each acts was proved by changed payloads.

MPEG-1 layer III (32, 44.1, 48 kHz) spends 32 to 320 kb/s, MPEG-2 (16, 24 kHz) 8 to 160:
outside LAME takes the nearest legal rate without a word, and the measured bitrate shows
it. libmp3lame never resamples by itself; `sample_rate_hz` lets ffmpeg do it.

Levels of ``-compression_level`` that give the same payload (ffmpeg 9.0.2, LAME 4.1a, seven
real clips): 1 = 2, 3 = 4, 5 = 6, 7 to 9 with CBR and ABR, and on most clips 0 = 1 as well;
0 to 4, 5 = 6, 7 to 9 with VBR. One of each is offered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from encoders.ffmpeg import FfmpegEncoder, bitrate
from encoders.lame_parameters import (
    DEFAULT_LEVEL,
    LOWPASS,
    QUALITY,
    QUALITY_VBR,
    RESERVOIR,
    SAMPLE_RATE,
    STEREO_MODE,
    VBR,
    level_name,
    make_presets,
)
from tuner.encoder import Parameter, RateMode, Settings, Value, is_number

#: Legal bitrates of MPEG-1 layer III, kb/s (ISO 11172-3); up to 160 also of MPEG-2.
MPEG1_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)


@dataclass(frozen=True)
class LameFfmpeg(FfmpegEncoder):
    """Adapter of ffmpeg's ``libmp3lame``."""

    name: ClassVar[str] = "lame-ffmpeg"
    codec: ClassVar[str] = "libmp3lame"
    suffix: ClassVar[str] = ".mp3"
    version_mark: ClassVar[re.Pattern[bytes] | None] = re.compile(
        rb"LAME ?\d+\.\d+[0-9a-z.]*(?: \((?:alpha|beta) ?\d*\))?"
    )
    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        RateMode("cbr", "bitrate_kbps", low=32, high=320, table=MPEG1_KBPS),
        # ffmpeg hands whole kb/s to LAME.
        RateMode("abr", "bitrate_kbps", low=16, high=320, step=1),
        VBR,
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        replace(QUALITY, choices=(0, DEFAULT_LEVEL, 5, 7)),
        QUALITY_VBR,
        replace(STEREO_MODE, choices=("joint", "stereo")),
        RESERVOIR,
        replace(
            SAMPLE_RATE,
            default="source",
            meaning="sample rate of the MP3; lower rates code less bandwidth more accurately",
            choices=("source", "44100", "32000", "24000", "16000"),
        ),
        replace(LOWPASS, low=4_000, meaning="low-pass frequency; auto: chosen by LAME"),
    )
    presets: ClassVar[tuple[Settings, ...]] = make_presets(parameters, 0)

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        """ffmpeg's output options for these settings, those at their default left out."""
        # LAME scales whole numbers otherwise than floats: a user's 16-bit file would code
        # to other bits than those that were scored.
        options = {"sample_fmt": "fltp"}
        options |= {"q:a": f"{knob:.7g}"} if mode == "vbr" else {"b:a": bitrate(knob)}
        if mode == "abr":
            options["abr"] = "1"
        level = values[level_name(mode)]
        if level != DEFAULT_LEVEL:
            options["compression_level"] = str(int(level))
        if values["stereo_mode"] == "stereo":
            options["joint_stereo"] = "0"
        if not values["reservoir"]:
            options["reservoir"] = "0"
        if values["sample_rate_hz"] != "source":
            options["ar"] = str(values["sample_rate_hz"])
        if is_number(values["lowpass_hz"]):
            options["cutoff"] = str(int(values["lowpass_hz"]))
        return options

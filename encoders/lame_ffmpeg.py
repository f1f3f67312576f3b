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
from dataclasses import dataclass
from typing import ClassVar

from encoders.ffmpeg import FfmpegEncoder, bitrate
from tuner.encoder import RATE_MODE, Parameter, RateMode, Settings, Value, settings_of

#: Legal bitrates of MPEG-1 layer III, kb/s (ISO 11172-3); up to 160 also of MPEG-2.
MPEG1_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
#: LAME's own level when ffmpeg is given none.
DEFAULT_LEVEL = 3


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
        RateMode("vbr", "quality", low=0, high=9.999, nominal=False, rising=False),
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            "compression_level",
            "choice",
            DEFAULT_LEVEL,
            "LAME's -q: 0 slowest and best search, 5 simpler, 7 no noise shaping",
            choices=(0, DEFAULT_LEVEL, 5, 7),
            when={RATE_MODE: ("cbr", "abr")},
        ),
        Parameter(
            "compression_level_vbr",
            "choice",
            DEFAULT_LEVEL,
            "LAME's -q with VBR: 3 full search, 5 no best Huffman division, 7 fastest",
            choices=(DEFAULT_LEVEL, 5, 7),
            when={RATE_MODE: ("vbr",)},
        ),
        Parameter(
            "joint_stereo",
            "choice",
            True,
            "mid/side or left/right per frame; off: always left/right",
            choices=(True, False),
        ),
        Parameter(
            "reservoir",
            "choice",
            True,
            "let frames save bits for later ones",
            choices=(True, False),
        ),
        Parameter(
            "sample_rate_hz",
            "choice",
            "source",
            "sample rate of the MP3; lower rates code less bandwidth more accurately",
            choices=("source", "44100", "32000", "24000", "16000"),
            unit="Hz",
        ),
        Parameter(
            "cutoff",
            "choice",
            "auto",
            "low-pass: chosen by LAME from the bitrate, or set by cutoff_hz",
            choices=("auto", "manual"),
        ),
        Parameter(
            "cutoff_hz",
            "int",
            16_000,
            "low-pass frequency",
            low=4_000,
            high=20_000,
            step=250,
            unit="Hz",
            when={"cutoff": ("manual",)},
        ),
    )
    #: lame -q 0 in each of its modes that have it.
    presets: ClassVar[tuple[Settings, ...]] = (
        settings_of(parameters, "cbr", compression_level=0),
        settings_of(parameters, "abr", compression_level=0),
    )

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        """ffmpeg's output options for these settings, those at their default left out."""
        # LAME scales whole numbers otherwise than floats: a user's 16-bit file would code
        # to other bits than those that were scored.
        options = {"sample_fmt": "fltp"}
        options |= {"q:a": f"{knob:.7g}"} if mode == "vbr" else {"b:a": bitrate(knob)}
        if mode == "abr":
            options["abr"] = "1"
        level = values["compression_level_vbr" if mode == "vbr" else "compression_level"]
        if level != DEFAULT_LEVEL:
            options["compression_level"] = str(int(level))
        options |= {name: "0" for name in ("joint_stereo", "reservoir") if not values[name]}
        if values["sample_rate_hz"] != "source":
            options["ar"] = str(values["sample_rate_hz"])
        if "cutoff_hz" in values:
            options["cutoff"] = str(int(values["cutoff_hz"]))
        return options

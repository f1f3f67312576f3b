"""Vorbis through ffmpeg's libvorbis, in an Ogg file; and what every door to it takes.

Source of ranges and meanings: ``ffmpeg -h encoder=libvorbis`` (9.0.2), the chapter
"libvorbis" of ffmpeg-codecs(1); that each acts was proved by changed payloads. ffmpeg writes
its own name where libvorbis writes its version: the binary's digest stands for it.

ffmpeg says nothing of what it drops here: ``-q:a`` below 0 is coded as 3, above 10 as 10,
a low-pass below 2 kHz as 2 kHz. The ranges exclude these.

``-b:a`` alone is no average but a quality that is looked up for that bitrate; it reaches
lower than ``-q:a`` (45 kb/s is quality -1). With ``-maxrate`` the bitrate is managed.

Left out:

- other values of ``-maxrate``, ``-minrate`` and ``-bufsize``: the same bytes as `MAXRATE`
  on two clips of one second at 64 kb/s (limits of 32 to 200 kb/s).
- ``-compression_level``: dropped in silence.
- ``-ar`` with a bitrate: the legal bitrates shrink with the sample rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from encoders.ffmpeg import FfmpegEncoder, bitrate
from tuner.encoder import RATE_MODE, Parameter, RateMode, Value, is_number

IMPULSE_NOISETUNE = Parameter(
    "impulse_noisetune_db",
    "float",
    0.0,
    "noise floor bias of impulse blocks: negative for crisper attacks at more bits",
    low=-15,
    high=0,
    step=0.1,
    unit="dB",
)
LOWPASS = Parameter(
    "lowpass_hz",
    "int",
    "auto",
    "low-pass frequency; auto: chosen by libvorbis from the quality or bitrate",
    low=4_000,
    high=22_000,
    step=100,
    unit="Hz",
)
SAMPLE_RATE = Parameter(
    "sample_rate_hz",
    "choice",
    "source",
    "resample first: lower rates code less bandwidth with fewer bits",
    choices=("source", "44100", "32000", "22050", "16000"),
    unit="Hz",
    when={RATE_MODE: ("vbr",)},
)
#: A limit that only turns the management on: the highest nominal bitrate of libvorbis.
MAXRATE = "500k"


@dataclass(frozen=True)
class VorbisFfmpeg(FfmpegEncoder):
    """Adapter of ffmpeg's ``libvorbis``."""

    name: ClassVar[str] = "vorbis-ffmpeg"
    codec: ClassVar[str] = "libvorbis"
    suffix: ClassVar[str] = ".ogg"
    channels: ClassVar[tuple[int, ...]] = (1, 2, 3, 4, 5, 6, 7, 8)
    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        RateMode("vbr", "quality", low=0, high=10, step=0.01, nominal=False),
        # At 44.1 and 48 kHz stereo takes 45 to 500 kb/s, mono 32 to 240.
        RateMode("nominal", "bitrate_kbps", low=45, high=240, step=0.1),
        RateMode("managed", "bitrate_kbps", low=45, high=240, step=0.1),
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (IMPULSE_NOISETUNE, LOWPASS, SAMPLE_RATE)

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        """ffmpeg's output options for these settings, those at their default left out."""
        options = {"q:a": f"{knob:.7g}"} if mode == "vbr" else {"b:a": bitrate(knob)}
        if mode == "managed":
            options["maxrate"] = MAXRATE
        if values["impulse_noisetune_db"] != 0:
            options["iblock"] = f"{values['impulse_noisetune_db']:.7g}"
        if is_number(values["lowpass_hz"]):
            options["cutoff"] = str(int(values["lowpass_hz"]))
        if values.get("sample_rate_hz", "source") != "source":
            options["ar"] = str(values["sample_rate_hz"])
        return options

"""AC-3 (Dolby Digital) with ffmpeg's own encoder, and what it shares with `encoders.eac3`.

Source of ranges and meanings: ``ffmpeg -h encoder=ac3`` (9.0.2), the chapter "ac3" of
ffmpeg-codecs(1); that each acts was proved by changed payloads.

ffmpeg takes the nearest legal bitrate in silence: the table holds the legal ones. It resamples
what is not at 32, 44.1 or 48 kHz. A high cutoff at a low rate fails on single clips ("Bit
allocation failed"): such a setting is infeasible, and the error is ffmpeg's.

Left out:

- ``dialnorm``: a decoder that obeys it turns the level down (by 11 dB for -20); ffmpeg's does
  not unless it is asked, so here it would change nothing.
- ``mixing_level``, ``room_type``, ``dsur_mode``, ``dmix_mode``, ``copyright``, ``original``,
  ``ad_conv_type`` and the like: metadata, which only takes bits.
- ``center_mixlev``, ``surround_mixlev``, ``ltrt_*``, ``loro_*``: more than two channels.
- ``channel_coupling`` 1: the same bytes as auto.
- ``cpl_start_band`` 15: no bandwidth here reaches it.
- ``cutoff`` below 6.9 kHz: the narrowest bandwidth there is, which is the default up to 96 kb/s.

The encoder sends no dynamic range control: the decoder's ``drc_scale`` changes nothing. The
level is kept within 0.02 dB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from encoders.ffmpeg import FfmpegEncoder, bitrate
from tuner.encoder import Parameter, RateMode, Value, is_number, switch

#: Legal bitrates of AC-3, kb/s (ATSC A/52, table 5.18).
AC3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)

PARAMETERS = (
    Parameter(
        "cutoff_hz",
        "int",
        "auto",
        "bandwidth: frequencies above are not coded; with coupling in steps of 1125 Hz at 48 kHz;"
        " auto: by the bitrate",
        low=6_900,
        high=20_400,
        step=1_125,
        unit="Hz",
    ),
    switch(
        "stereo_rematrixing",
        True,
        "code mid and side instead of left and right in bands where it saves bits",
    ),
    switch(
        "channel_coupling",
        True,
        "code high bands as one channel, with a level for each original channel",
    ),
    Parameter(
        "coupling_start_band",
        "int",
        "auto",
        "coupling starts at 3.5 kHz plus 1125 Hz per band at 48 kHz, at the last band at most;"
        " auto: by the bitrate",
        low=0,
        high=14,
        when={"channel_coupling": (True,)},
    ),
)


@dataclass(frozen=True)
class Ac3(FfmpegEncoder):
    """Adapter of ffmpeg's ``ac3``."""

    name: ClassVar[str] = "ac3"
    codec: ClassVar[str] = "ac3"
    suffix: ClassVar[str] = ".ac3"
    channels: ClassVar[tuple[int, ...]] = (1, 2, 3, 4, 5, 6)
    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        RateMode("cbr", "bitrate_kbps", low=32, high=640, table=AC3_KBPS),
    )
    parameters: ClassVar[tuple[Parameter, ...]] = PARAMETERS

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        """ffmpeg's output options for these settings, those at their default left out."""
        options = {"b:a": bitrate(knob)}
        if is_number(values["cutoff_hz"]):
            options["cutoff"] = str(int(values["cutoff_hz"]))
        options |= {
            name: "0" for name in ("stereo_rematrixing", "channel_coupling") if not values[name]
        }
        if is_number(values.get("coupling_start_band")):
            options["cpl_start_band"] = str(int(values["coupling_start_band"]))
        return options

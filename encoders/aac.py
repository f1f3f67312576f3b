"""ffmpeg's own AAC-LC encoder, in an MPEG-4 file.

Source of ranges and meanings: ``ffmpeg -h encoder=aac`` (9.0.2) and the chapter "aac" of
ffmpeg-codecs(1); that each acts was proved by changed payloads.

Left out: ``aac_pce`` (acts on unusual channel layouts only), other profiles (LC is all
that the encoder makes). The coder ``fast`` is offered with ``-q:a`` only: with ``-b:a``
it is far worse at every rate that was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from encoders.ffmpeg import FfmpegEncoder, bitrate
from tuner.encoder import (
    RATE_MODE,
    Parameter,
    RateMode,
    Settings,
    Value,
    is_number,
    settings_of,
    switch,
)

#: ffmpeg holds -q:a as a whole number of 1/118 (FF_QP2LAMBDA): about 5 % of bitrate at 64 kb/s.
QUALITY_STEP = 1 / 118
MS_FLAGS = {"on": "1", "off": "0"}


@dataclass(frozen=True)
class Aac(FfmpegEncoder):
    """Adapter of ffmpeg's ``aac``."""

    name: ClassVar[str] = "aac"
    codec: ClassVar[str] = "aac"
    suffix: ClassVar[str] = ".m4a"
    #: Of 6.1 what ffmpeg 9.0.2 writes is decoded in a wrong order.
    channels: ClassVar[tuple[int, ...]] = (1, 2, 3, 4, 5, 6, 8)
    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        # At most 6144 bits a frame and channel (ISO 14496-3): 288 kb/s for mono at 48 kHz.
        # Asked for less than about 22 kb/s in stereo it spends 22.
        RateMode("abr", "bitrate_kbps", low=16, high=288, step=0.1),
        RateMode("vbr", "quality", QUALITY_STEP * 12, 10.0, QUALITY_STEP, nominal=False),
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            "coder",
            "choice",
            "twoloop",
            "quantiser search: two nested loops, or a fast heuristic",
            choices=("twoloop", "fast"),
            when={RATE_MODE: ("vbr",)},
        ),
        Parameter(
            "ms",
            "choice",
            "auto",
            "mid/side stereo: chosen per band, in all bands, in none",
            choices=("auto", "on", "off"),
        ),
        switch(
            "intensity_stereo",
            True,
            "allow intensity stereo (one channel and a direction) in high bands",
        ),
        switch(
            "pns",
            True,
            "perceptual noise substitution: send only the energy of noise-like bands",
        ),
        switch(
            "tns", True, "temporal noise shaping: prediction across frequency to reduce pre-echo"
        ),
        Parameter(
            "cutoff_hz",
            "int",
            "auto",
            "bandwidth: frequencies above are not coded; auto: by the bitrate",
            low=4_000,
            high=20_000,
            step=250,
            unit="Hz",
        ),
    )
    #: Far better than the other coder with -q:a, and far worse with -b:a (measured).
    presets: ClassVar[tuple[Settings, ...]] = (settings_of(parameters, "vbr", coder="fast"),)

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        """ffmpeg's output options for these settings, those at their default left out."""
        options = {"b:a": bitrate(knob)} if mode == "abr" else {"q:a": f"{knob:.7g}"}
        if values.get("coder", "twoloop") != "twoloop":
            options["aac_coder"] = str(values["coder"])
        if values["ms"] != "auto":
            options["aac_ms"] = MS_FLAGS[str(values["ms"])]
        flags = {"intensity_stereo": "aac_is", "pns": "aac_pns", "tns": "aac_tns"}
        options |= {flag: "0" for name, flag in flags.items() if not values[name]}
        if is_number(values["cutoff_hz"]):
            options["cutoff"] = str(int(values["cutoff_hz"]))
        return options

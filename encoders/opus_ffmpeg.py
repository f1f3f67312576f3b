"""Opus through ffmpeg's libopus, in an Ogg file.

Source of ranges and meanings: ``ffmpeg -h encoder=libopus`` (9.0.2), the chapter
"libopus" of ffmpeg-codecs(1); that each acts was proved by changed payloads. libopus
writes no version of its own into the file: the binary's digest stands for it.

Left out: ``dtx`` (inert on music), ``mapping_family`` (more than two channels),
``fec`` without expected losses (inert).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from encoders.ffmpeg import FfmpegEncoder, bitrate
from tuner.encoder import Parameter, RateMode, Settings, Value, settings_of

VBR_FLAGS = {"vbr": "on", "cvbr": "constrained", "cbr": "off"}
#: Below 10 ms libopus has the low-delay mode only and ffmpeg forces it with a warning.
SHORT_FRAMES_MS = (2.5, 5.0)
#: What libopus looks ahead (RFC 6716, 2): 2.5 ms, and 4 ms more where it may use speech modes.
LOW_LOOKAHEAD_MS, LOOKAHEAD_MS = 2.5, 6.5
LONG_FRAMES_MS = (10.0, 20.0, 40.0, 60.0)


@dataclass(frozen=True)
class OpusFfmpeg(FfmpegEncoder):
    """Adapter of ffmpeg's ``libopus``."""

    name: ClassVar[str] = "opus-ffmpeg"
    codec: ClassVar[str] = "libopus"
    suffix: ClassVar[str] = ".opus"
    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        # libopus takes up to 256 kb/s a channel; the limit of mono holds for any clip.
        RateMode("vbr", "bitrate_kbps", low=6, high=256, step=0.1),
        RateMode("cvbr", "bitrate_kbps", low=6, high=256, step=0.1),
        RateMode("cbr", "bitrate_kbps", low=6, high=256, step=0.1),
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            "compression_level",
            "int",
            10,
            "complexity: 0 fastest, 10 best; 8 to 10 differ only at low rates",
            low=0,
            high=10,
            step=1,
        ),
        Parameter(
            "frame_duration_ms",
            "choice",
            20.0,
            "frame length; long frames save side information",
            choices=SHORT_FRAMES_MS + LONG_FRAMES_MS,
            unit="ms",
        ),
        Parameter(
            "application",
            "choice",
            "audio",
            "favour faithfulness, speech, or the shortest delay (no speech modes)",
            choices=("audio", "voip", "lowdelay"),
            when={"frame_duration_ms": LONG_FRAMES_MS},
        ),
        Parameter(
            "phase_inversion",
            "choice",
            True,
            "allow phase inversion in intensity stereo; off helps a mono downmix",
            choices=(True, False),
        ),
        Parameter(
            "packet_loss",
            "choice",
            0,
            "percentage of lost packets to prepare for: less prediction between frames",
            choices=(0, 5, 10, 20),
            unit="%",
        ),
        Parameter(
            "fec",
            "choice",
            False,
            "in-band forward error correction: favours the speech modes that support it",
            choices=(False, True),
            when={"packet_loss": (5, 10, 20), "application": ("audio", "voip")},
        ),
        Parameter(
            "cutoff_hz",
            "choice",
            20_000,
            "highest audio bandwidth that libopus may choose, from these only",
            choices=(4_000, 6_000, 8_000, 12_000, 20_000),
            unit="Hz",
        ),
    )
    presets: ClassVar[tuple[Settings, ...]] = (settings_of(parameters, "vbr", application="voip"),)

    def latency_ms(self, settings: Settings) -> float:
        """One frame, and what libopus looks ahead (RFC 6716, 2)."""
        values = settings.as_dict()
        is_low = values.get("application", "lowdelay") == "lowdelay"
        return float(values["frame_duration_ms"]) + (LOW_LOOKAHEAD_MS if is_low else LOOKAHEAD_MS)

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        """ffmpeg's output options for these settings, those at their default left out."""
        # libopus counts the bits of whole numbers: a user's 16-bit file would code otherwise
        # than what was scored.
        options = {"sample_fmt": "flt", "b:a": bitrate(knob)}
        if mode != "vbr":
            options["vbr"] = VBR_FLAGS[mode]
        if values["compression_level"] != 10:
            options["compression_level"] = str(int(values["compression_level"]))
        if values["frame_duration_ms"] != 20.0:
            options["frame_duration"] = f"{values['frame_duration_ms']:g}"
        application = values.get("application", "lowdelay")
        if application != "audio":
            options["application"] = str(application)
        if not values["phase_inversion"]:
            options["apply_phase_inv"] = "0"
        if values["packet_loss"]:
            options["packet_loss"] = str(int(values["packet_loss"]))
        if values.get("fec", False):
            options["fec"] = "1"
        if values["cutoff_hz"] != 20_000:
            options["cutoff"] = str(int(values["cutoff_hz"]))
        return options

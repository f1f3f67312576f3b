"""Opus through ffmpeg's libopus, in an Ogg file; and what every door to it takes.

Source of ranges and meanings: ``ffmpeg -h encoder=libopus`` (9.0.2), the chapter
"libopus" of ffmpeg-codecs(1); that each acts was proved by changed payloads. libopus
writes no version of its own into the file: the binary's digest stands for it.

Left out: ``dtx`` (inert on music), ``mapping_family`` (more than two channels),
``fec`` without expected losses (inert).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from encoders.ffmpeg import FfmpegEncoder, bitrate
from tuner.encoder import Parameter, RateMode, Settings, Value, settings_of, switch

VBR_FLAGS = {"vbr": "on", "cvbr": "constrained", "cbr": "off"}
#: Below 10 ms libopus has the transform coder only, without speech modes.
SHORT_FRAMES_MS = (2.5, 5.0)
LONG_FRAMES_MS = (10.0, 20.0, 40.0, 60.0)
#: What libopus looks ahead (RFC 6716, 2): 2.5 ms, and 4 ms more where it may use speech modes.
LOW_LOOKAHEAD_MS, LOOKAHEAD_MS = 2.5, 6.5
# libopus takes 6 to 256 kb/s a channel; the limits hold for mono and stereo.
RATE_MODES = tuple(
    RateMode(name, "bitrate_kbps", low=6, high=256, step=0.1) for name in ("vbr", "cvbr", "cbr")
)
COMPLEXITY = Parameter(
    "complexity", "int", 10, "0 fastest, 10 best; 8 to 10 differ only at low rates", low=0, high=10
)
FRAME_SIZE = Parameter(
    "frame_size_ms",
    "choice",
    20.0,
    "frame length, with opusenc the maximum; above 20 ms only useful at low bitrates",
    choices=SHORT_FRAMES_MS + LONG_FRAMES_MS,
    unit="ms",
)
APPLICATION = Parameter(
    "application",
    "choice",
    "audio",
    "favour faithfulness, speech, or the shortest delay (no speech modes)",
    choices=("audio", "voip", "lowdelay"),
)
PHASE_INVERSION = switch(
    "phase_inversion",
    True,
    "allow phase inversion in intensity stereo; off helps a mono downmix",
)
EXPECT_LOSS = Parameter(
    "expect_loss",
    "choice",
    0,
    "percentage of lost packets to prepare for: less prediction between frames",
    choices=(0, 1, 5, 10, 20),
    unit="%",
)
FEC = switch(
    "fec",
    False,
    "in-band forward error correction: favours the speech modes that support it",
    {
        "expect_loss": (10, 20),
        "frame_size_ms": LONG_FRAMES_MS,
        "application": ("audio", "voip"),
    },
)
MAX_BANDWIDTH = Parameter(
    "max_bandwidth_hz",
    "choice",
    20_000,
    "highest bandwidth that libopus may choose",
    choices=(4_000, 8_000, 12_000, 20_000),
    unit="Hz",
)


def find_latency_ms(settings: Settings) -> float:
    """One frame, and what libopus looks ahead; with short frames ffmpeg forces lowdelay."""
    values = settings.as_dict()
    is_low = values.get("application", "lowdelay") == "lowdelay"
    return float(values["frame_size_ms"]) + (LOW_LOOKAHEAD_MS if is_low else LOOKAHEAD_MS)


@dataclass(frozen=True)
class OpusFfmpeg(FfmpegEncoder):
    """Adapter of ffmpeg's ``libopus``."""

    name: ClassVar[str] = "opus-ffmpeg"
    codec: ClassVar[str] = "libopus"
    suffix: ClassVar[str] = ".opus"
    #: Of 5.0 and 6.1 ffmpeg 9.0.2 hands the channels to libopus in a wrong order.
    channels: ClassVar[tuple[int, ...]] = (1, 2, 3, 4, 6, 8)
    rate_modes: ClassVar[tuple[RateMode, ...]] = RATE_MODES
    parameters: ClassVar[tuple[Parameter, ...]] = (
        COMPLEXITY,
        FRAME_SIZE,
        # With short frames ffmpeg forces lowdelay, with a warning.
        replace(APPLICATION, when={"frame_size_ms": LONG_FRAMES_MS}),
        PHASE_INVERSION,
        replace(EXPECT_LOSS, choices=(0, 5, 10, 20)),
        replace(FEC, when={**FEC.when, "expect_loss": (5, 10, 20)}),
        replace(MAX_BANDWIDTH, choices=(4_000, 6_000, 8_000, 12_000, 20_000)),
    )
    presets: ClassVar[tuple[Settings, ...]] = (settings_of(parameters, "vbr", application="voip"),)

    def latency_ms(self, settings: Settings) -> float:
        """See `find_latency_ms`."""
        return find_latency_ms(settings)

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> dict[str, str]:
        """ffmpeg's output options for these settings, those at their default left out."""
        # libopus counts the bits of whole numbers: a user's 16-bit file would code otherwise
        # than what was scored.
        options = {"sample_fmt": "flt", "b:a": bitrate(knob)}
        if mode != "vbr":
            options["vbr"] = VBR_FLAGS[mode]
        if values["complexity"] != 10:
            options["compression_level"] = str(int(values["complexity"]))
        if values["frame_size_ms"] != 20.0:
            options["frame_duration"] = f"{values['frame_size_ms']:g}"
        application = values.get("application", "lowdelay")
        if application != "audio":
            options["application"] = str(application)
        if not values["phase_inversion"]:
            options["apply_phase_inv"] = "0"
        if values["expect_loss"]:
            options["packet_loss"] = str(int(values["expect_loss"]))
        if values.get("fec", False):
            options["fec"] = "1"
        if values["max_bandwidth_hz"] != 20_000:
            options["cutoff"] = str(int(values["max_bandwidth_hz"]))
        return options

"""Opus with its own command line, opusenc (Debian package opus-tools), in an Ogg file.

Source of ranges and meanings: opusenc(1) and ``opusenc --help`` (0.2, libopus 1.3.1),
opus_defines.h for the controls that ``--set-ctl-int`` sets last of all, so that opusenc
overrides none of them. That each acts was proved by changed payloads.

opusenc refuses what it does not know. But it caps the bitrate at 256 kb/s a channel in
silence, and reads a bad number as 0: the ranges here exclude both.

It tells libopus the sample size of the source (`lsb_depth`), and libopus codes a 16-bit
file to other bits than the same samples in 24 (at 64 kb/s 1 % fewer on one real clip, 24 %
fewer on decaying bursts of noise). So every command sets the depth, and any file codes to
what was measured.

Left out:

- ``--music``: the same bytes as without at 16 to 128 kb/s; it differs on one clip at 12.
- ``--set-ctl-int 4024``: what ``--speech`` and ``--music`` set.
- mediumband as `max_bandwidth`: the same bytes as wideband from 12 to 128 kb/s.
- ``--expect-loss`` above 20: no change but on one clip at 128 kb/s.
- discontinuous transmission (4016): inert on music.
- `fec` below 10 % of expected losses, in frames below 10 ms or with lowdelay: inert.
- ``--downmix-mono``, ``--downmix-stereo``: change the signal, not how it is coded.
- ``--max-delay``, ``--padding``: container only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from encoders.command import OPTION_IGNORED, BinaryEncoder, CommandEncoder, first_found
from encoders.opus_ffmpeg import (
    APPLICATION,
    COMPLEXITY,
    EXPECT_LOSS,
    FEC,
    FRAME_SIZE,
    LONG_FRAMES_MS,
    MAX_BANDWIDTH,
    PHASE_INVERSION,
    RATE_MODES,
    OpusFfmpeg,
    find_latency_ms,
)
from tuner.encoder import Parameter, Pcm, RateMode, Settings, Value, settings_of, switch

RATE_OPTIONS = {"vbr": [], "cvbr": ["--cvbr"], "cbr": ["--hard-cbr"]}
#: The controls of libopus that opusenc has no option for (opus_defines.h) and their values.
CONTROLS: Mapping[str, tuple[int, Mapping[Value, int]]] = {
    "application": (4000, {"audio": 2049, "voip": 2048, "lowdelay": 2051}),
    "max_bandwidth_hz": (4004, {4_000: 1101, 8_000: 1103, 12_000: 1104, 20_000: 1105}),
    "bandwidth": (
        4008,
        {
            "auto": -1000,
            "narrowband": 1101,
            "mediumband": 1102,
            "wideband": 1103,
            "superwideband": 1104,
            "fullband": 1105,
        },
    ),
    "fec": (4012, {False: 0, True: 1}),
    "force_channels": (4022, {"auto": -1000, "mono": 1, "stereo": 2}),
    "prediction": (4042, {True: 0, False: 1}),
}
LSB_DEPTH_CONTROL = 4036


@dataclass(frozen=True)
class Opus(CommandEncoder):
    """Adapter of ``opusenc``."""

    name: ClassVar[str] = "opus"
    program: ClassVar[str] = "opusenc"
    remedy: ClassVar[str] = "install the package opus-tools (Debian, Homebrew)"
    suffix: ClassVar[str] = ".opus"
    channels: ClassVar[tuple[int, ...]] = (1, 2, 3, 4, 5, 6, 7, 8)
    reads_floats: ClassVar[bool] = True
    version_pattern: ClassVar[re.Pattern[str]] = re.compile(r"opus-tools .*libopus .*\w\)?")
    libraries: ClassVar[tuple[str, ...]] = ("libopus.", "libopusenc.")
    # A control that libopus lacks ends in "Warning: ... failed" or "not supported".
    ignored: ClassVar[re.Pattern[str]] = re.compile(
        OPTION_IGNORED.pattern + "|warning:|error:", re.IGNORECASE
    )
    quiet: ClassVar[tuple[str, ...]] = ("--serial", "1")
    rate_modes: ClassVar[tuple[RateMode, ...]] = RATE_MODES
    parameters: ClassVar[tuple[Parameter, ...]] = (
        COMPLEXITY,
        FRAME_SIZE,
        APPLICATION,
        Parameter(
            "signal",
            "choice",
            "auto",
            "speech: tune for speech up to 40 kb/s (64 with voip)",
            choices=("auto", "speech"),
            when={"frame_size_ms": LONG_FRAMES_MS, "application": ("audio", "voip")},
        ),
        Parameter(
            "bandwidth",
            "choice",
            "auto",
            "coded bandwidth: chosen by libopus, or fixed at 4, 6, 8, 12 or 20 kHz",
            choices=tuple(CONTROLS["bandwidth"][1]),
        ),
        replace(MAX_BANDWIDTH, when={"bandwidth": ("auto",)}),
        Parameter(
            "force_channels",
            "choice",
            "auto",
            "mono drops the side signal, stereo keeps it at low bitrates (of mono clips: nothing)",
            choices=tuple(CONTROLS["force_channels"][1]),
        ),
        PHASE_INVERSION,
        Parameter(
            "lsb_depth",
            "choice",
            24,
            "bits of the signal above noise: fewer bits save rate in near silence",
            choices=(24, 16, 14, 12, 10, 8),
        ),
        switch(
            "prediction",
            True,
            "predict frames from earlier ones; off: almost independent frames, which cost bits",
        ),
        EXPECT_LOSS,
        FEC,
    )
    presets: ClassVar[tuple[Settings, ...]] = (
        settings_of(parameters, "vbr", signal="speech"),
        settings_of(parameters, "vbr", application="voip"),
    )

    def latency_ms(self, settings: Settings) -> float:
        """See `find_latency_ms`."""
        return find_latency_ms(settings)

    def child_command(
        self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float, target: Path
    ) -> tuple[list[str], bytes]:
        """A mono clip has no stereo to keep, and opusenc refuses to be told: nothing is said."""
        values = settings.as_dict()
        if len(pcm) == 1 and values["force_channels"] == "stereo":
            settings = Settings.of(settings.rate_mode, {**values, "force_channels": "auto"})
        return super().child_command(pcm, sample_rate, settings, knob, target)

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        """opusenc's options for these settings, those at their default left out."""
        options = ["--bitrate", f"{knob:.7g}", *RATE_OPTIONS[mode]]
        if values["complexity"] != 10:
            options += ["--comp", str(int(values["complexity"]))]
        if values["frame_size_ms"] != 20.0:
            options += ["--framesize", f"{values['frame_size_ms']:g}"]
        if values.get("signal", "auto") != "auto":
            options.append("--speech")
        if not values["phase_inversion"]:
            options.append("--no-phase-inv")
        if values["expect_loss"]:
            options += ["--expect-loss", str(values["expect_loss"])]
        defaults = {p.name: p.default for p in self.parameters}
        controls = [
            (number, coded[values[name]])
            for name, (number, coded) in CONTROLS.items()
            if name in values and values[name] != defaults[name]
        ]
        # Even at its default: opusenc's own depends on the sample size of the user's file.
        controls.append((LSB_DEPTH_CONTROL, int(values["lsb_depth"])))
        for number, value in controls:
            options += ["--set-ctl-int", f"{number}={value}"]
        return options


def find_opus(binary: str | None = None) -> BinaryEncoder:
    """Opus by opusenc (`binary`, or the one in PATH), else by ffmpeg."""
    return Opus(binary) if binary else first_found(Opus(), OpusFfmpeg())

"""MPEG-1 layer II (MP2) with TwoLAME's own command line (Debian package twolame).

Source of ranges and meanings: ``twolame --help`` and twolame(1) (0.4.0); that each acts was
proved by changed payloads. At sample rates below 32 kHz MPEG-2 has other legal bitrates.

VBR at the same measured bitrate was as good as CBR and sometimes better (Zimtohrli, five
clips), goes up with the level and reaches bitrates between the legal ones. Its level says
nothing of the rate: -10 spent 114 and 130 kb/s on two clips, 0 153 and 250, 10 275 and 364.
It never goes below 112 kb/s for stereo at 48 kHz.

Left out:

- ``-m s`` and ``-m d``: of a stereo file the same samples as auto, only a flag differs.
  ``-m m``, ``-a``: throw the side away.
- ``-m j`` with VBR: twolame warns and takes normal stereo; `ignored` makes that an error.
- ``-l`` with models -1 to 2: changes nothing. From 60 dB on it changes no more.
- ``-q 0``: crashes (division by zero). ``-V`` beyond ±50: level 5 in silence.
- ``-b`` and ``-B`` with VBR: bounds of the rate, which the level sets.
- ``-p``, ``-E``, ``-R``, ``-c``, ``-o``, ``-e``, ``--private-ext``: header and ancillary bits,
  they only take from the sound. ``-d``: changes nothing at 48 kHz.
- ``--scale``, ``-g``: change the signal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from encoders.command import OPTION_IGNORED, BinaryEncoder, CommandEncoder, first_found
from encoders.twolame_ffmpeg import CBR, JOINT_STEREO, PSY_MODEL, TwolameFfmpeg, fit_to_channels
from tuner.encoder import Parameter, Pcm, RateMode, Settings, Value


@dataclass(frozen=True)
class Twolame(CommandEncoder):
    """Adapter of twolame."""

    name: ClassVar[str] = "twolame"
    program: ClassVar[str] = "twolame"
    remedy: ClassVar[str] = "install twolame (Debian package twolame), or set its path (`binary`)"
    suffix: ClassVar[str] = ".mp2"
    version_arguments: ClassVar[tuple[str, ...]] = ("--help",)
    # The program prints the version of the library that it is linked with.
    version_pattern: ClassVar[re.Pattern[str]] = re.compile(r"TwoLAME version [\d.]+\S*")
    libraries: ClassVar[tuple[str, ...]] = ("libtwolame",)
    ignored: ClassVar[re.Pattern[str]] = re.compile(
        OPTION_IGNORED.pattern + r"|can't do|switching to", re.IGNORECASE
    )
    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        CBR,
        # "Useful range is -10 to 10" (twolame(1)); all of ±50 acts, but little beyond.
        RateMode("vbr", "level", low=-10, high=10, step=0.1, nominal=False),
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        PSY_MODEL,
        Parameter(
            "ath_level_db",
            "float",
            0.0,
            "ATH level: offset of the threshold in quiet",
            low=-40,
            high=40,
            step=0.5,
            unit="dB",
            when={"psy_model": (3, 4)},
        ),
        JOINT_STEREO,
        Parameter(
            "quick_frames",
            "int",
            1,
            "calculate the psychoacoustic model only once per this many frames",
            low=1,
            high=10,
        ),
    )

    def child_command(
        self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float, target: Path
    ) -> tuple[list[str], bytes]:
        """Mono clips without joint stereo; see `encoders.command.BinaryEncoder`."""
        fitting = fit_to_channels(settings, pcm.shape[0])
        return super().child_command(pcm, sample_rate, fitting, knob, target)

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        """twolame's options for these settings, those at their default left out."""
        options = ["-V" if mode == "vbr" else "-b", f"{knob:.6g}"]
        if values["psy_model"] != PSY_MODEL.default:
            options += ["-P", str(values["psy_model"])]
        if values.get("ath_level_db", 0.0) != 0.0:
            options += ["-l", f"{values['ath_level_db']:.6g}"]
        if values.get("joint_stereo"):
            options += ["-m", "j"]
        if values["quick_frames"] != 1:
            options += ["-q", str(int(values["quick_frames"]))]
        return options


def find_twolame(binary: str | None = None) -> BinaryEncoder:
    """The command line if it is there or named, else the library inside ffmpeg."""
    return Twolame(binary) if binary else first_found(Twolame(), TwolameFfmpeg())

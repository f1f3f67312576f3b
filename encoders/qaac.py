"""qaac, the command line of Apple's AAC encoder (CoreAudioToolbox), in an MPEG-4 file.

**Not run here**: built from the help, the wiki and the source of qaac 2.x. It is a Windows
program (or a build for macOS): under Wine, name a script that starts it.

- True VBR has 15 working qualities between 0 and 127, says the wiki; others are rounded.
  The 64-bit library counts 64 where the 32-bit one counted 63.
- The other modes take the nearest rate of the codec's list, which depends on sample rate,
  channels and profile (``qaac --formats``), in silence: rates between two entries cannot be
  hit. qaac tells the rate in force ("AAC-LC Encoder, CVBR 128kbps, Quality 96"): a note.
- CoreAudioToolbox 7.9.8 and later (7.10.9 at least) glitches in CBR, says qaac's README.
- The library is loaded at run time: the digest covers qaac alone, the version text both.

Left out: ``--no-smart-padding``, ``--num-priming``, ``--no-delay``, ``--gapless-mode``,
``--adts``, ``--caf``, ``--no-optimize`` (delay and container); ``--native-resampler`` (acts
only where something is resampled); ``--gain``, ``--normalize``, ``--drc``, ``--limiter``,
``--matrix-*`` (change the signal); ``-b`` ("has no effect for AAC").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from encoders.command import CommandEncoder
from tuner.encoder import RATE_MODE, Parameter, RateMode, Value

#: Option of each rate mode.
MODE_FLAGS = {"tvbr": "-V", "cvbr": "-v", "abr": "-a", "cbr": "-c"}
#: The 15 qualities of true VBR: equal steps from 0 to 127.
TVBR_QUALITIES = (0, 9, 18, 27, 36, 45, 54, 64, 73, 82, 91, 100, 109, 118, 127)
QUALITY = 2


def _rate(name: str) -> RateMode:
    return RateMode(name, "bitrate_kbps", low=16, high=320, step=1)


@dataclass(frozen=True)
class Qaac(CommandEncoder):
    """Adapter of qaac."""

    name: ClassVar[str] = "qaac"
    program: ClassVar[str] = "qaac"
    remedy: ClassVar[str] = (
        "install qaac (qaac64 on Windows) with Apple's CoreAudioToolbox, or name the program"
        " or a script that starts it (`binary`)"
    )
    suffix: ClassVar[str] = ".m4a"
    version_arguments: ClassVar[tuple[str, ...]] = ("--check",)
    version_pattern: ClassVar[re.Pattern[str]] = re.compile(
        r"qaac \d\S*, (?:CoreAudioToolbox|macOS AudioToolbox) \S+"
    )
    noted: ClassVar[re.Pattern[str] | None] = re.compile(r"^AAC-\w+ Encoder,|WARNING")
    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        RateMode("tvbr", "quality", low=0, high=127, table=TVBR_QUALITIES, nominal=False),
        _rate("cvbr"),
        _rate("abr"),
        _rate("cbr"),
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            "he",
            "choice",
            False,
            "HE-AAC; true VBR is not available for it",
            choices=(False, True),
            when={RATE_MODE: ("cvbr", "abr", "cbr")},
        ),
        Parameter(
            "quality",
            "int",
            QUALITY,
            "encoding quality against speed; higher is slower",
            low=0,
            high=2,
        ),
        Parameter(
            "sample_rate",
            "choice",
            "keep",
            "output sampling rate: the same as the input if possible, or chosen by the encoder",
            choices=("keep", "auto"),
        ),
        Parameter(
            "lowpass",
            "choice",
            "auto",
            "low-pass of the encoder alone, or a lower one before it, at lowpass_hz",
            choices=("auto", "manual"),
        ),
        Parameter(
            "lowpass_hz",
            "int",
            16_000,
            "low-pass filter's cut-off frequency",
            low=4_000,
            high=20_000,
            step=250,
            unit="Hz",
            when={"lowpass": ("manual",)},
        ),
    )

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        """qaac's options for these settings, those at their default left out."""
        options = [MODE_FLAGS[mode], f"{knob:.0f}"]
        if values.get("he"):
            options += ["--he"]
        if values["quality"] != QUALITY:
            options += ["-q", str(int(values["quality"]))]
        if values["sample_rate"] != "keep":
            options += ["-r", str(values["sample_rate"])]
        if "lowpass_hz" in values:
            options += ["--lowpass", str(int(values["lowpass_hz"]))]
        return options

    def words(self, options: Sequence[str], source: str, target: str) -> list[str]:
        """Options, output, input."""
        return [*options, "-o", target, source]

"""exhale, ecodis' encoder of xHE-AAC (USAC), in an MPEG-4 file.

**Not run here**: built from the help, the readme and the source of exhale 1.2.1; the three
words of the expert mode need 1.1.7. Its only rate control is a preset, constrained VBR:
0 to 9 ask for about 48 + 16 n kb/s in stereo, a to g, with spectral band replication
(eSBR), for about 36 + 12 n; mono takes half.

- Presets 0 and 1 resample 48 kHz to 32 kHz and warn at 44.1 kHz; 0 and a are "not
  recommended". exhale says so: notes.
- Most of its errors have exit codes above 255, which end as 0: the missing output tells.
- The header holds the time: files differ in the second of their creation, payloads do not.

**Decoding is not proved**: ffmpeg's own decoder (PyAV's) knows USAC since 7.1. Whether it
decodes eSBR, and all that exhale writes, we do not know; exhale's notes name an option of
the build that "triggers FFmpeg decoder bug". Compare one decode by ear before you tune.

Left out: the expert mode's letters ``s`` (SBR without delay: delay only) and ``l`` (levels
the loudness: changes the signal).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from encoders.command import OPTION_IGNORED, CommandEncoder
from tuner.encoder import Parameter, RateMode, Value

#: exhale's names of the presets, by rate mode and knob.
PRESETS = {"cvbr": "0123456789", "cvbr_sbr": "abcdefg"}
#: First word of the expert mode: noise filling off, or a letter that stands for nothing.
NO_NOISE_FILLING, NO_CHANGE = "n", "-"
#: Second word of the expert mode: outside 10 to 99 exhale takes its own interval.
OWN_INTERVAL = "0"


def _presets(mode: str) -> RateMode:
    table = tuple(range(len(PRESETS[mode])))
    return RateMode(mode, "preset", low=table[0], high=table[-1], table=table, nominal=False)


@dataclass(frozen=True)
class Exhale(CommandEncoder):
    """Adapter of exhale."""

    name: ClassVar[str] = "exhale"
    program: ClassVar[str] = "exhale"
    remedy: ClassVar[str] = (
        "build exhale 1.1.7 or later (no Debian package), or set its path (`binary`)"
    )
    suffix: ClassVar[str] = ".m4a"
    version_arguments: ClassVar[tuple[str, ...]] = ("-v",)
    version_pattern: ClassVar[re.Pattern[str]] = re.compile(r"exhale \d\S*")
    libraries: ClassVar[tuple[str, ...]] = ("libexhale",)
    ignored: ClassVar[re.Pattern[str]] = re.compile(
        OPTION_IGNORED.pattern + r"|likely to be unreadable|sample frames read but", re.IGNORECASE
    )
    noted: ClassVar[re.Pattern[str] | None] = re.compile(
        r"NOTE: |WARNING: The (?:usage|input)|^Encoding .* kbit/s"
    )
    rate_modes: ClassVar[tuple[RateMode, ...]] = (_presets("cvbr"), _presets("cvbr_sbr"))
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            "noise_filling",
            "choice",
            True,
            "fill gaps in the coded spectrum with noise",
            choices=(True, False),
        ),
        Parameter(
            "independent_frames",
            "choice",
            "auto",
            "independently decodable frames: about one per second, or at a set interval",
            choices=("auto", "manual"),
        ),
        Parameter(
            "independent_interval",
            "int",
            50,
            "independent frame interval, in frames of 1024 samples (2048 with SBR)",
            low=10,
            high=99,
            when={"independent_frames": ("manual",)},
        ),
    )

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        """The preset, and the expert mode's two words where something is not the default."""
        preset = PRESETS[mode][int(knob)]
        first = NO_CHANGE if values["noise_filling"] else NO_NOISE_FILLING
        second = str(int(values.get("independent_interval", OWN_INTERVAL)))
        return [preset] if (first, second) == (NO_CHANGE, OWN_INTERVAL) else [preset, first, second]

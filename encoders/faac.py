"""faac, the Freeware Advanced Audio Coder, in an MPEG-4 file.

**Not run here**: built from the manual, the help and the source of faac 1.30. Ranges that
act are read from the source, not measured. The rewritten faac of 2026 knows the same
options, but has another default for ``--joint`` (3, mid/side and intensity mixed), and codes
low rates as HE-AAC by itself (``--object-type``).

faac clamps in silence (``-q`` to 10 to 5000, ``--pns`` to 10, ``-c`` to half the sample
rate, ``-b`` to what a frame holds) and moves ``-c`` to the edge of a band, a coarse one while
PNS is on. But it tells what is in force: bandwidth, PNS level and rate become notes. It
breaks off an encode with exit code 0 ("faacEncEncode() failed"): an error here.

Left out: ``--mpeg-vers`` (an MP4 file is always MPEG-4); ``--pns`` with mid/side stereo
(``--joint 1`` sets it to 0 without a word); ``-r``, ``-w`` (container); ``-P``, ``-R``, ``-B``,
``-C``, ``-X``, ``-I`` (raw input, more channels).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from encoders.command import OPTION_IGNORED, CommandEncoder
from tuner.encoder import Parameter, RateMode, Value

#: faac's numbers of the stereo modes and of the block types.
JOINT_MODES = {"off": "0", "ms": "1", "intensity": "2"}
BLOCK_TYPES = {"both": "0", "long": "1", "short": "2"}
PNS_LEVEL = 4


@dataclass(frozen=True)
class Faac(CommandEncoder):
    """Adapter of faac."""

    name: ClassVar[str] = "faac"
    program: ClassVar[str] = "faac"
    remedy: ClassVar[str] = (
        "install faac 1.30 (Debian package faac, section non-free) or name it (`binary`)"
    )
    suffix: ClassVar[str] = ".m4a"
    # The banner's number is the library's; the program has none of its own.
    version_arguments: ClassVar[tuple[str, ...]] = ("--help",)
    version_pattern: ClassVar[re.Pattern[str]] = re.compile(r"^FAAC \d\S*", re.MULTILINE)
    libraries: ClassVar[tuple[str, ...]] = ("libfaac",)
    ignored: ClassVar[re.Pattern[str]] = re.compile(
        OPTION_IGNORED.pattern + r"|faacEncEncode\(\) failed", re.IGNORECASE
    )
    noted: ClassVar[re.Pattern[str] | None] = re.compile(
        r"^(Bandwidth|PNS level|Average bitrate|Quantization quality|Object type):"
    )
    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        # The help: at most about 500 kb/s in stereo; half of it holds for any clip.
        RateMode("abr", "bitrate_kbps", low=16, high=250, step=1),
        RateMode("vbr", "quality", low=10, high=5000, step=1, nominal=False),
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            "joint",
            "choice",
            "intensity",
            "joint stereo coding: intensity, mid/side, or none",
            choices=("intensity", "ms", "off"),
        ),
        Parameter(
            "pns_level",
            "int",
            PNS_LEVEL,
            "perceptual noise substitution: more bands as noise; 0 disables it",
            low=0,
            high=10,
            when={"joint": ("intensity", "off")},
        ),
        Parameter(
            "tns",
            "choice",
            False,
            "coding of TNS, temporal noise shaping",
            choices=(False, True),
        ),
        Parameter(
            "block_types",
            "choice",
            "both",
            "enforce a block type: long and short ones, long only, short only",
            choices=tuple(BLOCK_TYPES),
        ),
        Parameter(
            "cutoff",
            "choice",
            "auto",
            "bandwidth chosen by the encoder (0.42 of the sample rate or less), or by cutoff_hz",
            choices=("auto", "manual"),
        ),
        Parameter(
            "cutoff_hz",
            "int",
            18_000,
            "bandwidth, adjusted to maximise the use of the upper band",
            low=4_000,
            high=20_000,
            step=250,
            unit="Hz",
            when={"cutoff": ("manual",)},
        ),
    )

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        """faac's options for these settings, those at their default left out."""
        options = ["-b" if mode == "abr" else "-q", f"{knob:.0f}"]
        if values["joint"] != "intensity":
            options += ["--joint", JOINT_MODES[str(values["joint"])]]
        if values.get("pns_level", PNS_LEVEL) != PNS_LEVEL:
            options += ["--pns", str(int(values["pns_level"]))]
        if values["tns"]:
            options += ["--tns"]
        if values["block_types"] != "both":
            options += ["--shortctl", BLOCK_TYPES[str(values["block_types"])]]
        if "cutoff_hz" in values:
            options += ["-c", str(int(values["cutoff_hz"]))]
        return options

    def words(self, options: Sequence[str], source: str, target: str) -> list[str]:
        """Options, output, input."""
        return [*options, "-o", target, source]

"""fdkaac, the command line of Fraunhofer's libfdk-aac, in an MPEG-4 file.

**Not run here**: built from the help, the manual and the source of fdkaac 1.0, and from the
documentation of libfdk-aac 2.0 (``aacenc_lib.h``, which calls itself 4.0). Ranges that act
are the library's word, not measurements.

- Below 10000, ``-b`` counts in kb/s: here it is always given in bits, so that it has steps.
- The library clamps ``-b`` in silence to what a profile can code (HE-AAC stereo 16 to 128
  kb/s, HE-AAC v2 8 to 64, LC 6144 bits a frame and channel). The rate in force stands in
  the file's tag and becomes a note.
- Input is cut to 16 bits.
- HE-AAC v2 needs stereo: with a mono clip the encoder does not start.

Left out: ``-m`` with HE profiles (the library means mode 1 for HE-AAC v2 and 2 for HE-AAC:
one quality each, no rate to match); ``-w`` with HE profiles (LC only, says the help); ``-s``
(downsampled SBR: "not so common", players refuse it); LD and ELD with ``-L`` (for
telephony); ``-f``, ``-C``, ``-h``, ``-G``, ``--include-sbr-delay``, ``--moov-before-mdat``
(container). ``--no-timestamp``, which would make whole files repeat, is unknown to 1.0.0:
files differ in the second of their creation, payloads do not.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from encoders.command import CommandEncoder
from tuner.encoder import (
    RATE_MODE,
    Encoded,
    Parameter,
    Pcm,
    RateMode,
    Settings,
    Value,
    Version,
    default_settings,
)

#: fdkaac's numbers of the profiles: MPEG-4 audio object types.
PROFILES = {"lc": "2", "he": "5", "he_v2": "29"}
#: What fdkaac writes into its files: "fdkaac 1.0.6, libfdk-aac 4.0.1, CBR 64kbps".
TOOL_TAG = re.compile(rb"fdkaac [\w.]+, (libfdk-aac [\w.]+), ((?:CBR|VBR mode) \w+)")
#: Seconds and sample rate of the silence that is encoded to read the library's version.
PROBE_S, PROBE_HZ = 0.1, 48_000


def _bandwidth(name: str, when: Mapping[str, tuple[Value, ...]]) -> tuple[Parameter, Parameter]:
    return (
        Parameter(
            name,
            "choice",
            "auto",
            "low-pass: chosen by the encoder from the rate, or set by the number",
            choices=("auto", "manual"),
            when=when,
        ),
        Parameter(
            f"{name}_hz",
            "int",
            17_000,
            "frequency bandwidth (low-pass cut-off); the library allows 20 kHz at most",
            low=4_000,
            high=20_000,
            step=250,
            unit="Hz",
            when={name: ("manual",)},
        ),
    )


@dataclass(frozen=True)
class Fdkaac(CommandEncoder):
    """Adapter of fdkaac."""

    name: ClassVar[str] = "fdkaac"
    program: ClassVar[str] = "fdkaac"
    remedy: ClassVar[str] = (
        "install fdkaac (Debian package fdkaac, section contrib), or set its path (`binary`)"
    )
    suffix: ClassVar[str] = ".m4a"
    # It has no --version: the help begins with it, and its exit code is 1.
    version_arguments: ClassVar[tuple[str, ...]] = ("--help",)
    version_pattern: ClassVar[re.Pattern[str]] = re.compile(r"^fdkaac \d\S*")
    libraries: ClassVar[tuple[str, ...]] = ("libfdk-aac",)
    quiet: ClassVar[tuple[str, ...]] = ("-S",)
    noted: ClassVar[re.Pattern[str] | None] = re.compile(r"WARNING")
    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        # 6144 bits a frame of LC at 48 kHz; the limit of mono holds for any clip.
        RateMode("cbr", "bitrate_kbps", low=16, high=288, step=0.1),
        RateMode("vbr", "quality", low=1, high=5, table=(1, 2, 3, 4, 5), nominal=False),
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            "profile",
            "choice",
            "lc",
            "AAC-LC, HE-AAC (with SBR), or HE-AAC v2 (with SBR and parametric stereo)",
            choices=tuple(PROFILES),
            when={RATE_MODE: ("cbr",)},
        ),
        Parameter(
            "afterburner",
            "choice",
            True,
            "higher quality at the cost of more computation",
            choices=(True, False),
        ),
        *_bandwidth("bandwidth", {"profile": ("lc",)}),
        *_bandwidth("bandwidth_vbr", {RATE_MODE: ("vbr",)}),
    )

    @property
    def version(self) -> Version:
        """The build that runs: fdkaac's version, and the library's from a file's tag."""
        version = super().version
        return replace(version, text=f"{version.text}, {_find_library(self, version.digest)}")

    def encode(self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float) -> Encoded:
        """Encode one clip; the rate in force, from the file's tag, becomes a note."""
        encoded = super().encode(pcm, sample_rate, settings, knob)
        found = TOOL_TAG.search(encoded.data)
        rate = (found.group(2).decode(),) if found else ()
        return replace(encoded, notes=encoded.notes + rate)

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        """fdkaac's options for these settings, those at their default left out."""
        options = ["-b", f"{round(knob * 1000)}"] if mode == "cbr" else ["-m", f"{knob:.0f}"]
        if (profile := values.get("profile", "lc")) != "lc":
            options += ["-p", PROFILES[str(profile)]]
        if not values["afterburner"]:
            options += ["-a", "0"]
        if hz := values.get("bandwidth_hz", values.get("bandwidth_vbr_hz")):
            options += ["-w", str(int(hz))]
        return options

    def words(self, options: Sequence[str], source: str, target: str) -> list[str]:
        """Options, output, input."""
        return [*options, "-o", target, source]


@functools.lru_cache(maxsize=16)
def _find_library(encoder: Fdkaac, digest: str) -> str:
    """The library's version, as fdkaac writes it into a probe."""
    silence = np.zeros((1, round(PROBE_S * PROBE_HZ)), np.float32)
    data = encoder.encode(silence, PROBE_HZ, default_settings(encoder), 64).data
    found = TOOL_TAG.search(data)
    return found.group(1).decode() if found else "libfdk-aac of unknown version"

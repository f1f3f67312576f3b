"""Vorbis with its own command line, oggenc (Debian package vorbis-tools), in an Ogg file.

Source of ranges and meanings: oggenc(1) and ``oggenc --help`` (vorbis-tools 1.4.2, libvorbis
1.3.7), and its source where they err: the average's reaction time is 1.5 s by default, not
0.75, and its option is ``bitrate_average_damping``. That each parameter acts was proved by
changed payloads.

In a locale with decimal commas oggenc reads ``-q 2.5`` as 2 without a word, and it
translates its complaints. So we run it, and tell users to run it, with ``LC_ALL=C``.

It exits with 0 when it drops an option, a bad number or a value out of range. What it says
then is an error here; ``-Q`` would silence facts, so it is not used. In silence it clamps
the low-pass (2 to 99 kHz), `impulse_noisetune` (-15 to 0) and fractions of ``-b``: the
ranges here exclude them.

Left out:

- ``-m``, ``-M`` and their bit reservoir (``bit_reservoir_bits``, ``bit_reservoir_bias``):
  the average holds the rate so well that limits at the nominal rate changed nothing in
  two clips of one second, and with -m one of three clips of 8 to 14 s (at 64 and 128 kb/s).
  They act with a reservoir below 0.1 s, or at the end of the bias, where they take 4 to 8 %
  of the bits (-M, bias 1) or add 5 to 10 % (-m, bias 0).
- ``disable_coupling`` with ``--managed``: inert.
- ``-b`` without ``--managed``: another name for a quality.
- ``--managed`` with ``-q``: the same bytes as without.
- ``impulse_trigger_profile``: does not exist ("Unrecognised advanced option").
- ``--resample`` with ``--managed``: the legal bitrates shrink with the sample rate.
- ``--downmix``, ``--scale``: change the signal, not how it is coded.

Quality -1 spends 39 and 46 kb/s on two stereo clips at 48 kHz. Bitrates that ``-q`` cannot
hit: 46 to 58 and 99 to 110 kb/s on one clip. ``--managed`` hits them, 6 times as slow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from encoders.command import (
    OPTION_IGNORED,
    BinaryEncoder,
    CommandEncoder,
    first_found,
    identify,
)
from encoders.vorbis_ffmpeg import IMPULSE_NOISETUNE, LOWPASS, SAMPLE_RATE, VorbisFfmpeg
from tuner.encoder import (
    RATE_MODE,
    Parameter,
    RateMode,
    Settings,
    Value,
    Version,
    is_number,
    switch,
)

#: Runs a program with decimal points and English complaints.
PLAIN_LOCALE = ("env", "LC_ALL=C")
#: Finds the library's version in the help text.
LIBRARY = re.compile(r"libVorbis \d[\d.]*\d")


def _advanced(option: str) -> list[str]:
    return ["--advanced-encode-option", option]


@dataclass(frozen=True)
class Vorbis(CommandEncoder):
    """Adapter of ``oggenc``."""

    name: ClassVar[str] = "vorbis"
    program: ClassVar[str] = "oggenc"
    remedy: ClassVar[str] = "install the package vorbis-tools (Debian, Homebrew)"
    suffix: ClassVar[str] = ".ogg"
    channels: ClassVar[tuple[int, ...]] = (1, 2, 3, 4, 5, 6, 7, 8)
    reads_floats: ClassVar[bool] = True
    version_arguments: ClassVar[tuple[str, ...]] = ("--help",)
    version_pattern: ClassVar[re.Pattern[str]] = re.compile(r"vorbis-tools \S+")
    libraries: ClassVar[tuple[str, ...]] = ("libvorbis.", "libvorbisenc.")
    ignored: ClassVar[re.Pattern[str]] = re.compile(
        OPTION_IGNORED.pattern + "|warning:|failed to|couldn't|no value for|not recogni[sz]ed|bug:",
        re.IGNORECASE,
    )
    noted: ClassVar[re.Pattern[str] | None] = re.compile(r"^(Changed lowpass|Resampling input)")
    quiet: ClassVar[tuple[str, ...]] = ("--serial", "1")
    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        RateMode("vbr", "quality", low=-1, high=10, step=0.01, nominal=False),
        # At 44.1 and 48 kHz stereo takes 45 to 500 kb/s, mono 32 to 240.
        RateMode("managed", "bitrate_kbps", low=45, high=240, step=1),
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        IMPULSE_NOISETUNE,
        LOWPASS,
        switch(
            "coupling",
            True,
            "couple the channels; off: code each independently",
            {RATE_MODE: ("vbr",)},
        ),
        SAMPLE_RATE,
        Parameter(
            "average_damping_s",
            "float",
            1.5,
            "fastest reaction of the bitrate tracker; slower: larger fluctuations, better sound",
            low=0.05,
            high=10,
            log=True,
            unit="s",
            when={RATE_MODE: ("managed",)},
        ),
    )

    @property
    def version(self) -> Version:
        """The build that runs: the program's version and the library's."""
        program = super().version
        remedy = f"{self.name}: {self.remedy}"
        library = identify(program.binary, self.version_arguments, LIBRARY, (), remedy)
        return replace(program, text=f"{program.text}, {library.text}")

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        """oggenc's options for these settings, those at their default left out."""
        options = ["-q", f"{knob:.7g}"] if mode == "vbr" else ["--managed", "-b", f"{knob:.0f}"]
        if values["impulse_noisetune_db"] != 0:
            options += _advanced(f"impulse_noisetune={values['impulse_noisetune_db']:.7g}")
        if is_number(values["lowpass_hz"]):
            options += _advanced(f"lowpass_frequency={int(values['lowpass_hz']) / 1000:g}")
        if not values.get("coupling", True):
            options += _advanced("disable_coupling")
        if values.get("sample_rate_hz", "source") != "source":
            options += ["--resample", str(values["sample_rate_hz"])]
        if values.get("average_damping_s", 1.5) != 1.5:
            options += _advanced(f"bitrate_average_damping={values['average_damping_s']:.7g}")
        return options

    def words(self, options: Sequence[str], source: str, target: str) -> list[str]:
        """The arguments, in the program's order."""
        return [*options, "-o", target, source]

    def command_line(
        self, settings: Settings, knob: float, source: str, target: str
    ) -> Sequence[str]:
        """The command that a user types, in a plain locale."""
        return [*PLAIN_LOCALE, *super().command_line(settings, knob, source, target)]


def find_vorbis(binary: str | None = None) -> BinaryEncoder:
    """Vorbis by oggenc (`binary`, or the one in PATH), else by ffmpeg."""
    return Vorbis(binary) if binary else first_found(Vorbis(), VorbisFfmpeg())

"""LAME's command line, in an MP3 file with a LAME tag.

Source of ranges and meanings: lame(1), ``lame --longhelp`` and the help for developers that
the program (3.100, Debian 12) holds but does not show; that each acts, in the rate modes in
which it is offered, was measured by changed payloads and decodes.

LAME takes much upon itself, which is kept as notes: it resamples to what it thinks fit for
the bitrate or for ``--lowpass`` (64 kb/s in stereo: 24 kHz) and sets its own low-pass. At
some sample rates other bitrates are legal (MPEG-2, up to 24 kHz: at most 160 kb/s): there it
takes the nearest without a word, so the notes keep the line that tells the bitrate. CBR and
ABR multiply the samples against clipping: by 0.95 up to 160 kb/s, 0.97 at 192, 0.98 at 224.

Left out:

- the developers' switches (``--nsmsfix``, ``--ns-*``, ``--athtype``, ``--athlower``,
  ``--shortthreshold``, ``--interch``, ``--temporal-masking``, ``--noshort``, ``--substep``,
  ``--noath`` …): the program ignores them with a warning and exit code 0. `encoders.lame_api`
  reaches what they meant;
- ``-X``: changes nothing. ``--strictly-enforce-ISO``: the same as ``--buffer-constraint
  strict``, which is offered. ``-F``: enforces ``-b`` in silence, for old players;
- ``-b`` beside ``--abr``: where it is higher it replaces the target without a word (``--abr
  100 -b 128`` codes 128 kb/s);
- ``-b 144`` and 72: snapped to 128 and 64 without a word;
- ``--preset``: as ``-V``, or as ``-b`` and ``--abr`` with the factor 0.95 taken twice;
- ``--highpass``: below 200 to 700 Hz (the width of a sub-band) it does nothing, above it cuts
  voices; its width does nothing. ``--scale``, ``--gain``: change the level, not the coding;
- ``-m l``, ``-m r``: lose a channel. ``-p``: spends 16 bits a frame on a checksum.
  ``--freeformat``: ffmpeg's libraries cannot read it. ``--resample`` below 16 kHz;
- ``-Z`` with the old VBR: changed one of 16 encodes;
- lower ``--lowpass`` than 5.5 kHz, LAME's own at 32 kb/s: it makes LAME resample to 12 kHz
  and less, where 64 kb/s is the most.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from encoders.command import OPTION_IGNORED, BinaryEncoder, CommandEncoder, first_found
from encoders.lame_ffmpeg import LameFfmpeg
from encoders.lame_parameters import (
    DEFAULT_LEVEL,
    DEFAULT_WIDTH_HZ,
    HIGHEST_KBPS,
    LOWEST_KBPS,
    NOTED,
    RATE_MODES,
    SENSITIVITY,
    SHARED,
    constraint_name,
    level_name,
    make_presets,
    not_zero,
)
from tuner.encoder import Parameter, RateMode, Settings, Value, is_number

#: Letters of -m.
STEREO_MODES = {"joint": "j", "stereo": "s", "forced": "f", "dual": "d", "mono": "m"}


@dataclass(frozen=True)
class Lame(CommandEncoder):
    """Adapter of the program ``lame``."""

    name: ClassVar[str] = "lame"
    program: ClassVar[str] = "lame"
    remedy: ClassVar[str] = (
        "install LAME (Debian: apt-get install lame), or give the path of another binary"
    )
    suffix: ClassVar[str] = ".mp3"
    # The program tells the version of the library that it is linked to.
    version_pattern: ClassVar[re.Pattern[str]] = re.compile(r"LAME\b.*? version \d[^\s(]*")
    libraries: ClassVar[tuple[str, ...]] = ("libmp3lame",)
    ignored: ClassVar[re.Pattern[str]] = re.compile(
        OPTION_IGNORED.pattern + "|argument missing|obsolete", re.IGNORECASE
    )
    noted: ClassVar[re.Pattern[str] | None] = re.compile(NOTED)
    # --silent would hide the warnings, too.
    quiet: ClassVar[tuple[str, ...]] = ("--nohist", "--disptime", "9999")
    rate_modes: ClassVar[tuple[RateMode, ...]] = RATE_MODES
    parameters: ClassVar[tuple[Parameter, ...]] = (*SHARED, SENSITIVITY)
    presets: ClassVar[tuple[Settings, ...]] = make_presets(parameters, 2, 0)

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        """The program's options for these settings, those at their default left out."""
        options = _rate(mode, knob)
        level = values[level_name(mode)]
        if level != DEFAULT_LEVEL:
            options += ["-q", str(level)]
        if values["stereo_mode"] != "joint":
            options += ["-m", STEREO_MODES[str(values["stereo_mode"])]]
        if is_number(values["lowpass_hz"]):
            options += ["--lowpass", _khz(values["lowpass_hz"])]
            if values["lowpass_width_hz"] != DEFAULT_WIDTH_HZ:
                options += ["--lowpass-width", _khz(values["lowpass_width_hz"])]
        if values["sample_rate_hz"] != "auto":
            options += ["--resample", _khz(values["sample_rate_hz"])]
        if not values["reservoir"]:
            options.append("--nores")
        constraint = values[constraint_name(mode)]
        if constraint != "maximum":
            options += ["--buffer-constraint", str(constraint)]
        if values.get("min_bitrate_kbps", LOWEST_KBPS) != LOWEST_KBPS:
            options += ["-b", str(values["min_bitrate_kbps"])]
        if values.get("max_bitrate_kbps", HIGHEST_KBPS) != HIGHEST_KBPS:
            options += ["-B", str(values["max_bitrate_kbps"])]
        if values.get("ignore_sfb21"):
            options.append("-Y")
        if values.get("short_maskings"):
            options.append("-Z")
        if is_number(values["athaa_sensitivity_db"]):
            options += ["--athaa-sensitivity", f"{not_zero(values['athaa_sensitivity_db']):g}"]
        return options


def find_lame(binary: str | None = None) -> BinaryEncoder:
    """LAME through its command line, or through ffmpeg where that is not installed.

    Args:
        binary: path or name of the ``lame`` to run.
    """
    return Lame(binary) if binary else first_found(Lame(), LameFfmpeg())


def _rate(mode: str, knob: float) -> list[str]:
    if mode == "cbr":
        return ["-b", str(int(knob))]
    if mode == "abr":
        return ["--abr", str(round(knob))]
    return [*(["--vbr-old"] if mode == "vbr_old" else []), "-V", f"{knob:.7g}"]


def _khz(hertz: Value) -> str:
    return f"{int(hertz) / 1000:g}"

"""LAME's command line, in an MP3 file with a LAME tag.

Source of ranges and meanings: lame(1), ``lame --longhelp`` and the help for developers that
the program (3.100, Debian 12) holds but does not show; that each acts, in the rate modes in
which it is offered, was measured by changed payloads and decodes.

LAME takes much upon itself, which is kept as notes: it resamples to what it thinks fit for
the bitrate or for ``--lowpass`` (64 kb/s in stereo: 24 kHz) and sets its own low-pass. At
some sample rates other bitrates are legal (MPEG-2, up to 24 kHz: at most 160 kb/s): there it
takes the nearest without a word, so the notes keep the line that tells the bitrate. CBR and
ABR multiply the samples against clipping: by 0.95 up to 160 kb/s, 0.97 at 192, 0.98 at 224.

Levels of ``-q`` that code the same: 5 = 6, 7 to 9 with CBR and ABR; 0 to 4, 5 = 6, 7 to 9
with VBR; 5 to 9 with the old VBR. One of each is offered.

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from encoders.command import OPTION_IGNORED, BinaryEncoder, CommandEncoder, first_found
from encoders.lame_ffmpeg import LameFfmpeg
from tuner.encoder import RATE_MODE, Parameter, RateMode, Settings, Value, settings_of

#: Legal bitrates, kb/s (ISO 11172-3 and 13818-3), less 144, which is legal in MPEG-2 only
#: and snapped to 128 at the sample rate that LAME chooses for it.
CBR_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
RATE_MODES = (
    RateMode("cbr", "bitrate_kbps", low=8, high=320, table=CBR_KBPS),
    RateMode("abr", "bitrate_kbps", low=8, high=310, step=1),
    RateMode("vbr", "quality", low=0, high=9.999, nominal=False, rising=False),
    RateMode("vbr_old", "quality", low=0, high=9.999, nominal=False, rising=False),
)
NOT_NEW_VBR: dict[str, tuple[Value, ...]] = {RATE_MODE: ("cbr", "abr", "vbr_old")}
VBR_ONLY: dict[str, tuple[Value, ...]] = {RATE_MODE: ("vbr", "vbr_old")}
#: LAME's own level of -q, and its own bounds of the bitrates in VBR, kb/s.
DEFAULT_LEVEL, LOWEST_KBPS, HIGHEST_KBPS = 3, 8, 320
#: As wide as the narrowest low-pass, which is the default, at 48 kHz.
DEFAULT_WIDTH_HZ = 500
#: Codes as 0 does, dB, and is not taken for "not given".
ALMOST_ZERO = 0.001
#: Letters of -m.
STEREO_MODES = {"joint": "j", "stereo": "s", "forced": "f", "dual": "d", "mono": "m"}
#: What the library tells, through any door, of its own choices.
NOTED = r"^(?:Resampling:|Autoconverting|Encoding as|.*polyphase (?:low|high)pass)"

SENSITIVITY = (
    Parameter(
        "athaa_sensitivity",
        "choice",
        "auto",
        "level where the hearing threshold starts adapting: LAME's own, or athaa_sensitivity_db",
        choices=("auto", "manual"),
    ),
    Parameter(
        "athaa_sensitivity_db",
        "float",
        6.0,
        "offset of the level where the hearing threshold starts adapting to loudness",
        low=-10,
        high=20,
        step=0.5,
        unit="dB",
        when={"athaa_sensitivity": ("manual",)},
    ),
)
#: What acts through the command line and through the library.
SHARED = (
    Parameter(
        "quality",
        "choice",
        DEFAULT_LEVEL,
        "-q: 0 best and slowest search, 5 simple noise shaping, 7 no noise shaping",
        choices=(0, 1, 2, DEFAULT_LEVEL, 4, 5, 7),
        when={RATE_MODE: ("cbr", "abr")},
    ),
    Parameter(
        "quality_vbr",
        "choice",
        DEFAULT_LEVEL,
        "-q: 3 best Huffman search, 5 no search, 7 noise estimated, not calculated",
        choices=(DEFAULT_LEVEL, 5, 7),
        when={RATE_MODE: ("vbr",)},
    ),
    Parameter(
        "quality_vbr_old",
        "choice",
        DEFAULT_LEVEL,
        "-q: 0 best and slowest search, 5 simple noise shaping",
        choices=(0, 1, 2, DEFAULT_LEVEL, 4, 5),
        when={RATE_MODE: ("vbr_old",)},
    ),
    Parameter(
        "stereo_mode",
        "choice",
        "joint",
        "left/right or mid/side per frame; left/right; mid/side; half the bits each; downmix",
        choices=tuple(STEREO_MODES),
    ),
    Parameter(
        "lowpass",
        "choice",
        "auto",
        "low-pass: chosen by LAME from the bitrate, or set by lowpass_hz",
        choices=("auto", "manual"),
    ),
    Parameter(
        "lowpass_hz",
        "int",
        16_000,
        "low-pass frequency; without sample_rate_hz it also sets the sample rate",
        low=5_500,
        high=20_000,
        step=250,
        unit="Hz",
        when={"lowpass": ("manual",)},
    ),
    Parameter(
        "lowpass_width_hz",
        "int",
        DEFAULT_WIDTH_HZ,
        "width of the low-pass filter; LAME's own is 500, one sub-band",
        low=DEFAULT_WIDTH_HZ,
        high=8_000,
        step=500,
        unit="Hz",
        when={"lowpass": ("manual",)},
    ),
    Parameter(
        "sample_rate_hz",
        "choice",
        "auto",
        "output sample rate; auto: lower at high compression",
        choices=("auto", "48000", "44100", "32000", "24000", "22050", "16000"),
        unit="Hz",
    ),
    Parameter(
        "reservoir",
        "choice",
        True,
        "let frames save bits for later ones",
        choices=(True, False),
    ),
    Parameter(
        "buffer_constraint",
        "choice",
        "maximum",
        "how much of the decoder's buffer a frame may fill; strict: 7680 bits, as in the standard",
        choices=("maximum", "default", "strict"),
        when={RATE_MODE: ("cbr", "vbr", "vbr_old")},
    ),
    Parameter(
        "buffer_constraint_abr",
        "choice",
        "maximum",
        "how much of the decoder's buffer a frame may fill; strict: 7680 bits, as in the standard",
        choices=("maximum", "strict"),
        when={RATE_MODE: ("abr",)},
    ),
    Parameter(
        "min_bitrate_kbps",
        "choice",
        LOWEST_KBPS,
        "minimum bitrate of a frame; ignored for frames below the hearing threshold",
        choices=(LOWEST_KBPS, 64, 80, 96),
        when=VBR_ONLY,
    ),
    Parameter(
        "max_bitrate_kbps",
        "choice",
        HIGHEST_KBPS,
        "maximum bitrate of a frame, and of the mean if that is higher",
        choices=(HIGHEST_KBPS, 256, 224, 192, 160, 128, 112, 96),
        when={RATE_MODE: ("abr", "vbr", "vbr_old")},
    ),
    Parameter(
        "ignore_sfb21",
        "choice",
        False,
        "-Y: ignore noise above 16 kHz, as in CBR; LAME's default for -V 3 and above",
        choices=(False, True),
        when=VBR_ONLY,
    ),
    Parameter(
        "short_maskings",
        "choice",
        False,
        "-Z: always calculate masking for short blocks",
        choices=(False, True),
        when={RATE_MODE: ("cbr", "abr", "vbr")},
    ),
)


def lame_presets(parameters: Sequence[Parameter]) -> tuple[Settings, ...]:
    """``lame -h`` and the most careful search."""
    return tuple(
        settings_of(parameters, mode, quality=level) for mode in ("cbr", "abr") for level in (2, 0)
    )


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
    parameters: ClassVar[tuple[Parameter, ...]] = (*SHARED, *SENSITIVITY)
    presets: ClassVar[tuple[Settings, ...]] = lame_presets(parameters)

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        """The program's options for these settings, those at their default left out."""
        options = _rate(mode, knob)
        level = values[level_name(mode)]
        if level != DEFAULT_LEVEL:
            options += ["-q", str(level)]
        if values["stereo_mode"] != "joint":
            options += ["-m", STEREO_MODES[str(values["stereo_mode"])]]
        if "lowpass_hz" in values:
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
        if "athaa_sensitivity_db" in values:
            options += ["--athaa-sensitivity", f"{not_zero(values['athaa_sensitivity_db']):g}"]
        return options


def find_lame(binary: str | None = None) -> BinaryEncoder:
    """LAME through its command line, or through ffmpeg where that is not installed.

    Args:
        binary: path or name of the ``lame`` to run.
    """
    return Lame(binary) if binary else first_found(Lame(), LameFfmpeg())


def level_name(mode: str) -> str:
    """The name of the parameter that holds -q in a rate mode."""
    return {"vbr": "quality_vbr", "vbr_old": "quality_vbr_old"}.get(mode, "quality")


def constraint_name(mode: str) -> str:
    """The name of the parameter that holds the buffer constraint in a rate mode."""
    return "buffer_constraint_abr" if mode == "abr" else "buffer_constraint"


def not_zero(value: Value) -> float:
    """A number for an option where 0 asks for LAME's own: near 0 instead."""
    return float(value) or ALMOST_ZERO


def _rate(mode: str, knob: float) -> list[str]:
    if mode == "cbr":
        return ["-b", str(int(knob))]
    if mode == "abr":
        return ["--abr", str(round(knob))]
    return [*(["--vbr-old"] if mode == "vbr_old" else []), "-V", f"{knob:.7g}"]


def _khz(hertz: Value) -> str:
    return f"{int(hertz) / 1000:g}"

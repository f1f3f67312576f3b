"""What LAME takes through every door: rate modes, parameters, and notes of its own choices.

`encoders.lame` tells of their source. Levels of ``-q`` that code the same in LAME 3.100: 5 = 6,
7 to 9 with CBR and ABR; 0 to 4, 5 = 6, 7 to 9 with VBR; 5 to 9 with the old VBR. One of each is
offered.
"""

from __future__ import annotations

from collections.abc import Sequence

from tuner.encoder import (
    NUMBER,
    RATE_MODE,
    Parameter,
    RateMode,
    Settings,
    Value,
    settings_of,
    switch,
)

#: Legal bitrates, kb/s (ISO 11172-3 and 13818-3), less 144, which is legal in MPEG-2 only
#: and snapped to 128 at the sample rate that LAME chooses for it.
CBR_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
VBR = RateMode("vbr", "quality", low=0, high=9.999, nominal=False, rising=False)
RATE_MODES = (
    RateMode("cbr", "bitrate_kbps", low=8, high=320, table=CBR_KBPS),
    RateMode("abr", "bitrate_kbps", low=8, high=310, step=1),
    VBR,
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
#: What the library tells, through any door, of its own choices.
NOTED = r"^(?:Resampling:|Autoconverting|Encoding as|.*polyphase (?:low|high)pass)"

QUALITY = Parameter(
    "quality",
    "choice",
    DEFAULT_LEVEL,
    "-q: 0 best and slowest search, 5 simple noise shaping, 7 no noise shaping",
    choices=(0, 1, 2, DEFAULT_LEVEL, 4, 5, 7),
    when={RATE_MODE: ("cbr", "abr")},
)
QUALITY_VBR = Parameter(
    "quality_vbr",
    "choice",
    DEFAULT_LEVEL,
    "-q: 3 best Huffman search, 5 no search, 7 noise estimated, not calculated",
    choices=(DEFAULT_LEVEL, 5, 7),
    when={RATE_MODE: ("vbr",)},
)
QUALITY_VBR_OLD = Parameter(
    "quality_vbr_old",
    "choice",
    DEFAULT_LEVEL,
    "-q: 0 best and slowest search, 5 simple noise shaping",
    choices=(0, 1, 2, DEFAULT_LEVEL, 4, 5),
    when={RATE_MODE: ("vbr_old",)},
)
STEREO_MODE = Parameter(
    "stereo_mode",
    "choice",
    "joint",
    "left/right or mid/side per frame; left/right; mid/side; half the bits each; downmix",
    choices=("joint", "stereo", "forced", "dual", "mono"),
)
LOWPASS = Parameter(
    "lowpass_hz",
    "int",
    "auto",
    "low-pass frequency; auto: chosen by LAME from the bitrate. It also sets the sample rate,"
    " unless that is given",
    low=5_500,
    high=20_000,
    step=250,
    unit="Hz",
)
SAMPLE_RATE = Parameter(
    "sample_rate_hz",
    "choice",
    "auto",
    "output sample rate; auto: lower at high compression",
    choices=("auto", "48000", "44100", "32000", "24000", "22050", "16000"),
    unit="Hz",
)
RESERVOIR = switch("reservoir", True, "let frames save bits for later ones")
SENSITIVITY = Parameter(
    "athaa_sensitivity_db",
    "float",
    "auto",
    "offset of the level where the hearing threshold starts adapting to loudness",
    low=-10,
    high=20,
    step=0.5,
    unit="dB",
)
BUFFER = "how much of the decoder's buffer a frame may fill; strict: 7680 bits, as in the standard"
#: What acts through the command line and through the library.
SHARED = (
    QUALITY,
    QUALITY_VBR,
    QUALITY_VBR_OLD,
    STEREO_MODE,
    LOWPASS,
    Parameter(
        "lowpass_width_hz",
        "int",
        DEFAULT_WIDTH_HZ,
        "width of the low-pass filter; LAME's own is 500, one sub-band",
        low=DEFAULT_WIDTH_HZ,
        high=8_000,
        step=500,
        unit="Hz",
        when={"lowpass_hz": (NUMBER,)},
    ),
    SAMPLE_RATE,
    RESERVOIR,
    Parameter(
        "buffer_constraint",
        "choice",
        "maximum",
        BUFFER,
        choices=("maximum", "default", "strict"),
        when={RATE_MODE: ("cbr", "vbr", "vbr_old")},
    ),
    Parameter(
        "buffer_constraint_abr",
        "choice",
        "maximum",
        BUFFER,
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
    switch(
        "ignore_sfb21",
        False,
        "-Y: ignore noise above 16 kHz, as in CBR; LAME's default for -V 3 and above",
        VBR_ONLY,
    ),
    switch(
        "short_maskings",
        False,
        "-Z: always calculate masking for short blocks",
        {RATE_MODE: ("cbr", "abr", "vbr")},
    ),
)


def make_presets(parameters: Sequence[Parameter], *levels: int) -> tuple[Settings, ...]:
    """Levels of -q that are known as good: 2 is ``lame -h``, 0 the most careful search."""
    return tuple(
        settings_of(parameters, mode, quality=level) for mode in ("cbr", "abr") for level in levels
    )


def level_name(mode: str) -> str:
    """The name of the parameter that holds -q in a rate mode."""
    return {"vbr": "quality_vbr", "vbr_old": "quality_vbr_old"}.get(mode, "quality")


def constraint_name(mode: str) -> str:
    """The name of the parameter that holds the buffer constraint in a rate mode."""
    return "buffer_constraint_abr" if mode == "abr" else "buffer_constraint"


def not_zero(value: Value) -> float:
    """A number for an option where 0 asks for LAME's own: near 0 instead."""
    return float(value) or ALMOST_ZERO

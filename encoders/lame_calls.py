"""What LAME's C interface can be told beyond its command line: parameters, and setters' calls.

- ``lame_set_msfix`` takes a double and returns nothing: called with a float, it sets 0.
- The samples go in through ``lame_encode_buffer_float``, full scale ±32768, as the command
  line scales whole numbers; the function for ±1 scales by 32767.
- A setter's 0 for the threshold's level or the adaptation's sensitivity means LAME's own.
- ``exp_nspsytune`` holds four numbers of 6 bits, in quarters of a dB, in two's complement.

Left out, as they change nothing: ``interChRatio``, ``allow_diff_short`` (also in left/right
stereo), ``ATHonly``, ``ATHshort``, ``cwlimit``, ``mode_automs``, ``athaa_type`` 1 to 5 (all
the same), ``highpasswidth``; with the new VBR ``quant_comp``, ``ATHtype`` and quality up to 4;
with CBR and ABR the adjustment of sfb21. ``athaa_loudapprox``: reads back 2 whatever is set.
``msfix`` below 1: the same as other values with VBR. ``experimentalX``: sets ``quant_comp``.
``scale``: changes the level, not the coding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from encoders.lame_parameters import (
    DEFAULT_LEVEL,
    DEFAULT_WIDTH_HZ,
    HIGHEST_KBPS,
    LOWEST_KBPS,
    NOT_NEW_VBR,
    SENSITIVITY,
    VBR_ONLY,
    constraint_name,
    level_name,
    not_zero,
)
from tuner.encoder import RATE_MODE, Parameter, Value, is_number, switch

#: Values of lame_set_VBR, lame_set_mode and lame_set_strict_ISO.
VBR = {"cbr": 0, "vbr_old": 2, "abr": 3, "vbr": 4}
STEREO_MODES = {"joint": 1, "stereo": 0, "forced": 1, "dual": 2, "mono": 3}
BUFFER_CONSTRAINTS = {"default": 0, "strict": 1}
#: LAME's own choices.
DEFAULT_COMPARISON, DEFAULT_ATH_TYPE = 9, 4
#: Where the adjustments lie in exp_nspsytune: bit of each, and the lowest bits' meaning.
ADJUSTMENTS = {"ns_bass_db": 2, "ns_alto_db": 8, "ns_treble_db": 14, "ns_sfb21_db": 20}
NSPSYTUNE, SAFE_JOINT, SIX_BITS = 1, 2, 63
MID_SIDE: dict[str, tuple[Value, ...]] = {"stereo_mode": ("joint", "forced")}

#: A call of a setter: what it sets, the type of its argument, the value.
Call = tuple[str, str, float]


def _adjustment(
    band: str, meaning: str, when: Mapping[str, tuple[Value, ...]] | None = None
) -> Parameter:
    return Parameter(
        f"ns_{band}_db",
        "float",
        0.0,
        meaning,
        low=-8,
        high=7.75,
        step=0.25,
        unit="dB",
        when=when or {},
    )


OWN = (
    Parameter(
        "msfix",
        "float",
        "auto",
        "tuning of mid/side switching: factor on the masking thresholds of mid and side",
        low=1,
        high=8,
        step=0.1,
        when=MID_SIDE,
    ),
    switch(
        "safe_joint",
        False,
        "alternative criterion for mid/side switching, LAME's default at higher bitrates",
        NOT_NEW_VBR | MID_SIDE,
    ),
    switch("ath", True, "use the absolute threshold of hearing"),
    Parameter(
        "ath_type",
        "choice",
        DEFAULT_ATH_TYPE,
        "formula of the threshold of hearing",
        choices=(0, 1, 2, 3, DEFAULT_ATH_TYPE, 5),
        when=NOT_NEW_VBR | {"ath": (True,)},
    ),
    Parameter(
        "ath_lower_db",
        "float",
        "auto",
        "how far the threshold of hearing is lowered",
        low=-12,
        high=20,
        step=0.5,
        unit="dB",
        when={"ath": (True,)},
    ),
    replace(
        SENSITIVITY,
        meaning=f"{SENSITIVITY.meaning}; off: it does not adapt",
        words=("auto", "off"),
        when={"ath": (True,)},
    ),
    switch("temporal_masking", True, "use temporal masking", NOT_NEW_VBR),
    switch("temporal_masking_vbr", False, "use temporal masking", {RATE_MODE: ("vbr",)}),
    _adjustment("bass", "adjust masking for scale factor bands 0 to 6 (short blocks: 0 to 5)"),
    _adjustment("alto", "adjust masking for scale factor bands 7 to 13 (short blocks: 6 to 10)"),
    _adjustment(
        "treble", "adjust masking for scale factor bands 14 to 21 (short blocks: 11 and 12)"
    ),
    _adjustment(
        "sfb21",
        "adjust masking above band 20 (16 kHz); 0 is LAME's default, 0.5 to 7.25 dB by quality",
        VBR_ONLY,
    ),
    Parameter(
        "short_blocks",
        "choice",
        "auto",
        "short blocks, a third as long: on transients in both channels, never, always",
        choices=("auto", "off", "forced"),
    ),
    Parameter(
        "quant_comp",
        "choice",
        DEFAULT_COMPARISON,
        "noise measure that selects the better quantisation",
        choices=tuple(range(DEFAULT_COMPARISON + 1)),
        when=NOT_NEW_VBR,
    ),
    Parameter(
        "quant_comp_short",
        "choice",
        DEFAULT_COMPARISON,
        "noise measure that selects the better quantisation of short blocks",
        choices=tuple(range(DEFAULT_COMPARISON + 1)),
        when=NOT_NEW_VBR | {"short_blocks": ("auto", "forced")},
    ),
    Parameter(
        "highpass_hz",
        "int",
        "off",
        "high-pass frequency; below 400 it has no effect at most sample rates",
        low=400,
        high=2_000,
        step=100,
        unit="Hz",
    ),
)


def make_calls(mode: str, values: Mapping[str, Value], knob: float) -> list[Call]:
    """The setters' calls for these settings, those at their default left out."""
    return [
        *_rate_calls(mode, values, knob),
        *_signal_calls(values),
        *_hearing_calls(values),
        *_coding_calls(mode, values),
    ]


def _rate_calls(mode: str, values: Mapping[str, Value], knob: float) -> list[Call]:
    calls: list[Call] = [] if mode == "cbr" else [("VBR", "int", VBR[mode])]
    if mode in ("cbr", "abr"):
        calls.append(("brate" if mode == "cbr" else "VBR_mean_bitrate_kbps", "int", round(knob)))
    else:
        calls.append(("VBR_quality", "float", knob))
    for name, default in (("min_bitrate_kbps", LOWEST_KBPS), ("max_bitrate_kbps", HIGHEST_KBPS)):
        if values.get(name, default) != default:
            calls.append((f"VBR_{name}", "int", int(values[name])))
    return calls


def _signal_calls(values: Mapping[str, Value]) -> list[Call]:
    calls: list[Call] = []
    if values["stereo_mode"] != "joint":
        calls.append(("mode", "int", STEREO_MODES[str(values["stereo_mode"])]))
    if values["stereo_mode"] == "forced":
        calls.append(("force_ms", "int", 1))
    if is_number(values["lowpass_hz"]):
        calls.append(("lowpassfreq", "int", int(values["lowpass_hz"])))
        if values["lowpass_width_hz"] != DEFAULT_WIDTH_HZ:
            calls.append(("lowpasswidth", "int", int(values["lowpass_width_hz"])))
    if is_number(values["highpass_hz"]):
        calls.append(("highpassfreq", "int", int(values["highpass_hz"])))
    if values["sample_rate_hz"] != "auto":
        calls.append(("out_samplerate", "int", int(values["sample_rate_hz"])))
    return calls


def _hearing_calls(values: Mapping[str, Value]) -> list[Call]:
    calls: list[Call] = []
    if not values["ath"]:
        calls.append(("noATH", "int", 1))
    if values.get("ath_type", DEFAULT_ATH_TYPE) != DEFAULT_ATH_TYPE:
        calls.append(("ATHtype", "int", int(values["ath_type"])))
    if is_number(values.get("ath_lower_db")):
        calls.append(("ATHlower", "float", not_zero(values["ath_lower_db"])))
    if values.get("athaa_sensitivity_db") == "off":
        calls.append(("athaa_type", "int", 0))
    if is_number(values.get("athaa_sensitivity_db")):
        calls.append(("athaa_sensitivity", "float", not_zero(values["athaa_sensitivity_db"])))
    if is_number(values.get("msfix")):
        calls.append(("msfix", "double", float(values["msfix"])))
    if not values.get("temporal_masking", True):
        calls.append(("useTemporal", "int", 0))
    if values.get("temporal_masking_vbr", False):
        calls.append(("useTemporal", "int", 1))
    if psychoacoustics := _adjustments(values):
        calls.append(("exp_nspsytune", "int", NSPSYTUNE | psychoacoustics))
    return calls


def _adjustments(values: Mapping[str, Value]) -> int:
    """The bits of exp_nspsytune that differ from its default."""
    bits = SAFE_JOINT if values.get("safe_joint") else 0
    for name, place in ADJUSTMENTS.items():
        quarters = round(4 * float(values.get(name, 0)))
        bits |= (quarters & SIX_BITS) << place
    return bits


def _coding_calls(mode: str, values: Mapping[str, Value]) -> list[Call]:
    calls: list[Call] = []
    level, constraint = values[level_name(mode)], values[constraint_name(mode)]
    if level != DEFAULT_LEVEL:
        calls.append(("quality", "int", int(level)))
    if constraint != "maximum":
        calls.append(("strict_ISO", "int", BUFFER_CONSTRAINTS[str(constraint)]))
    if not values["reservoir"]:
        calls.append(("disable_reservoir", "int", 1))
    if values["short_blocks"] != "auto":
        name = "no_short_blocks" if values["short_blocks"] == "off" else "force_short_blocks"
        calls.append((name, "int", 1))
    for name in ("quant_comp", "quant_comp_short"):
        if values.get(name, DEFAULT_COMPARISON) != DEFAULT_COMPARISON:
            calls.append((name, "int", int(values[name])))
    switches = {"ignore_sfb21": "experimentalY", "short_maskings": "experimentalZ"}
    calls += [(switch, "int", 1) for name, switch in switches.items() if values.get(name)]
    return calls

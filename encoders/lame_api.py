"""LAME through its library's C interface, in an MP3 file with a LAME tag.

The library obeys where the command line ignores: the switches for developers are here. It
runs in a child process (`encoders.lame_child`). `binary` is the path of the library.

For people, the same encode of a sound file, with defaults left out::

    python3 -m encoders.lame_api cbr 64 msfix=manual msfix_value=2.8 in.wav out.mp3

Source of ranges and meanings: the exported setters of libmp3lame 3.100 (Debian 12), what
``lame_print_internals`` says that they do, and the help for developers that the program lame
holds but does not show. That each acts, in the rate modes in which it is offered, was
measured by changed payloads and decodes, and the defaults give the command line's packets.
`encoders.lame` tells of what both have.

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

import argparse
import ctypes.util
import functools
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from encoders import lame_child
from encoders.command import BinaryEncoder, file_digest, plain_name
from encoders.lame import (
    DEFAULT_LEVEL,
    DEFAULT_WIDTH_HZ,
    HIGHEST_KBPS,
    LOWEST_KBPS,
    NOT_NEW_VBR,
    NOTED,
    RATE_MODES,
    SENSITIVITY,
    SHARED,
    VBR_ONLY,
    constraint_name,
    lame_presets,
    level_name,
    not_zero,
)
from encoders.process import run
from tuner.encoder import (
    RATE_MODE,
    Encoded,
    EncoderError,
    EncoderFailed,
    EncoderMissing,
    Parameter,
    Pcm,
    RateMode,
    Settings,
    SettingsError,
    Value,
    Version,
    active_parameters,
    validate,
)

#: Wall-clock limit of asking the library for its version, s.
ASK_S = 20.0
#: Wall-clock limit of one file on the command line, s: it may last for hours.
FILE_TIMEOUT_S = 86_400.0
#: Full scale of the samples that the child takes.
FULL_SCALE = np.float32(32768)
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
        "choice",
        "auto",
        "mid/side switching tuning: LAME's own, or msfix_value",
        choices=("auto", "manual"),
        when=MID_SIDE,
    ),
    Parameter(
        "msfix_value",
        "float",
        3.5,
        "mid/side switching tuning: factor for the masking thresholds of mid and side",
        low=1,
        high=8,
        step=0.1,
        when={"msfix": ("manual",)},
    ),
    Parameter(
        "safe_joint",
        "choice",
        False,
        "another criterion of mid/side switching, LAME's own at higher bitrates",
        choices=(False, True),
        when=NOT_NEW_VBR | MID_SIDE,
    ),
    Parameter(
        "ath",
        "choice",
        True,
        "use the absolute threshold of hearing",
        choices=(True, False),
    ),
    Parameter(
        "ath_type",
        "choice",
        DEFAULT_ATH_TYPE,
        "formula of the threshold of hearing",
        choices=(0, 1, 2, 3, DEFAULT_ATH_TYPE, 5),
        when=NOT_NEW_VBR | {"ath": (True,)},
    ),
    Parameter(
        "ath_lower",
        "choice",
        "auto",
        "level of the threshold of hearing: LAME's own, or ath_lower_db",
        choices=("auto", "manual"),
        when={"ath": (True,)},
    ),
    Parameter(
        "ath_lower_db",
        "float",
        3.0,
        "by how much the threshold of hearing is lowered",
        low=-12,
        high=20,
        step=0.5,
        unit="dB",
        when={"ath_lower": ("manual",)},
    ),
    replace(
        SENSITIVITY[0],
        meaning="offset of the threshold's adaptation: LAME's own, athaa_sensitivity_db, or none",
        choices=("auto", "manual", "off"),
        when={"ath": (True,)},
    ),
    SENSITIVITY[1],
    Parameter(
        "temporal_masking",
        "choice",
        True,
        "make use of the temporal masking effect",
        choices=(True, False),
        when=NOT_NEW_VBR,
    ),
    Parameter(
        "temporal_masking_vbr",
        "choice",
        False,
        "make use of the temporal masking effect",
        choices=(False, True),
        when={RATE_MODE: ("vbr",)},
    ),
    _adjustment("bass", "adjust masking for scale factor bands 0 to 6 (short blocks: 0 to 5)"),
    _adjustment("alto", "adjust masking for scale factor bands 7 to 13 (short blocks: 6 to 10)"),
    _adjustment(
        "treble", "adjust masking for scale factor bands 14 to 21 (short blocks: 11 and 12)"
    ),
    _adjustment(
        "sfb21",
        "adjust masking above band 20 (16 kHz); 0 is LAME's own, 0.5 to 7.25 dB by quality",
        VBR_ONLY,
    ),
    Parameter(
        "short_blocks",
        "choice",
        "auto",
        "blocks of a third of the length: on transients in both channels, never, always",
        choices=("auto", "off", "forced"),
    ),
    Parameter(
        "quant_comp",
        "choice",
        DEFAULT_COMPARISON,
        "which of several noise measurements tells the better quantisation",
        choices=tuple(range(DEFAULT_COMPARISON + 1)),
        when=NOT_NEW_VBR,
    ),
    Parameter(
        "quant_comp_short",
        "choice",
        DEFAULT_COMPARISON,
        "which noise measurement tells the better quantisation of short blocks",
        choices=tuple(range(DEFAULT_COMPARISON + 1)),
        when=NOT_NEW_VBR | {"short_blocks": ("auto", "forced")},
    ),
    Parameter(
        "highpass",
        "choice",
        "off",
        "cut off frequencies below highpass_hz",
        choices=("off", "manual"),
    ),
    Parameter(
        "highpass_hz",
        "int",
        400,
        "frequency of the high-pass; below 400 it does nothing at most sample rates",
        low=400,
        high=2_000,
        step=100,
        unit="Hz",
        when={"highpass": ("manual",)},
    ),
)


@dataclass(frozen=True)
class LameApi(BinaryEncoder):
    """Adapter of the library libmp3lame."""

    name: ClassVar[str] = "lame-api"
    program: ClassVar[str] = "libmp3lame.so.0"
    remedy: ClassVar[str] = (
        "install LAME's library (Debian: apt-get install libmp3lame0) or name its path"
    )
    suffix: ClassVar[str] = ".mp3"
    noted: ClassVar[re.Pattern[str] | None] = re.compile(NOTED + "|^no LAME tag")
    rate_modes: ClassVar[tuple[RateMode, ...]] = RATE_MODES
    parameters: ClassVar[tuple[Parameter, ...]] = (*SHARED, *OWN)
    presets: ClassVar[tuple[Settings, ...]] = lame_presets(parameters)

    @property
    def version(self) -> Version:
        """The library that is loaded; see `tuner.encoder.Encoder.version`."""
        path = self.path()
        state = _state(path)
        text = _ask(path, state)["version"]
        return Version(f"libmp3lame {text}", path, file_digest(path, state).hex()[:16])

    def path(self) -> str:
        """Path of the library that is loaded. Raises `EncoderMissing`."""
        try:
            return _find(self.binary or self.program)
        except EncoderMissing as error:
            other = None if self.binary else ctypes.util.find_library("mp3lame")
            if other is None:
                raise EncoderMissing(f"{error}; {self.remedy}") from error
        return _find(other)

    def encode(self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float) -> Encoded:
        """Encode one clip, and note what of it no switch of the command line ``lame`` does."""
        encoded = super().encode(pcm, sample_rate, settings, knob)
        values = settings.as_dict()
        own = [p.name for p in OWN if values.get(p.name, p.default) != p.default]
        if values.get("athaa_sensitivity") == "off":
            own.append("athaa_sensitivity")
        if not own:
            return encoded
        note = f"needs libmp3lame's API: the program lame has no switch for {', '.join(own)}"
        return replace(encoded, notes=(*encoded.notes, note))

    def calls(self, mode: str, values: Mapping[str, Value], knob: float) -> list[Call]:
        """The setters' calls for these settings, those at their default left out."""
        return [
            *_rate_calls(mode, values, knob),
            *_signal_calls(values),
            *_hearing_calls(values),
            *_coding_calls(mode, values),
        ]

    def command_line(
        self, settings: Settings, knob: float, source: str, target: str
    ) -> Sequence[str]:
        """The module's own command; see `tuner.encoder.Encoder.command_line`."""
        validate(self, settings, knob)
        values = settings.as_dict()
        changed = [
            f"{p.name}={values[p.name]}"
            for p in self.parameters
            if p.name in values and values[p.name] != p.default
        ]
        library = ["--library", self.binary] if self.binary else []
        head = ["python3", "-m", "encoders.lame_api", *library, settings.rate_mode, f"{knob:.7g}"]
        return [*head, *changed, plain_name(source), plain_name(target)]

    def child_command(
        self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float, target: Path
    ) -> tuple[list[str], bytes]:
        """Samples through a pipe, settings as JSON; see `BinaryEncoder.child_command`."""
        command = self._command(pcm.shape, sample_rate, settings, knob, target)
        return command, np.ascontiguousarray(pcm.T * FULL_SCALE, np.float32).tobytes()

    def encode_file(self, source: Path, target: Path, settings: Settings, knob: float) -> None:
        """Encode a sound file of any length, which is never in memory as a whole.

        Raises:
            SettingsError: settings or knob do not fit, or there are more than two channels.
            EncoderError: as `encode`.
            OSError, soundfile.SoundFileError: a file cannot be read or written.
        """
        import soundfile

        validate(self, settings, knob)
        with soundfile.SoundFile(source) as file:
            shape = file.channels, file.frames
            if shape[0] > 2 or not shape[1]:
                raise SettingsError(f"{source}: {shape[0]} channels of {shape[1]} samples")
            partial = target.absolute().with_name(target.name + ".partial")
            command = self._command(shape, file.samplerate, settings, knob, partial)
            blocks = file.blocks(lame_child.PIECE, dtype="float32", always_2d=True)
            try:
                self.run_child(command, ((b * FULL_SCALE).tobytes() for b in blocks), target.parent)
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)

    def _command(
        self,
        shape: tuple[int, ...],
        sample_rate: int,
        settings: Settings,
        knob: float,
        target: Path,
    ) -> list[str]:
        """The child's command for sound of a shape ``[C, T]``."""
        source: list[Call] = [("in_samplerate", "int", sample_rate)]
        source.append(("num_channels", "int", shape[0]))
        job = {
            "library": self.path(),
            "target": str(target),
            "samples": shape[1],
            "calls": source + self.calls(settings.rate_mode, settings.as_dict(), knob),
        }
        return _child(job)


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
    if "lowpass_hz" in values:
        calls.append(("lowpassfreq", "int", int(values["lowpass_hz"])))
        if values["lowpass_width_hz"] != DEFAULT_WIDTH_HZ:
            calls.append(("lowpasswidth", "int", int(values["lowpass_width_hz"])))
    if "highpass_hz" in values:
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
    if "ath_lower_db" in values:
        calls.append(("ATHlower", "float", not_zero(values["ath_lower_db"])))
    if values.get("athaa_sensitivity") == "off":
        calls.append(("athaa_type", "int", 0))
    if "athaa_sensitivity_db" in values:
        calls.append(("athaa_sensitivity", "float", not_zero(values["athaa_sensitivity_db"])))
    if "msfix_value" in values:
        calls.append(("msfix", "double", float(values["msfix_value"])))
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


def _child(job: Mapping[str, object]) -> list[str]:
    """The command that runs the child."""
    return [sys.executable, "-I", "-S", lame_child.__file__, json.dumps(job)]


def _state(path: str) -> tuple[int, int]:
    """What changes when a file does; nothing for a bare name or a file that is not there."""
    try:
        stat = Path(path).stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


def _find(library: str) -> str:
    """Path of the library that is loaded under a path or a bare name."""
    if Path(library).exists():
        library = str(Path(library).absolute())
    return _ask(library, _state(library))["path"]


@functools.lru_cache(maxsize=16)
def _ask(library: str, state: tuple[int, int]) -> dict[str, str]:
    """Version and path of a library; the child loads it."""
    try:
        told: dict[str, str] = json.loads(run(_child({"library": library}), b"", ASK_S).stdout)
    except EncoderFailed as error:
        last = (error.stderr.strip().splitlines() or [error.what])[-1]
        raise EncoderMissing(f"{library}: cannot be used as libmp3lame ({last})") from error
    return told


def parse(text: str) -> tuple[str, Value]:
    """One setting from ``name=value``. Raises `SettingsError`."""
    name, _, value = text.partition("=")
    for parameter in LameApi.parameters:
        if parameter.name == name and parameter.kind == "choice":
            for choice in parameter.choices:
                if str(choice) == value:
                    return name, choice
        elif parameter.name == name:
            try:
                return name, int(value) if parameter.kind == "int" else float(value)
            except ValueError:
                break
    raise SettingsError(f"lame-api: {text!r} is no setting; see `tuner encoders`")


def main(arguments: Sequence[str] | None = None) -> None:
    """Encode a sound file as the command line tells."""
    import soundfile

    parser = argparse.ArgumentParser("python3 -m encoders.lame_api", description=main.__doc__)
    parser.add_argument("--library", help="path of libmp3lame")
    parser.add_argument("mode", choices=[mode.name for mode in RATE_MODES])
    parser.add_argument("knob", type=float, help="kb/s, or the quality of VBR")
    parser.add_argument("settings", nargs="*", help="name=value; defaults for the others")
    parser.add_argument("source")
    parser.add_argument("target")
    told = parser.parse_args(arguments)
    try:
        values = dict(parse(setting) for setting in told.settings)
        active = active_parameters(LameApi.parameters, told.mode, values)
        filled = {p.name: p.default for p in active} | values
        encoder = LameApi(told.library, FILE_TIMEOUT_S)
        settings = Settings.of(told.mode, filled)
        encoder.encode_file(Path(told.source), Path(told.target), settings, told.knob)
    except (EncoderError, OSError, soundfile.SoundFileError) as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()

"""Musepack SV8 with its own command line, mpcenc (Debian package musepack-tools).

Source of ranges and meanings: ``mpcenc --longhelp`` (1.30.1), and its source for what the
help leaves open: the profiles between which --quality interpolates, whole numbers, clamps.
That each parameter acts was proved by changed payloads.

Most defaults depend on the quality. So "auto" leaves an option out, and a bare
``mpcenc --quality X`` is the default at every quality. `--quality` resets the others without
a word: it comes first.

mpcenc refuses an unknown ``--option``, but drops an unknown ``-option`` in silence, reads
a bad number as 0, and clamps or replaces values out of range in silence (--quality above
10, --ans above 6, --ltq 600 and more): the ranges here exclude all of that.

Left out:

- ``--ms`` 1 and 2: unknown to the encoder ("Unknown stereo mode"), coded as 10; other
  numbers read past its tables.
- ``--ans`` 1 to 5: the same bytes as 6, the default, on 7 real clips at 4 qualities.
- ``--bw`` in finer steps: it cuts to whole bands of 1/64 of the sample rate.
- ``--ltq_gain`` and ``--ltq_max`` in fractions: cut to whole numbers; ``--ltq_max`` above 90
  moves the payload by 0.4 % at most.
- ``--num_frames``, ``--seek_distance``, ``--no_ei``, ``--no_st``: container only.
- ``--scale``, ``--skip``, ``--dur``, ``--fade``: change the signal.

Bitrates that --quality alone cannot hit: where the profile changes the rate jumps, at 2 by
a third to a half (52 to 82 kb/s on one clip), at 4 by 7 %, at 5 by 3 to 5 %.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from encoders.command import CommandEncoder
from tuner.encoder import Parameter, RateMode, Value, is_number, switch

#: The thresholds in quiet in the order of mpcenc's numbers (the x of ``--ltq xyy``).
EAR_MODELS = ("iso", "buschmann", "filburt", "klemm", "mix", "minimum")
#: Option of each choice that is left out when it is "auto".
CHOICES = {"ms": "--ms", "cvd": "--cvd", "minval": "--minval"}
#: Option of each switch that is on.
SWITCHES = {"post_masking": "--tmpMask", "noise_shaping": "--ans"}
#: Each number by its option, which is left out when it is "auto".
NUMBERS = {
    "--nmt": Parameter(
        "nmt_db",
        "float",
        "auto",
        "noise-masking-tone: how far the quantisation noise stays below noise",
        low=-3,
        high=16,
        step=0.1,
        unit="dB",
    ),
    "--tmn": Parameter(
        "tmn_db",
        "float",
        "auto",
        "tone-masking-noise: how far the quantisation noise stays below tones",
        low=0,
        high=36,
        step=0.1,
        unit="dB",
    ),
    "--pns": Parameter(
        "pns_threshold",
        "float",
        "auto",
        "perceptual noise substitution: bands below this threshold are sent as noise; 0 off",
        low=0,
        high=2,
        step=0.01,
    ),
    "--bw": Parameter(
        "bandwidth_hz",
        "int",
        "auto",
        "maximum bandwidth, in steps of 750 Hz at 48 kHz",
        low=3_000,
        high=21_000,
        step=750,
        unit="Hz",
    ),
    "--minSMR": Parameter(
        "min_smr_db",
        "float",
        "auto",
        "minimum signal-to-mask ratio over the encoded bandwidth; 0 off",
        low=0,
        high=10,
        step=0.1,
        unit="dB",
    ),
    "--ltq_gain": Parameter(
        "ltq_gain_db",
        "int",
        "auto",
        "offset added to the threshold in quiet",
        low=-30,
        high=30,
        unit="dB",
    ),
    "--ltq_max": Parameter(
        "ltq_max_db",
        "int",
        "auto",
        "maximum level of the threshold in quiet, reached at both ends",
        low=0,
        high=90,
        unit="dB",
    ),
    "--ltq_var": Parameter(
        "ltq_var_factor",
        "float",
        "auto",
        "how much loudness raises the threshold in quiet; 0 off",
        low=0,
        high=16,
        step=0.1,
    ),
    "--shortthr": Parameter(
        "short_threshold_factor",
        "float",
        "auto",
        "masking by the signal before a transient, from the short FFT",
        low=1,
        high=100,
        log=True,
    ),
    "--transdet": Parameter(
        "transient_slew",
        "float",
        "auto",
        "energy increase within a few ms that counts as a transient",
        low=5,
        high=200,
        log=True,
    ),
}


@dataclass(frozen=True)
class Musepack(CommandEncoder):
    """Adapter of mpcenc."""

    name: ClassVar[str] = "musepack"
    program: ClassVar[str] = "mpcenc"
    remedy: ClassVar[str] = (
        "install mpcenc (Debian package musepack-tools), or set its path (`binary`)"
    )
    suffix: ClassVar[str] = ".mpc"
    version_arguments: ClassVar[tuple[str, ...]] = ("--longhelp",)
    version_pattern: ClassVar[re.Pattern[str]] = re.compile(r"MPC Encoder [\d.]+\S*")
    # Not quiet at all: mpcenc tells the bandwidth that it chose only when it is verbose.
    quiet: ClassVar[tuple[str, ...]] = ("--verbose",)
    noted: ClassVar[re.Pattern[str] | None] = re.compile(r"Maximum encoded bandwidth|clipping")
    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        RateMode("vbr", "quality", low=0, high=10, step=0.01, nominal=False),
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        *NUMBERS.values(),
        Parameter(
            "ear_model",
            "choice",
            "auto",
            "threshold in quiet: set by the quality, or one of six with ltq_rolloff",
            choices=("auto", *EAR_MODELS),
        ),
        Parameter(
            "ltq_rolloff",
            "int",
            50,
            "high end of the threshold in quiet: 0 is +30 dB, 99 is -30 dB at 20 kHz",
            low=0,
            high=99,
            when={"ear_model": EAR_MODELS},
        ),
        switch("post_masking", True, "exploit post-masking, after a sound ends"),
        Parameter(
            "ms",
            "choice",
            "auto",
            "mid/side: set by the quality; 0 off, 3 to 5 with reduced image, 6 when it saves bits,"
            " 10 to 15 with the weaker one coded better by up to 3, 6, 9, 12 and any dB",
            choices=("auto", "0", "3", "4", "5", "6", "10", "11", "12", "13", "15"),
        ),
        switch("noise_shaping", True, "adaptive noise shaping"),
        Parameter(
            "cvd",
            "choice",
            "auto",
            "clear voice detection: set by the quality; 0 off, 1 on, 2 dual",
            choices=("auto", "0", "1", "2"),
        ),
        Parameter(
            "minval",
            "choice",
            "auto",
            "minimum masking offset in the bass: set by the quality; 1 Buschmann, 2 and 3 Klemm",
            choices=("auto", "1", "2", "3"),
        ),
    )

    def options(self, mode: str, values: Mapping[str, Value], knob: float) -> list[str]:
        """mpcenc's options for these settings, those at their default left out."""
        options = ["--quality", f"{knob:g}"]
        for option, parameter in NUMBERS.items():
            if is_number(value := values[parameter.name]):
                options += [option, f"{value:.6g}"]
        if "ltq_rolloff" in values:
            model = EAR_MODELS.index(str(values["ear_model"]))
            options += ["--ltq", str(100 * model + int(values["ltq_rolloff"]))]
        for name, option in CHOICES.items():
            if values[name] != "auto":
                options += [option, str(values[name])]
        for name, option in SWITCHES.items():
            if not values[name]:
                options += [option, "0"]
        return options

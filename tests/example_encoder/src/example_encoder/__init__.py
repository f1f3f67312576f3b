"""oggenc as an adapter for codec tuner; docs/adapters.md explains it line by line."""

import re
from dataclasses import dataclass

from encoders.command import CommandEncoder
from tuner.encoder import Parameter, RateMode

__all__ = ["Oggenc"]


@dataclass(frozen=True)
class Oggenc(CommandEncoder):
    """The Vorbis encoder of the vorbis-tools."""

    name = "example-oggenc"
    program = "oggenc"
    remedy = "install the package vorbis-tools"
    suffix = ".ogg"
    version_pattern = re.compile(r"oggenc.*")
    libraries = ("libvorbis",)
    quiet = ("--quiet", "--serial", "1")
    rate_modes = (RateMode("vbr", "quality", low=-1, high=10, step=0.01, nominal=False),)
    parameters = (
        Parameter("noisetune", "float", 0.0, "bits for attacks", low=-15, high=0, unit="dB"),
        Parameter("coupling", "choice", True, "couple the channels", choices=(True, False)),
    )

    def options(self, mode, values, knob):
        """The words for these settings; what is at its default is left out."""
        words = ["--quality", f"{knob:.2f}"]
        if values["noisetune"] != 0:
            words += ["--advanced-encode-option", f"impulse_noisetune={values['noisetune']:.4f}"]
        if not values["coupling"]:
            words += ["--advanced-encode-option", "disable_coupling"]
        return words

    def words(self, options, source, target):
        """The arguments in oggenc's order."""
        return [*options, "-o", target, source]

"""E-AC-3 (Dolby Digital Plus) with ffmpeg's own encoder.

Source of ranges and meanings: ``ffmpeg -h encoder=eac3`` (9.0.2); that each acts was proved by
changed payloads. The same parameters as `encoders.ac3`, which tells what is left out and why.

It takes any bitrate from 3 to 6144 kb/s. Below about 30 kb/s the bits run out on single clips
("Bit allocation failed"); the upper end is AC-3's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from encoders.ac3 import Ac3
from tuner.encoder import RateMode


@dataclass(frozen=True)
class Eac3(Ac3):
    """Adapter of ffmpeg's ``eac3``."""

    name: ClassVar[str] = "eac3"
    codec: ClassVar[str] = "eac3"
    suffix: ClassVar[str] = ".eac3"
    rate_modes: ClassVar[tuple[RateMode, ...]] = (
        RateMode("cbr", "bitrate_kbps", low=32, high=640, step=0.1),
    )

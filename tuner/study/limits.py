"""Limits: what settings must keep to besides the bitrate.

- ``max_encode_time``: CPU time of encoding all tune clips, in times of the default's at the
  same bitrate. It is a measured time: a busy machine makes it uncertain by a tenth.
- ``max_peak_dbfs``: highest decoded sample of all tune clips. Decoded floats are not clipped.
- ``max_latency_ms``: algorithmic delay, for adapters that tell it.

What breaks a limit is infeasible and says why. The default is what candidates are compared
with and is exempt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.encoder import Encoder, Settings, default_settings
from tuner.errors import StudyError
from tuner.records import Complete, TrialRecord
from tuner.scorer import Score, Scorer

PEAK = "decoded-peak"
#: Peaks under this are digital silence, dBFS (24-bit full scale).
FLOOR_DBFS = -144.0


@dataclass(frozen=True)
class Limits:
    """The limits of a study; None for none.

    Args:
        encode_time: times of the default's encode time.
        peak_dbfs: dB of full scale.
        latency_ms: milliseconds.
    """

    encode_time: float | None = None
    peak_dbfs: float | None = None
    latency_ms: float | None = None

    def meters(self) -> tuple[Scorer, ...]:
        """What must be measured on decoded clips to judge them."""
        return () if self.peak_dbfs is None else (DecodedPeak(),)

    def too_late(self, latency_ms: float | None) -> str | None:
        """As a sentence that a delay is over its limit; None when it is not, or not known."""
        if _over(latency_ms, self.latency_ms):
            return f"latency {latency_ms:g} ms; the limit is {self.latency_ms:g} ms"
        return None

    def broken(self, record: Complete, default: TrialRecord) -> str | None:
        """Which limit a trial breaks by what was measured, as a sentence; None when none."""
        if _over(record.peak_dbfs, self.peak_dbfs):
            return f"decoded peak {record.peak_dbfs:.2f} dBFS; the limit is {self.peak_dbfs:g} dBFS"
        times = None
        if isinstance(default, Complete) and default.encode_s:
            times = record.encode_s / default.encode_s
        if _over(times, self.encode_time):
            return f"encodes in {times:.2f}x the default's time; the limit is {self.encode_time:g}x"
        return None


NO_LIMITS = Limits()


def _over(value: float | None, limit: float | None) -> bool:
    return value is not None and limit is not None and value > limit


def check_limits(encoder: Encoder, limits: Limits) -> None:
    """Raises `StudyError` if a limit cannot be measured with this encoder."""
    if limits.latency_ms is not None and encoder.latency_ms(default_settings(encoder)) is None:
        raise StudyError(
            f"the latency of {encoder.name} is unknown",
            where="search.max_latency_ms",
            remedy="remove this limit",
        )


def find_latency(encoder: Encoder, settings: Settings, limits: Limits) -> float | None:
    """The delay of settings, milliseconds, where a limit asks for it."""
    return None if limits.latency_ms is None else encoder.latency_ms(settings)


@dataclass(frozen=True)
class DecodedPeak:
    """The highest decoded sample, measured where scores are, and cached like one.

    It is no quality: `Score.mean` is in dBFS here.
    """

    name: str = PEAK
    version: str = "1"

    def score(self, reference: npt.NDArray[np.float32], coded: npt.NDArray[np.float32]) -> Score:
        """The peak of `coded`, dBFS."""
        peak = float(np.max(np.abs(coded), initial=0.0))
        return Score(max(FLOOR_DBFS, 20.0 * math.log10(peak)) if peak > 0 else FLOOR_DBFS)

    def score_channels(
        self, reference: npt.NDArray[np.float32], coded: npt.NDArray[np.float32]
    ) -> Score:
        """The peak of all channels; see `tuner.scorer.HearsChannels`."""
        return self.score(reference, coded)


def peak_of(clips: Sequence[Score]) -> float | None:
    """The highest of several clips' peaks, dBFS; None if none was measured."""
    return max((clip.mean for clip in clips), default=None)

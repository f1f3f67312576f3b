"""The metric seam: a scorer that says what it is, so that a verdict can weigh it.

A metric is a `tuner.scorer.Scorer` with an `About`: to which family it belongs, what it
cannot hear, and whether the shipped quality model learned from it. Its scores are on the
MUSHRA scale, 0 to 100, higher is better, whatever its own range and direction are.
`tuner.testing.MetricContract` is the suite that every metric must pass; `docs/metrics.md`
builds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from tuner.errors import ScoreError
from tuner.scorer import Scorer

Pcm = npt.NDArray[np.float32]

#: How a metric reaches its opinion. Metrics of one family make the same mistakes, so a
#: family has one voice in a verdict.
Family = Literal["similarity", "distance", "masked noise", "opinion", "model"]
FAMILIES: tuple[Family, ...] = get_args(Family)
#: Family -> in words.
FAMILY_WORDS: dict[str, str] = {
    "similarity": "spectrogram similarity",
    "distance": "auditory distance",
    "masked noise": "masked noise",
    "opinion": "listeners' opinions",
    "model": "quality model",
}

Direction = Literal["higher", "lower"]

#: A coded signal this far under its reference, dB RMS, is no coded version of it, …
SILENT_DB = -40.0
#: … unless that is hardly heard itself, dBFS RMS.
HEARD_DBFS = -60.0


@dataclass(frozen=True)
class About:
    """What a metric is.

    Args:
        label: its name for people ("ViSQOL").
        family: see `Family`.
        low, high: ends of its own range.
        unit: of its own range ("MOS").
        better: the better end of its own range.
        cannot_hear: what it is deaf to, each in a few words.
        taught_model: whether the shipped quality model learned from it. Where it did, its
            agreement with the model is no independent evidence.
        learned_from: of a model: names of the metrics that taught it.
        taught: of a model: ranges of the traits of the sounds that it was taught on
            (`tuner.answer.traits`), by name; empty where nobody knows.
    """

    label: str
    family: Family
    low: float
    high: float
    unit: str = ""
    better: Direction = "higher"
    cannot_hear: tuple[str, ...] = ()
    taught_model: bool = False
    learned_from: tuple[str, ...] = ()
    taught: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ValueError(f"family {self.family!r}: must be one of {', '.join(FAMILIES)}")
        if not self.low < self.high:
            raise ValueError(f"range {self.low:g} to {self.high:g}: low must be below high")
        if self.better not in get_args(Direction):
            raise ValueError(f'better {self.better!r}: must be "higher" or "lower"')

    def points(self, value: float) -> float:
        """A value of its own range on the scale of 0 to 100: a straight line, cut at its ends."""
        share = (value - self.low) / (self.high - self.low)
        if self.better == "lower":
            share = 1 - share
        return 100.0 * min(max(share, 0.0), 1.0)


class Metric(Scorer, Protocol):
    """A scorer that says what it is. Must be picklable."""

    @property
    def about(self) -> About:
        """What it is."""


def check_pair(metric: str, reference: Pcm, coded: Pcm) -> None:
    """Refuse what a metric would score without hearing that it is broken.

    Args:
        metric: its name, for messages.
        reference, coded: float32 ``[C, T]`` at 48 kHz.

    Raises:
        ScoreError: other shapes, more than two channels, no samples, NaN or infinity, or a
            coded signal that is silent where the reference is not.
    """
    if reference.shape != coded.shape:
        raise ScoreError(
            f"reference {reference.shape} and coded signal {coded.shape} differ in shape: align"
            " them first (`tuner score` does)",
            where=metric,
        )
    if reference.ndim != 2 or reference.shape[0] not in (1, 2) or reference.shape[1] == 0:
        raise ScoreError(
            f"must have one or two channels of samples (got {reference.shape})", where=metric
        )
    if not (np.isfinite(reference).all() and np.isfinite(coded).all()):
        raise ScoreError("the signals contain NaN or infinity", where=metric)
    loud, level = (float(np.mean(np.square(x), dtype=np.float64)) for x in (reference, coded))
    if loud > 10 ** (HEARD_DBFS / 10) and level < loud * 10 ** (SILENT_DB / 10):
        raise ScoreError("the coded signal is silent where its reference is not", where=metric)

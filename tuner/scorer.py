"""The scorer seam: anything that turns a reference and a coded signal into a score.

The quality model and the judges (ViSQOL v3, Zimtohrli) satisfy the same protocol.
Scores are on the MUSHRA scale: 0 to 100, higher is better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

#: Length of the windows that a scorer may score apart, seconds.
WINDOW_S = 3.0
#: Families of metrics, by what they hear: spectrogram similarity (ViSQOL), auditory distance
#: (Zimtohrli), masked noise (PEAQ, 2f-model).
FAMILIES = ("similarity", "distance", "masked noise")


@dataclass(frozen=True)
class Score:
    """Predicted quality of one coded clip.

    Args:
        mean: 0 to 100, higher is better.
        spread: standard deviation of opinions in the same unit; 0 where a metric has none.
        disagreement: standard deviation of the means that the members of an ensemble give,
            part of the spread; 0 where there is one member.
        windows: means of consecutive windows of `WINDOW_S` seconds, the last of which ends
            with the clip; empty where a metric has none.
        members: means that the members of an ensemble give, in its order; empty where a metric
            has none.
        families: what each of `FAMILIES` would say, 0 to 100; empty where a metric speaks for
            itself alone.
        pair: of a signal of more than two channels, the stereo pair that was scored, the lowest
            of all ("front", "surround", "back"); else empty.
    """

    mean: float
    spread: float = 0.0
    disagreement: float = 0.0
    windows: tuple[float, ...] = ()
    members: tuple[float, ...] = ()
    families: tuple[float, ...] = ()
    pair: str = ""


class Scorer(Protocol):
    """Scores coded signals against references. Must be picklable."""

    @property
    def name(self) -> str:
        """Short name ("insenet", "visqol", "zimtohrli")."""

    @property
    def version(self) -> str:
        """Changes whenever a score could change; part of every score's cache key."""

    def score(self, reference: npt.NDArray[np.float32], coded: npt.NDArray[np.float32]) -> Score:
        """Score one clip.

        Args:
            reference, coded: float32 ``[C, T]`` at 48 kHz, C = 1 or 2, aligned, of equal shape.

        Raises:
            ScoreError: if no finite score can be computed.
        """


@runtime_checkable
class HearsChannels(Protocol):
    """What a `Scorer` has besides that hears signals as they are.

    Others get them without a constant, and of more than two channels the stereo pairs, of which
    the lowest counts (`tuner.sound.surround`).
    """

    def score_channels(
        self, reference: npt.NDArray[np.float32], coded: npt.NDArray[np.float32]
    ) -> Score:
        """As `Scorer.score`, of 1 to 8 channels in the order of `tuner.layout`."""


@runtime_checkable
class ScoresBatches(Protocol):
    """What a `Scorer` has besides when it scores many clips faster together, on a GPU above all."""

    def on_gpu(self) -> Scorer:
        """This scorer on the GPU that this process sees; as it is where there is none.

        Its scores must agree to 1e-4: a cache holds those of both.
        """

    def score_batch(
        self,
        pairs: Sequence[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]],
    ) -> list[Score]:
        """Score (reference, coded) pairs, each as `Scorer.score` does.

        Raises:
            ScoreError: if one of them has no finite score.
        """

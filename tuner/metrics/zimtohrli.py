"""Zimtohrli of mid and side: a psychoacoustic distance of auditory spectrograms.

Source: J. Alakuijala et al., Zimtohrli, Google, 2024.
"""

from __future__ import annotations

from dataclasses import dataclass

from tuner.metric import About, Pcm, check_pair
from tuner.metrics.scales import ZimtohrliScorer
from tuner.metrics.teachers import TAUGHT_THE_MODEL
from tuner.scorer import Score

ABOUT = About(
    label="Zimtohrli",
    family="distance",
    low=1.0,
    high=5.0,
    unit="MOS",
    cannot_hear=("level and polarity", "fine differences of bandwidth above 14 kHz"),
    taught_model="zimtohrli" in TAUGHT_THE_MODEL,
)


@dataclass(frozen=True)
class ZimtohrliMetric(ZimtohrliScorer):
    """Zimtohrli as a metric."""

    @property
    def about(self) -> About:
        """See `tuner.metric.Metric.about`."""
        return ABOUT

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        """See `tuner.scorer.Scorer.score`."""
        check_pair(self.name, reference, coded)
        return super().score(reference, coded)

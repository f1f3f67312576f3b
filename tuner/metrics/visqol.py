"""ViSQOL v3 (audio mode) of mid and side: similarity of gammatone spectrograms.

Source: M. Chinen et al., ViSQOL v3, QoMEX 2020. The signals are aligned already
(`tuner.metrics.visqol_aligned`).
"""

from __future__ import annotations

from dataclasses import dataclass

from tuner.metric import About, Pcm, check_pair
from tuner.metrics.scales import VISQOL_SCALE, VisqolScorer, opinion
from tuner.metrics.teachers import TAUGHT_THE_MODEL
from tuner.metrics.visqol_aligned import mono_mos
from tuner.scorer import Score

ABOUT = About(
    label="ViSQOL",
    family="similarity",
    low=1.0,
    high=VISQOL_SCALE.identity,
    unit="MOS",
    cannot_hear=(
        "pre-echo shorter than its windows of 80 ms",
        "noise in bands that stay full",
        "level and polarity",
    ),
    taught_model="visqol" in TAUGHT_THE_MODEL,
)


@dataclass(frozen=True)
class VisqolMetric(VisqolScorer):
    """ViSQOL v3 as a metric."""

    @property
    def version(self) -> str:
        """That of the label's scorer, and that its alignment is left out."""
        return f"{super().version}/aligned"

    @property
    def about(self) -> About:
        """See `tuner.metric.Metric.about`."""
        return ABOUT

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        """See `tuner.scorer.Scorer.score`."""
        check_pair(self.name, reference, coded)
        return Score(opinion(mono_mos, VISQOL_SCALE, reference, coded))

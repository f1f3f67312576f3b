"""The 2f-model: two of PEAQ's variables on the MUSHRA scale.

Source: T. Kastner and J. Herre, "An efficient model for estimating subjective quality of
separated audio source signals", WASPAA 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

from tuner.metric import About, Pcm, check_pair
from tuner.metrics.peaq import CANNOT_HEAR, VERSION, variables
from tuner.metrics.teachers import TAUGHT_THE_MODEL
from tuner.scorer import Score

ABOUT = About(
    label="2f-model",
    family="masked noise",
    low=0.0,
    high=100.0,
    unit="MUSHRA",
    cannot_hear=CANNOT_HEAR,
    taught_model="2f" in TAUGHT_THE_MODEL,
)


@dataclass(frozen=True)
class TwoFMetric:
    """The 2f-model's MUSHRA points."""

    @property
    def name(self) -> str:
        """The metric's name in results."""
        return "2f"

    @property
    def version(self) -> str:
        """Changes whenever a score could change."""
        return f"2f 2019, basic {VERSION}"

    @property
    def about(self) -> About:
        """See `tuner.metric.Metric.about`."""
        return ABOUT

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        """See `tuner.scorer.Scorer.score`."""
        from tuner.metrics.peaq_basic import two_f

        check_pair(self.name, reference, coded)
        return Score(float(two_f(variables(reference, coded))[0]))

"""The quality model as a metric: what the search climbs unless the study names another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tuner.metric import About, Pcm, check_pair
from tuner.model.scorer import InseNetScorer, load_model, weights_facts
from tuner.scorer import Score

ABOUT = About(
    label="InSE-NET",
    family="model",
    low=0.0,
    high=100.0,
    unit="MUSHRA",
    cannot_hear=("what none of its training metrics hears", "level and polarity"),
)


@dataclass(frozen=True)
class InsenetMetric(InseNetScorer):
    """The quality model, which refuses broken signals."""

    @property
    def about(self) -> About:
        """See `tuner.metric.Metric.about`."""
        facts = weights_facts(self.weights)
        return replace(ABOUT, learned_from=facts.learned_from, taught=facts.taught)

    def score_batch(self, pairs: Sequence[tuple[Pcm, Pcm]]) -> list[Score]:
        """See `tuner.scorer.ScoresBatches.score_batch`."""
        for reference, coded in pairs:
            check_pair(self.name, reference, coded)
        return super().score_batch(pairs)


def load(weights: str | None = None, device: str = "cpu") -> InsenetMetric:
    """The model with the shipped weights, or with others, which are checked first.

    Raises:
        WeightsError: naming the file, if it is missing, damaged or of another network.
    """
    return InsenetMetric(**vars(load_model(weights, device)))

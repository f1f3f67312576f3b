"""Scores by the model and four metrics, kept on disk by the content of both signals.

So another model needs only its own scores, and no changed maker of signals meets stale ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from bench.truth.references import Reference
from bench.truth.table import Values
from tuner.errors import ScoreError
from tuner.jobs.cache import Cache, score_key
from tuner.metrics.peaq import PeaqMetric
from tuner.metrics.scales import VisqolScorer, ZimtohrliScorer
from tuner.metrics.two_f import TwoFMetric
from tuner.scorer import Score, Scorer
from tuner.sound.audio import Pcm, sample_digest


class Listening:
    """Listens for the parts of the bench.

    Args:
        work: folder of the kept scores.
        data: folder of what people said (`human`).
        model: the scorer that is put to the test.
    """

    def __init__(self, work: Path, data: Path, model: Scorer) -> None:
        self.data = data
        self.scorers: tuple[Scorer, ...] = (
            model,
            VisqolScorer(),
            ZimtohrliScorer(),
            TwoFMetric(),
            PeaqMetric(),
        )
        self._cache = Cache(work / "scores")

    def scores(self, reference: Reference, coded: Pcm) -> Values:
        """Points by each of `bench.truth.table.COLUMNS`; NaN where one gives none.

        A comparison with NaN is never true, so what cannot be scored counts as wrong.
        """
        return np.array([score.mean for score in self.listen(reference, coded)])

    def listen(self, reference: Reference, coded: Pcm) -> list[Score]:
        """What each says; a score of NaN where one gives none."""
        pair = f"{reference.digest} {sample_digest(coded)}"
        return [self._score(scorer, pair, reference, coded) for scorer in self.scorers]

    def _score(self, scorer: Scorer, pair: str, reference: Reference, coded: Pcm) -> Score:
        key = score_key(pair, scorer.name, scorer.version)
        score = self._cache.get_score(key)
        if score is None:
            try:
                score = scorer.score(reference.pcm, coded)
            except ScoreError as error:
                print(f"{reference.name}: {error}", file=sys.stderr)
                return Score(float("nan"))
            self._cache.put_score(key, score)
        return score

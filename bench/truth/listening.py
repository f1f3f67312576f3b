"""Scores by the model and both teachers, kept on disk by the content of both signals.

So another model needs only its own scores, and no changed maker of signals meets stale ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from bench.truth.references import Reference
from bench.truth.table import Values
from tuner.audio import Pcm, sample_digest
from tuner.cache import Cache, score_key
from tuner.errors import ScoreError
from tuner.quality.teachers import VisqolScorer, ZimtohrliScorer
from tuner.scorer import Scorer


class Listening:
    """Listens for the parts of the bench.

    Args:
        work: folder of the kept scores.
        model: the scorer that is put to the test.
    """

    def __init__(self, work: Path, model: Scorer) -> None:
        self.scorers: tuple[Scorer, ...] = (model, VisqolScorer(), ZimtohrliScorer())
        self._cache = Cache(work / "scores")

    def scores(self, reference: Reference, coded: Pcm) -> Values:
        """Points by each of `bench.truth.table.COLUMNS`; NaN where one gives none.

        A comparison with NaN is never true, so what cannot be scored counts as wrong.
        """
        pair = f"{reference.digest} {sample_digest(coded)}"
        return np.array([self._score(scorer, pair, reference, coded) for scorer in self.scorers])

    def _score(self, scorer: Scorer, pair: str, reference: Reference, coded: Pcm) -> float:
        key = score_key(pair, scorer.name, scorer.version)
        score = self._cache.get_score(key)
        if score is None:
            try:
                score = scorer.score(reference.pcm, coded)
            except ScoreError as error:
                print(f"{reference.name}: {error}", file=sys.stderr)
                return float("nan")
            self._cache.put_score(key, score)
        return score.mean

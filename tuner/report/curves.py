"""Rate-quality curves of a run: mean held-out scores over measured bitrate, clip by clip.

Bitrates are measured over the whole clip set and count as known; what another draw of
clips would change is the scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.bootstrap import bootstrap_mean
from tuner.results import BitrateResult, Estimate, Results

Floats = npt.NDArray[np.float64]

#: Resamples of a band; it is drawn, not printed.
BAND_RESAMPLES = 2_000


@dataclass(frozen=True)
class Curve:
    """One metric over bitrate.

    Args:
        name: whose curve it is, for sentences ("tuned aac").
        targets: ``[P]`` target of each point, kb/s.
        rates: ``[P]`` measured bitrates, kb/s, rising.
        clips: digests of the N clips that have every point, sorted.
        scores: ``[N, P]``, MUSHRA scale.
        recommended: ``[P]`` whether a run advises these settings.
    """

    name: str
    targets: list[float]
    rates: Floats
    clips: list[str]
    scores: Floats
    recommended: list[bool]

    def among(self, clips: list[str]) -> Floats:
        """``[len(clips), P]``: the scores of these clips only."""
        place = {clip: index for index, clip in enumerate(self.clips)}
        return self.scores[[place[clip] for clip in clips]]

    def bands(self, seed: int) -> list[Estimate]:
        """Mean of each point with its 95 % interval over clips; one clip has no width."""
        if len(self.clips) == 1:
            return [Estimate(mean, mean, mean) for mean in self.scores[0].tolist()]
        return [bootstrap_mean(column, seed, BAND_RESAMPLES) for column in self.scores.T]


def default_curve(results: Results, metric: str, encoder: str) -> Curve | None:
    """The encoder's defaults; None if no held-out score of `metric` is stored."""
    return _curve(results, metric, f"default {encoder}", lambda bitrate: 0)


def tuned_curve(results: Results, metric: str, encoder: str) -> Curve | None:
    """The tuned settings of each bitrate, advised or not; the default where there are none.

    Which settings these are was chosen on the tune clips, so the held-out scores are fair.
    """
    return _curve(results, metric, f"tuned {encoder}", lambda bitrate: bitrate.tuned)


def _curve(
    results: Results, metric: str, name: str, chosen: Callable[[BitrateResult], int]
) -> Curve | None:
    points = []
    for bitrate in results.bitrates:
        if not bitrate.candidates:
            continue
        index = chosen(bitrate)
        side = bitrate.candidates[index].sides.get("holdout")
        if side is not None and side.scores.get(metric):
            advised = index == bitrate.winner and bitrate.problem is None
            points.append((side.bitrate_kbps, bitrate.target_kbps, side.scores[metric], advised))
    points.sort(key=lambda point: point[0])
    # Of targets so close that the measured bitrates are the same, one is a point.
    points = [p for n, p in enumerate(points) if n == 0 or p[0] > points[n - 1][0]]
    clips = sorted(set.intersection(*(set(scores) for _, _, scores, _ in points)) if points else [])
    if not clips:
        return None
    return Curve(
        name=name,
        targets=[target for _, target, _, _ in points],
        rates=np.array([rate for rate, _, _, _ in points]),
        clips=clips,
        scores=np.array([[scores[clip] for _, _, scores, _ in points] for clip in clips]),
        recommended=[advised for _, _, _, advised in points],
    )


def shared_clips(*curves: Curve) -> list[str]:
    """Digests of the clips that all curves have, sorted."""
    return sorted(set.intersection(*(set(curve.clips) for curve in curves)))

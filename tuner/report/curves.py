"""Rate-quality curves of a run: mean held-out scores over measured bitrate, clip by clip.

The bitrate is that of the whole clip set, over which single clips float. Another draw of clips
would change both: so each clip's bitrate is resampled together with its score.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.bootstrap import bootstrap_mean
from tuner.records import Answer, Estimate, Results, SideResult

Floats = npt.NDArray[np.float64]

#: Resamples of a band; it is drawn, not printed.
BAND_RESAMPLES = 2_000


@dataclass(frozen=True)
class Curve:
    """One metric over bitrate.

    Args:
        name: whose curve it is, for sentences ("recommended aac").
        targets: ``[P]`` target of each point, kb/s.
        rates: ``[P]`` measured bitrates, kb/s, rising.
        clips: digests of the N clips that have every point, sorted.
        scores: ``[N, P]``, MUSHRA scale.
        recommended: ``[P]`` whether a run advises these settings.
        excess: ``[N, P]`` bitrate of a clip over that of the set, minus 1, times its length over
            the mean length: the mean over a draw of clips is that of the draw's bitrate. Zeros
            where a run did not store it: bitrates then count as known.
    """

    name: str
    targets: list[float]
    rates: Floats
    clips: list[str]
    scores: Floats
    recommended: list[bool]
    excess: Floats

    def rows(self, clips: list[str]) -> Floats:
        """``[len(clips), 2 P]``: what is resampled together, `scores` beside `excess`."""
        place = {clip: index for index, clip in enumerate(self.clips)}
        chosen = [place[clip] for clip in clips]
        return np.hstack([self.scores[chosen], self.excess[chosen]])

    def points(self, means: Floats) -> tuple[Floats, Floats]:
        """Bitrates and scores, both ``[P]``, of a draw of clips from the means of its `rows`."""
        scores, excess = np.split(means, 2)
        return self.rates * (1 + excess), scores

    def bands(self, seed: int) -> list[Estimate]:
        """Mean of each point with its 95 % interval over clips; one clip has no width.

        The interval is of the score at the point's bitrate: what a clip spends more than the
        set counts against it by the slope of the curve.
        """
        if len(self.clips) == 1:
            return [Estimate(mean, mean, mean) for mean in self.scores[0].tolist()]
        earned = self.scores - self.excess * self._slopes()
        return [bootstrap_mean(column, seed, BAND_RESAMPLES) for column in earned.T]

    def _slopes(self) -> Floats:
        """``[P]`` points for a bitrate e times as high; 0 where there is one point only."""
        from scipy.interpolate import PchipInterpolator

        if len(self.rates) < 2:
            return np.zeros(1)
        log_rates = np.log(self.rates)
        return np.asarray(PchipInterpolator(log_rates, self.scores.mean(axis=0))(log_rates, 1))


#: A side, its target, and whether a run advises these settings there.
_Point = tuple[SideResult, float, bool]


def default_curve(results: Results, metric: str, encoder: str) -> Curve | None:
    """The encoder's defaults at the targets and around them.

    None if no held-out score of `metric` is stored.
    """
    points = list(_points(results, lambda bitrate: 0))
    points += [(point.side, point.target_kbps, True) for point in results.default_points]
    return _curve(results, metric, f"default {encoder}", points)


def recommended_curve(results: Results, metric: str, encoder: str) -> Curve | None:
    """What the run recommends at each target: the default where nothing better was confirmed."""
    points = list(_points(results, lambda bitrate: bitrate.winner))
    return _curve(results, metric, f"recommended {encoder}", points)


def found_curve(results: Results, metric: str, encoder: str) -> Curve | None:
    """The best settings found where they are not recommended.

    Which settings these are was chosen on the tuning clips, so the held-out scores are fair.
    """
    points = [point for point in _points(results, lambda bitrate: bitrate.tuned) if not point[2]]
    return _curve(results, metric, f"best found {encoder}", points)


def _points(results: Results, chosen: Callable[[Answer], int]) -> Iterator[_Point]:
    """One candidate of each bitrate, where it was scored on the held-out side."""
    for bitrate in results.bitrates:
        index = chosen(bitrate)
        side = bitrate.candidates[index].sides.get("holdout")
        if side is not None:
            yield side, bitrate.target_kbps, index == bitrate.winner


def _curve(results: Results, metric: str, name: str, stored: Sequence[_Point]) -> Curve | None:
    points = [point for point in stored if point[0].scores.get(metric)]
    points.sort(key=lambda point: point[0].bitrate_kbps)
    # Of targets so close that the measured bitrates are the same, one is a point.
    rates = [side.bitrate_kbps for side, _, _ in points]
    points = [p for n, p in enumerate(points) if n == 0 or rates[n] > rates[n - 1]]
    sides = [side for side, _, _ in points]
    clips = sorted(set.intersection(*(set(side.scores[metric]) for side in sides)) if sides else [])
    if not clips:
        return None
    return Curve(
        name=name,
        targets=[target for _, target, _ in points],
        rates=np.array([side.bitrate_kbps for side in sides]),
        clips=clips,
        scores=np.array([[side.scores[metric][clip] for side in sides] for clip in clips]),
        recommended=[advised for _, _, advised in points],
        excess=_excess(results, sides, clips),
    )


def _excess(results: Results, sides: Sequence[SideResult], clips: Sequence[str]) -> Floats:
    """See `Curve`."""
    lengths = {clip.digest: clip.duration_s for clip in results.clips}
    seconds = np.array([lengths[clip] for clip in clips])
    spent = [[side.clip_kbps.get(clip, side.bitrate_kbps) for side in sides] for clip in clips]
    over = np.array(spent) / [side.bitrate_kbps for side in sides] - 1
    return np.asarray(over * (seconds / seconds.mean())[:, None])


def shared_clips(*curves: Curve) -> list[str]:
    """Digests of the clips that all curves have, sorted."""
    return sorted(set.intersection(*(set(curve.clips) for curve in curves)))

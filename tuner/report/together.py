"""Intervals that hold for all finalists at all bitrates at once.

The reported gain is of the settings that the tuning clips chose, so its interval needs no
correction. Who picks another finalist because it does best on the held-out clips, or the best
of several bitrates, has had several chances: for them these intervals are wider.
"""

from __future__ import annotations

import numpy as np

from tuner.bootstrap import paired_bootstrap, simultaneous_intervals
from tuner.records import Estimate, Results

#: Bitrate and index of a finalist.
Place = tuple[float, int]
#: Resamples of an interval that is printed with one decimal.
RESAMPLES = 2_000


def find_together(results: Results) -> dict[Place, Estimate]:
    """Held-out gains of all finalists by what the search climbed, valid together in 95 %.

    Empty with fewer than two finalists or clips.
    """
    stored = {place: gains for place, gains in _gains(results).items() if gains}
    if len(stored) < 2:
        return {}
    clips = sorted(set.intersection(*(set(gains) for gains in stored.values())))
    if len(clips) < 2:
        return {}
    seed = results.provenance.seed
    columns = np.array([[gains[clip] for gains in stored.values()] for clip in clips])
    together = simultaneous_intervals(columns, seed, RESAMPLES)
    wide = {}
    for place, column, each in zip(stored, columns.T, together, strict=True):
        alone = paired_bootstrap(column.tolist(), seed, RESAMPLES)
        wide[place] = _widened(_stored(results, place), each, alone)
    return wide


def _widened(stored: Estimate, together: Estimate, alone: Estimate) -> Estimate:
    """The stored interval, wider by as much as that of all together is than that of one alone."""
    below, above = (
        max((getattr(together, end) - together.value) / span, 1.0) if span else 1.0
        for end, span in (("low", alone.low - alone.value), ("high", alone.high - alone.value))
    )
    return Estimate(
        stored.value,
        stored.value + below * (stored.low - stored.value),
        stored.value + above * (stored.high - stored.value),
    )


def _gains(results: Results) -> dict[Place, dict[str, float]]:
    """Gain of each held-out clip, of every finalist but the default."""
    found = {}
    for bitrate in results.bitrates:
        for index, candidate in enumerate(bitrate.candidates):
            own, base = (c.sides.get("holdout") for c in (candidate, bitrate.candidates[0]))
            if index and own is not None and base is not None:
                mine, theirs = own.scores.get(own.climbed, {}), base.scores.get(own.climbed, {})
                place = (bitrate.target_kbps, index)
                found[place] = {c: mine[c] - theirs[c] for c in mine.keys() & theirs.keys()}
    return found


def _stored(results: Results, place: Place) -> Estimate:
    target, index = place
    bitrate = next(b for b in results.bitrates if b.target_kbps == target)
    side = bitrate.candidates[index].sides["holdout"]
    return side.gains[side.climbed]

"""From which bitrate on the model cannot tell an encoder's default from the reference.

Read from what a run stored: the default at its targets and around them, on the held-out clips.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from tuner.crossing import find_crossing
from tuner.records import Results, SideResult
from tuner.rungs import Transparent
from tuner.scorer import Score
from tuner.study.goal import transparency


def find_transparent(results: Results, run: Path, share: float) -> Transparent:
    """The transparency bitrate of a run's default, as far as its curve reaches.

    Args:
        results: what the run stored.
        run: its directory, for command lines.
        share: of the held-out clips that must be transparent, 0 to 1.
    """
    goal = transparency(share)
    sides = [b.default.sides.get("holdout") for b in results.bitrates]
    points: list[SideResult] = [side for side in sides if side is not None]
    points += [point.side for point in results.default_points]
    name = results.provenance.encoder
    if not points:
        return Transparent(name, str(run), share, None, f"{name}: nothing was measured", [])
    points.sort(key=lambda side: side.bitrate_kbps)
    values = [goal.values(_scores(side, results.climbed), "mean") for side in points]
    reached = [goal.reached(each) for each in values]
    clear = [sum(v >= goal.quality for v in each) / len(each) for each in values]
    kbps = np.array([side.bitrate_kbps for side in points])
    where = f"{name}: {100 * share:g} % of {len(values[0])} held-out clips"
    if reached[-1] < goal.quality:
        told = (
            f"{where} are not transparent up to {kbps[-1]:.1f} kb/s ({100 * clear[-1]:.0f} % are)"
        )
        return Transparent(name, str(run), share, None, told, [])
    if reached[0] >= goal.quality:
        told = f"{where} are transparent even at {kbps[0]:.1f} kb/s, the lowest measured"
        return Transparent(name, str(run), share, None, told, [])
    found = find_crossing(kbps, np.array(reached), goal.quality)
    targets = [b.target_kbps for b in results.bitrates]
    nearest = min(targets, key=lambda target: abs(math.log(target / found)))
    test = ["tuner", "listen", "make", str(run), "--abx", "--conditions", "default"]
    command = [*test, "--bitrate", f"{nearest:g}"]
    told = f"{where} are transparent from {found:.1f} kb/s"
    return Transparent(name, str(run), share, found, told, command)


def _scores(side: SideResult, metric: str) -> list[Score]:
    return [Score(m, side.spreads.get(d, 0.0)) for d, m in side.scores[metric].items()]

"""What bits are worth, and gains that count them.

A run matches the bitrate of its own clips. Where settings share the bits out between the clips
otherwise than the default does, as VBR does, other clips would spend other bits, so a paired
interval that takes the bitrate as known is too narrow. The default's measured curve tells what a
bit is worth: each clip's gain is reduced by the worth of what it spends beyond its share, which
leaves the mean gain as it is (the shares cancel out over the set) and gives it the right scatter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np
import numpy.typing as npt

from tuner.answer.listened import evidence_of
from tuner.answer.verdict import decide
from tuner.bootstrap import paired_bootstrap
from tuner.records import Answer, Candidate, Estimate, Results, SideResult
from tuner.study.objective import gain_of

Floats = npt.NDArray[np.float64]


def slope_at(rates: Floats, scores: Floats, kbps: float) -> float:
    """Points that a bitrate e times as high would be worth at `kbps`; 0 where that is not known.

    Args:
        rates: ``[P]`` measured kb/s, rising.
        scores: ``[P]`` mean scores there.
        kbps: where; outside the curve at its end. A falling curve says that bits are worth nothing.
    """
    from scipy.interpolate import PchipInterpolator

    if len(rates) < 2:
        return 0.0
    at = float(np.log(np.clip(kbps, rates[0], rates[-1])))
    return max(float(PchipInterpolator(np.log(rates), scores)(at, 1)), 0.0)


def earned(gains: Floats, excess: tuple[Floats, Floats], slope: float) -> Floats:
    """Gains of the clips, less what they owe to more than their share of the bits.

    Args:
        gains: ``[N]`` tuned minus default.
        excess: by the default and the tuned settings, ``[N]`` each: a clip's bitrate over the
            set's, minus 1, times its length over the mean length. Both have a mean of 0.
        slope: of `slope_at`.
    """
    default, tuned = excess
    return gains - slope * (tuned - default)


def with_worth(results: Results) -> Results:
    """The results, with held-out gains and verdicts that count what bits are worth.

    Unchanged where the default's curve has one point, or bitrates of clips are not stored.
    """
    bitrates = [_renewed(results, bitrate) for bitrate in results.bitrates]
    return replace(results, bitrates=bitrates)


def _renewed(results: Results, bitrate: Answer) -> Answer:
    default = bitrate.default.sides.get("holdout")
    points = _default_points(results)
    if default is None or len(points) < 2 or not default.clip_kbps or not bitrate.tuned:
        return bitrate
    candidates = [
        candidate if index == 0 else _weighed(results, candidate, default, points)
        for index, candidate in enumerate(bitrate.candidates)
    ]
    renewed = replace(bitrate, candidates=candidates)
    evidence = replace(evidence_of(results, renewed), heard=bitrate.listening)
    verdict = decide(evidence)
    winner = renewed.tuned if verdict.kind == "confirmed" else 0
    return replace(renewed, verdict=verdict, winner=winner)


def _weighed(
    results: Results, candidate: Candidate, default: SideResult, points: Sequence[SideResult]
) -> Candidate:
    side = candidate.sides.get("holdout")
    if side is None or not side.clip_kbps:
        return candidate
    clips = sorted(side.scores[side.climbed])
    excess = _excess(results, default, clips), _excess(results, side, clips)
    families: dict[str, list[str]] = {}
    for metric in results.metrics[1:]:
        families.setdefault(metric.family, []).append(metric.name)

    def by_objective() -> Estimate | None:
        if not side.objective or not default.objective:
            return side.objective_gain
        slope = _slope_of({p.bitrate_kbps: p.objective for p in points}, default)
        before, after = (np.array([s.objective[clip] for clip in clips]) for s in (default, side))
        seed = results.provenance.seed
        return gain_of(before, earned(after, excess, slope), results.objective, seed)

    def estimate(names: Sequence[str]) -> Estimate:
        gains = np.mean(
            [[side.scores[n][c] - default.scores[n][c] for c in clips] for n in names], axis=0
        )
        slope = fmean(
            _slope_of({p.bitrate_kbps: p.scores.get(name, {}) for p in points}, default)
            for name in names
        )
        worth = earned(gains, excess, slope)
        return paired_bootstrap(worth.tolist(), results.provenance.seed)

    weighed = replace(
        side,
        gains={name: estimate([name]) for name in side.scores},
        families={family: estimate(names) for family, names in families.items()},
        objective_gain=by_objective(),
    )
    return replace(candidate, sides={**candidate.sides, "holdout": weighed})


def _default_points(results: Results) -> list[SideResult]:
    """The default on the held-out clips, at the targets and around them, rising."""
    sides = [
        bitrate.default.sides["holdout"]
        for bitrate in results.bitrates
        if "holdout" in bitrate.default.sides
    ]
    sides += [point.side for point in results.default_points]
    by_rate = {side.bitrate_kbps: side for side in sides}
    return [by_rate[rate] for rate in sorted(by_rate)]


def _slope_of(points: Mapping[float, Mapping[str, float]], default: SideResult) -> float:
    """Of the default's curve where it was searched; `points` are kb/s -> clip -> points."""
    known = {rate: of_clips for rate, of_clips in points.items() if of_clips}
    scores = np.array([fmean(of_clips.values()) for of_clips in known.values()])
    return slope_at(np.array([*known]), scores, default.bitrate_kbps)


def _excess(results: Results, side: SideResult, clips: Sequence[str]) -> Floats:
    lengths: Mapping[str, float] = {clip.digest: clip.duration_s for clip in results.clips}
    seconds = np.array([lengths[clip] for clip in clips])
    over = np.array([side.clip_kbps[clip] for clip in clips]) / side.bitrate_kbps - 1
    return np.asarray(over * seconds / seconds.mean())

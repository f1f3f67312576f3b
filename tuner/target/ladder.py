"""Builds a ladder of bitrates from finished runs: few rungs, each worth its bits.

The runs' curves on the held-out clips tell which encoder and settings give a quality for the
fewest bits: the upper hull of quality over the logarithm of bitrate. Rungs are equal steps of
quality on it. Where a rung lies between two corners of the hull, both corners' settings are
matched to its quality on the tuning clips, and the cheaper one is taken; the rung is then measured
on the held-out clips.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from tuner.answer.validation import TARGET
from tuner.bootstrap import Floats, bootstrap_mean, paired_bootstrap
from tuner.encoder import SOURCE, Encoder, Settings
from tuner.errors import RunError
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef
from tuner.jobs.passes import Passes, spent_kbps
from tuner.records import Estimate, Results, Side, SideResult
from tuner.rungs import Ladder, Rung, noticeable_step
from tuner.scorer import Scorer
from tuner.search.evaluate import TRIAL_ERRORS
from tuner.study.goal import Goal
from tuner.target.needed import find_needed

#: Curves hold the mean opinion, and so do rungs.
OBJECTIVE = "mean"
#: How much larger than noticeable steps are planned: they are measured on other clips.
MARGIN = 1.1


@dataclass(frozen=True)
class Corner:
    """A measured point of a run's curve.

    Args:
        run: index of the run.
        whose: "default", or the trial.
        settings, knob: what it was encoded with on the held-out clips.
        kbps, quality, spread: means over the held-out clips.
    """

    run: int
    whose: str
    settings: Settings
    knob: float
    kbps: float
    quality: float
    spread: float


@dataclass(frozen=True)
class Wanted:
    """What a ladder is asked to be.

    Args:
        rungs: how many at most.
        low, high: range of quality, points; None: what the runs reach.
        low_kbps, high_kbps: range of bitrate; None likewise.
    """

    rungs: int
    low: float | None = None
    high: float | None = None
    low_kbps: float | None = None
    high_kbps: float | None = None


@dataclass(frozen=True)
class Source:
    """A run to build from: its results, its encoder, its clips."""

    folder: Path
    results: Results
    encoder: Encoder
    clips: dict[Side, list[ClipRef]]
    suffix: str


def find_corners(results: Results, run: int) -> list[Corner]:
    """All points of a run that it can advise: the defaults, and what it recommends."""
    found: list[Corner] = []
    default: Settings | None = None
    for bitrate in results.bitrates:
        for index in {0, bitrate.winner}:
            candidate = bitrate.candidates[index]
            settings = candidate.settings
            whose = f"trial {candidate.trial} at {bitrate.target_kbps:g} kb/s"
            if index == 0:
                default, whose = settings, "default"
            if side := candidate.sides.get("holdout"):
                found.append(_corner(run, whose, settings, side, results.climbed))
    for point in results.default_points if default is not None else ():
        assert default is not None
        found.append(_corner(run, "default", default, point.side, results.climbed))
    return found


def _corner(run: int, whose: str, settings: Settings, side: SideResult, metric: str) -> Corner:
    quality = float(np.mean(list(side.scores[metric].values())))
    spread = float(np.mean(list(side.spreads.values() or [0.0])))
    return Corner(run, whose, settings, side.knob, side.bitrate_kbps, quality, spread)


def find_hull(corners: Sequence[Corner]) -> list[Corner]:
    """The upper hull over the logarithm of bitrate, rising in both."""
    hull: list[Corner] = []
    for point in sorted(corners, key=lambda corner: (corner.kbps, -corner.quality)):
        if hull and point.quality <= hull[-1].quality:
            continue
        while len(hull) > 1 and not _turns_right(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return hull


def _turns_right(a: Corner, b: Corner, c: Corner) -> bool:
    one, other = math.log(b.kbps / a.kbps), math.log(c.kbps / a.kbps)
    return one * (c.quality - a.quality) < (b.quality - a.quality) * other


def choose_qualities(hull: Sequence[Corner], wanted: Wanted) -> tuple[list[float], list[str]]:
    """Equal steps of quality, none too small to be noticed.

    Returns:
        The qualities, rising, and what is to be said of them.

    Raises:
        RunError: the runs have no such range.
    """
    kbps, quality = [c.kbps for c in hull], [c.quality for c in hull]

    def at(rate: float) -> float:
        return float(np.interp(math.log(rate), np.log(kbps), quality))

    low = max([quality[0], *_given(wanted.low), *map(at, _given(wanted.low_kbps))])
    high = min([quality[-1], *_given(wanted.high), *map(at, _given(wanted.high_kbps))])
    if high <= low:
        raise RunError(
            f"no ladder from quality {low:.1f} to {high:.1f}: the runs cover {quality[0]:.1f} (at"
            f" {kbps[0]:.1f} kb/s) to {quality[-1]:.1f} (at {kbps[-1]:.1f} kb/s)"
        )
    spreads = [c.spread for c in hull]
    for count in range(wanted.rungs, 1, -1):
        steps = [float(x) for x in np.linspace(low, high, count)]
        spread = np.interp(steps, quality, spreads)
        needed = max(noticeable_step(*pair) for pair in pairwise(spread.tolist()))
        if steps[1] - steps[0] >= MARGIN * needed:
            break
    else:
        raise RunError(
            f"quality {low:.1f} and {high:.1f} are too close for two noticeably different rungs"
        )
    notes = [
        f"Steps are {steps[1] - steps[0]:.1f} points. The largest just noticeable step is"
        f" {needed:.1f} points: by the model's spread of opinion, the better rung is rated higher"
        " in three of four comparisons."
    ]
    if count < wanted.rungs:
        notes.append(f"{wanted.rungs} rungs were requested; only {count} have noticeable steps.")
    return steps, notes


def _given(value: float | None) -> list[float]:
    return [] if value is None else [value]


def build_ladder(
    sources: Sequence[Source],
    wanted: Wanted,
    scorer: Scorer,
    executor: Executor,
    seed: int,
    progress: Callable[[int, int, str], None],
) -> Ladder:
    """Choose the rungs and measure them.

    Args:
        sources: runs over the same clips, by the same model.
        wanted: what is asked for.
        scorer: the model.
        executor: where jobs run.
        seed: of the intervals.
        progress: told (rungs done, rungs, what).

    Raises:
        RunError: no ladder in that range.
    """
    corners = [c for n, source in enumerate(sources) for c in find_corners(source.results, n)]
    hull = find_hull(corners)
    if len(hull) < 2:
        raise RunError("a ladder needs runs whose quality rises over at least two bitrates")
    qualities, notes = choose_qualities(hull, wanted)
    maker = _Maker(sources, scorer, executor, seed)
    measured: list[_Measured] = []
    for number, quality in enumerate(qualities):
        progress(number, len(qualities), f"quality {quality:.1f}")
        found = maker.make(hull, quality)
        if isinstance(found, str):
            notes.append(f"No rung at quality {quality:.1f}: {found}.")
        else:
            measured.append(found)
    progress(len(qualities), len(qualities), "")
    clips = len(sources[0].clips["holdout"])
    return Ladder(_climb(measured, seed, notes), clips, notes)


@dataclass(frozen=True)
class _Measured:
    rung: Rung
    scores: dict[str, float]


@dataclass(frozen=True)
class _Maker:
    sources: Sequence[Source]
    scorer: Scorer
    executor: Executor
    seed: int

    def make(self, hull: Sequence[Corner], quality: float) -> _Measured | str:
        """The rung of the fewest bits for a quality, or why there is none."""
        problems: list[str] = []
        reached: list[tuple[float, Corner, float]] = []
        for corner in _beside(hull, quality):
            source = self.sources[corner.run]
            passes = self._passes(source, "tune")
            try:
                what = (passes, corner.settings, Goal(quality), self.scorer, OBJECTIVE)
                needed = find_needed(*what, corner.knob)
            except TRIAL_ERRORS as error:
                problems.append(str(error))
                continue
            if needed.reached:
                reached.append((needed.probe.point.kbps, corner, needed.probe.point.knob))
            else:
                problems.append(getattr(needed.match, "reason", ""))
        if not reached:
            return "; ".join(dict.fromkeys(problems))
        _, corner, knob = min(reached, key=lambda each: each[0])
        try:
            return self._measure(corner, knob)
        except TRIAL_ERRORS as error:
            return str(error)

    def _measure(self, corner: Corner, knob: float) -> _Measured:
        source = self.sources[corner.run]
        passes = self._passes(source, "holdout")
        outcomes = passes.run(corner.settings, knob, (self.scorer,))
        scores = {digest: o.scores[self.scorer.name] for digest, o in outcomes.items()}
        means = np.array([score.mean for score in scores.values()])
        command = source.encoder.command_line(corner.settings, knob, SOURCE, TARGET + source.suffix)
        rung = Rung(
            encoder=source.encoder.name,
            run=str(source.folder),
            whose=corner.whose,
            rate_mode=corner.settings.rate_mode,
            values=corner.settings.as_dict(),
            knob=knob,
            kbps=spent_kbps(passes.clips, list(outcomes.values())),
            quality=_mean(means, self.seed),
            step=None,
            noticeable=None,
            spread=float(np.mean([score.spread for score in scores.values()])),
            encode_times=sum(o.encoder_s for o in outcomes.values())
            / sum(clip.duration_s for clip in passes.clips),
            command=list(command),
        )
        return _Measured(rung, {digest: score.mean for digest, score in scores.items()})

    def _passes(self, source: Source, side: Side) -> Passes:
        return Passes(source.encoder, self.executor, source.clips[side], lambda _: None, 0.0)


def _mean(scores: Floats, seed: int) -> Estimate:
    """The mean score with its interval, within the scale."""
    if len(scores) < 2:
        return Estimate(float(scores[0]), 0.0, 100.0)
    mean = bootstrap_mean(scores, seed)
    return Estimate(mean.value, max(mean.low, 0.0), min(mean.high, 100.0))


def _beside(hull: Sequence[Corner], quality: float) -> list[Corner]:
    """The corners on either side of a quality; one where both have the same settings."""
    above = next((n for n, c in enumerate(hull) if c.quality >= quality), len(hull) - 1)
    pair = hull[max(above - 1, 0) : above + 1]
    return list({(c.run, c.settings): c for c in pair}.values())


def _climb(measured: Sequence[_Measured], seed: int, notes: list[str]) -> list[Rung]:
    """The rungs that rise on the held-out clips, each with its step over the one below.

    One that costs as much as a better one, or is not better for sure than the one below, is left
    out, and told.
    """
    kept: list[_Measured] = []
    for each in sorted(measured, key=lambda m: (m.rung.kbps, -m.rung.quality.value)):
        name = f"{each.rung.encoder} at {each.rung.kbps:.1f} kb/s"
        if not kept:
            kept.append(each)
            continue
        below = kept[-1]
        gains = [each.scores[digest] - score for digest, score in below.scores.items()]
        step = paired_bootstrap(gains, seed)
        noticeable = noticeable_step(each.rung.spread, below.rung.spread)
        if step.low <= 0 or step.value < noticeable:
            notes.append(
                f"Left out: {name}, {step.value:+.1f} points ({step.low:+.1f} to {step.high:+.1f})"
                f" over the rung below on held-out clips; a noticeable step is {noticeable:.1f}."
            )
            continue
        kept.append(replace(each, rung=replace(each.rung, step=step, noticeable=noticeable)))
    return [each.rung for each in kept]

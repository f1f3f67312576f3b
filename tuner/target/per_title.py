"""The lowest bitrate of a user's own files: each its own (per title), or one for all.

Only a few excerpts of each file are encoded and scored; the rate parameter that brings them to the
goal is taken for the file. What a file needed is where the next one's search begins.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tuner.encoder import Encoder, Settings, find_rate_mode
from tuner.errors import ClipError
from tuner.jobs.executor import Executor
from tuner.jobs.passes import Passes
from tuner.quality_match import QualityMatch
from tuner.rate import KnobAxis, first_guess, prior_slope
from tuner.scorer import Scorer
from tuner.search.evaluate import TRIAL_ERRORS
from tuner.study.goal import Goal
from tuner.target.excerpts import DEFAULT_EXCERPTS, Excerpts, cut_excerpts
from tuner.target.needed import Needed, find_needed
from tuner.updates import Observer

#: Where the first search begins, kb/s.
START_KBPS = 96.0
#: How near to the target something is measured, as a fraction of bitrate: the rate parameter is
#: interpolated from there, and what a few excerpts do not tell of the file is more.
NEAR = 0.05


def _ignore(_: object) -> None:
    """What nobody is told."""


@dataclass(frozen=True)
class Title:
    """The answer for one file, or for all together.

    Args:
        sources: the files.
        excerpts: of each; empty where the file cannot be used.
        needed: what the excerpts need; None where they cannot be cut, encoded or scored.
        knob: the rate parameter to encode with; of what comes nearest where the goal is out of
            reach.
        kbps: what the excerpts spend with it.
        problem: why there is no answer; None also where the goal is out of reach (`needed`).
        failure: the fields of that error (`tuner.errors`).
    """

    sources: tuple[Path, ...]
    excerpts: tuple[Excerpts, ...] = ()
    needed: Needed | None = None
    knob: float | None = None
    kbps: float | None = None
    problem: str | None = None
    failure: dict[str, object] | None = None

    @property
    def name(self) -> str:
        """For people."""
        one = len(self.sources) == 1
        return self.sources[0].name if one else f"{len(self.sources)} files together"


@dataclass(frozen=True)
class Finder:
    """Finds the bitrates of files.

    Args:
        encoder, settings: what they are encoded with.
        goal: what they must reach.
        scorer, objective: by what (`Goal.values`).
        executor: where jobs run.
        folder: where excerpts are stored.
        count: excerpts of a file.
        seed: of the intervals.
        observer: told of every pass over the excerpts.
    """

    encoder: Encoder
    settings: Settings
    goal: Goal
    scorer: Scorer
    objective: str
    executor: Executor
    folder: Path
    count: int = DEFAULT_EXCERPTS
    seed: int = 0
    observer: Observer = _ignore

    def find(self, sources: Sequence[Path], *, together: bool = False) -> Iterator[Title]:
        """One answer after another: a file's, or what cannot be used and then that of all others.

        Each search begins where the earlier ones ended.
        """
        found: list[float] = []
        usable: list[Excerpts] = []
        for source in sources:
            try:
                cut = cut_excerpts(source, self.folder, self.count)
            except ClipError as error:
                yield Title((source,), problem=str(error), failure=error.as_dict())
                continue
            if together:
                usable.append(cut)
                continue
            title = self._search([cut], statistics.median(found) if found else None)
            if title.knob is not None:
                found.append(title.knob)
            yield title
        if usable:
            yield self._search(usable)

    def _search(self, files: Sequence[Excerpts], guess: float | None = None) -> Title:
        """One answer for the excerpts of all files."""
        clips = {clip.digest: clip for file in files for clip in file.clips}
        passes = Passes(self.encoder, self.executor, list(clips.values()), self.observer, 0.0)
        title = Title(tuple(file.source for file in files), tuple(files))
        try:
            needed = find_needed(
                passes,
                self.settings,
                self.goal,
                self.scorer,
                self.objective,
                start_knob(self.encoder, self.settings) if guess is None else guess,
                near=NEAR,
                seed=self.seed,
            )
        except TRIAL_ERRORS as error:
            return replace(title, problem=str(error), failure=error.as_dict())
        knob, kbps = knob_between(needed, self.encoder)
        return replace(title, needed=needed, knob=knob, kbps=kbps)


def start_knob(encoder: Encoder, settings: Settings) -> float:
    """Where the first search begins."""
    return first_guess(find_rate_mode(encoder, settings.rate_mode), START_KBPS, ())


def knob_between(needed: Needed, encoder: Encoder) -> tuple[float, float]:
    """The rate parameter at the crossing, and what it should spend, kb/s.

    Inter- or extrapolated from the two measurements nearest to the crossing; the measured one that
    reaches the goal where the knob has a table, or nothing is to be interpolated.
    """
    point, match = needed.probe.point, needed.match
    mode = find_rate_mode(encoder, needed.settings.rate_mode)
    if not isinstance(match, QualityMatch) or match.at_floor or mode.table:
        return point.knob, point.kbps
    crossing, axis = match.crossing_kbps, KnobAxis(mode)
    points = [probe.point for probe in needed.probes]
    points.sort(key=lambda p: abs(math.log(p.kbps / crossing)))
    way, slope = math.log(crossing / points[0].kbps), prior_slope(mode)
    if len(points) > 1 and points[0].kbps != points[1].kbps:
        moved = abs(axis.place(points[1].knob) - axis.place(points[0].knob))
        slope = abs(math.log(points[1].kbps / points[0].kbps)) / moved
    step = way / slope if mode.rising else -way / slope
    return mode.snap(axis.knob(axis.place(points[0].knob) + step)), crossing

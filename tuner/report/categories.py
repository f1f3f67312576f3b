"""Gains by kind of content: what helps music may hurt speech."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.bootstrap import paired_bootstrap
from tuner.records import Answer, Candidate, Estimate, Results
from tuner.report import words

#: With fewer held-out clips of a kind, what the settings do to it is hardly tested.
FEW_CLIPS = 3
#: Kinds with too few clips that are named, the worst first.
NAMED = 4
#: A kind that loses this much on average is worth a warning even where it may be chance, points.
HURT = 1.0
#: Resamples of an interval that is printed with one decimal.
RESAMPLES = 2_000


@dataclass(frozen=True)
class CategoryGain:
    """The gain on the held-out clips of one kind; no interval with one clip."""

    category: str
    clips: int
    gain: Estimate

    @property
    def shown(self) -> str:
        """ "+4.2 (1.0 to 7.4)"."""
        value = words.signed(self.gain.value)
        if self.clips < 2:
            return value
        return f"{value} ({words.interval(self.gain.low, self.gain.high)})"


def gains_by_category(
    results: Results, bitrate: Answer, shown: Candidate | None
) -> list[CategoryGain]:
    """Gains of the shown settings by kind, the worst first; empty where all clips are of one."""
    base = bitrate.default.sides.get("holdout")
    side = shown.sides.get("holdout") if shown else None
    kinds = {clip.digest: clip.category for clip in results.clips if clip.category}
    if base is None or side is None or len(set(kinds.values())) < 2:
        return []
    after, before = side.scores.get(side.climbed, {}), base.scores.get(side.climbed, {})
    gains: dict[str, list[float]] = {}
    for digest in sorted(after.keys() & before.keys() & kinds.keys()):
        gains.setdefault(kinds[digest], []).append(after[digest] - before[digest])
    found = [
        CategoryGain(kind, len(each), paired_bootstrap(each, results.provenance.seed, RESAMPLES))
        for kind, each in gains.items()
    ]
    return sorted(found, key=lambda each: each.gain.value)


def find_warnings(found: list[CategoryGain]) -> list[str]:
    """Kinds that lose, and kinds of which there are too few clips."""
    told = []
    for each in found:
        if each.gain.value <= -HURT and each.clips >= FEW_CLIPS:
            sure = "" if each.gain.high < 0 else ", which may be chance"
            told.append(
                f"{each.category} loses {words.plain(-each.gain.value)} points with these"
                f" settings, on {words.counted(each.clips, 'held-out clip')}{sure}."
            )
    few = [each for each in found if each.clips < FEW_CLIPS]
    if few:
        named = [
            f"“{each.category}” ({each.clips}, {words.signed(each.gain.value)} points)"
            for each in few[:NAMED]
        ]
        more = [f"{len(few) - NAMED} more"] if len(few) > NAMED else []
        kinds = "this kind" if len(few) == 1 else "these kinds"
        told.append(
            f"fewer than {FEW_CLIPS} held-out clips of {words.joined([*named, *more])}: the"
            f" effect on {kinds} is barely tested."
        )
    return told

"""Which encoder sounds best at each bitrate, where a report shows several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from tuner.bootstrap import ENOUGH_CLIPS, paired_bootstrap
from tuner.report import words
from tuner.report.runs import Run

#: Said of fewer clips than `ENOUGH_CLIPS`.
FEW = ", too few to be sure"


@dataclass(frozen=True)
class Contestant:
    """The settings that one run advises at one bitrate, on the held-out clips."""

    name: str
    scores: dict[str, float]

    @property
    def mean(self) -> float:
        """Mean score, MUSHRA scale."""
        return fmean(self.scores.values())


def find_leaders(runs: Sequence[Run], seed: int) -> list[str]:
    """A sentence for each bitrate that two or more runs have an answer for."""
    targets = sorted({b.target_kbps for run in runs for b in run.results.bitrates})
    sentences = []
    for target in targets:
        contestants = sorted(_contestants(runs, target), key=lambda c: -c.mean)
        if len(contestants) > 1:
            sentences.append(f"At {target:g} kb/s {_compare(contestants[0], contestants[1], seed)}")
    return sentences or ["The runs have no bitrate in common."]


def _contestants(runs: Sequence[Run], target: float) -> list[Contestant]:
    found = []
    for run in runs:
        for bitrate in run.results.bitrates:
            if bitrate.target_kbps != target:
                continue
            side = bitrate.recommended.sides.get("holdout")
            if side and side.scores.get(side.climbed):
                settings = "tuned" if bitrate.winner else "default"
                found.append(Contestant(f"{settings} {run.name}", side.scores[side.climbed]))
    return found


def _compare(best: Contestant, second: Contestant, seed: int) -> str:
    clips = sorted(best.scores.keys() & second.scores.keys())
    if not clips:
        return f"{best.name} scores highest."
    lead = paired_bootstrap([best.scores[c] - second.scores[c] for c in clips], seed)
    if lead.low <= 0:
        return (
            f"{best.name} and {second.name} are statistically tied"
            f" ({best.mean:.1f} and {second.mean:.1f} of 100)."
        )
    return (
        f"{best.name} sounds best ({best.mean:.1f} of 100), {words.plain(lead.value)} points"
        f" ({words.interval(lead.low, lead.high)}) ahead of {second.name}, on {len(clips)} held-out"
        f" clip{'s'[: len(clips) > 1]}{FEW if len(clips) < ENOUGH_CLIPS else ''}."
    )

"""Warm start: winners of finished runs, tried first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.encoder import Settings
from tuner.errors import StudyError
from tuner.results import read_run

#: How many bitrates of a finished run lend their finalists.
NEAREST = 2


@dataclass(frozen=True)
class Winners:
    """Finalists of finished runs: (target kb/s, settings), the best of each bitrate first."""

    settings: tuple[tuple[float, Settings], ...]

    def near(self, target_kbps: float) -> list[Settings]:
        """Those of the nearest bitrates, nearest first."""
        targets = sorted(
            {kbps for kbps, _ in self.settings}, key=lambda kbps: abs(kbps - target_kbps)
        )
        return [s for near in targets[:NEAREST] for kbps, s in self.settings if kbps == near]


def find_winners(runs: Sequence[Path], encoder: str) -> Winners:
    """The finalists of runs of this encoder.

    Args:
        runs: run directories that have finished.
        encoder: the adapter's name.

    Raises:
        RunError: a run has no results.
        StudyError: a run of another encoder, whose settings mean nothing here.
    """
    found: list[tuple[float, Settings]] = []
    for run in runs:
        results = read_run(run)
        if results.provenance.encoder != encoder:
            raise StudyError(
                f"a run of {results.provenance.encoder} cannot warm-start {encoder}",
                where=run,
                remedy="omit it",
            )
        for bitrate in results.bitrates:
            # The default is the first candidate, and is tried anyway.
            for candidate in bitrate.candidates[1:]:
                found.append((bitrate.target_kbps, candidate.settings))
    return Winners(tuple(found))

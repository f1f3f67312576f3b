"""Targets of quality in the report: what default and best settings need, and where it is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tuner.records import NeededBits, QualityTarget, Reached, Results
from tuner.report import words


@dataclass(frozen=True)
class NeedView:
    """One row: who, the bits that it needs, and its command line."""

    name: str
    kbps: str
    interval: str
    quality: str
    encode: str
    command: str
    is_winner: bool


@dataclass(frozen=True)
class TargetView:
    """One target: the answer, then default and best."""

    goal: str
    sentence: str
    saved: str
    saved_interval: str
    needs: list[NeedView]
    judges: list[tuple[str, str, str]]


def build_targets(results: Results) -> list[TargetView]:
    """The views of a run's targets of quality."""
    return [
        TargetView(
            goal=target.goal,
            sentence=target.sentence,
            saved="" if target.bits is None else f"{_saved(target.bits.value)} %",
            saved_interval=""
            if target.bits is None
            else f"{_saved(target.bits.high)} to {_saved(target.bits.low)} %",
            needs=[_need(*each) for each in _sides(target)],
            judges=[
                (family, words.signed(gain.value), words.interval(gain.low, gain.high))
                for family, gain in target.judges.items()
            ],
        )
        for target in results.quality_targets
    ]


def draw_targets(results: Results) -> list[dict[str, Any]]:
    """The targets as the chart draws them: a line, and a mark at each answer."""
    return [
        {
            "target": target.quality,
            "is_mean": target.share is None,
            "points": [
                {"x": round(need.kbps, 2), "y": round(need.quality, 2), "name": name}
                for name, need, _ in _sides(target)
                if isinstance(need, Reached)
            ],
        }
        for target in results.quality_targets
    ]


def _sides(target: QualityTarget) -> Iterator[tuple[str, NeededBits, bool]]:
    """(name, what it needs, whether it is recommended)."""
    yield "Default", target.default, not target.recommended
    if target.best is not None:
        yield f"Trial {target.best.trial}", target.best, target.recommended


def _need(name: str, need: NeededBits, is_winner: bool) -> NeedView:
    interval = ""
    if isinstance(need, Reached) and need.low_kbps is not None and need.high_kbps is not None:
        interval = f"{need.low_kbps:.1f} to {need.high_kbps:.1f}"
    return NeedView(
        name=name,
        kbps=f"{need.kbps:.1f}" if isinstance(need, Reached) else "not reached",
        interval=interval,
        quality=f"{need.quality:.1f} at {need.kbps:.1f} kb/s",
        encode=words.duration(need.encode_s),
        command=need.shown,
        is_winner=is_winner,
    )


def _saved(ratio: float) -> str:
    return words.plain_whole(100 * (1 - ratio))

"""The Pareto set of a search with encode time as second objective, as a drawing."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.records import Answer, Complete

#: Empty space around the outermost points, share of the drawing.
MARGIN = 0.08


@dataclass(frozen=True)
class ParetoPoint:
    """A trial: where it is drawn, in per cent from the left and from the top, and its figures."""

    x: float
    y: float
    trial: int
    encode: str
    score: str
    on_front: bool


@dataclass(frozen=True)
class ParetoView:
    """All complete trials, those of the front last, and the ends of the axes."""

    points: list[ParetoPoint]
    fastest: str
    slowest: str
    worst: str
    best: str

    @property
    def line(self) -> str:
        """The front as the points of an SVG polyline."""
        return " ".join(f"{p.x:.2f},{p.y:.2f}" for p in self.points if p.on_front)


def draw_pareto(bitrate: Answer) -> ParetoView | None:
    """The drawing; None where encode time was no objective."""
    timed = [trial for trial in bitrate.trials if isinstance(trial, Complete)]
    if not bitrate.pareto or not timed:
        return None
    times, scores = [t.encode_s for t in timed], [t.objective for t in timed]
    front = {number: place for place, number in enumerate(bitrate.pareto)}
    timed.sort(key=lambda trial: front.get(trial.number, -1))
    points = [
        ParetoPoint(
            x=round(100 * _place(trial.encode_s, min(times), max(times)), 2),
            y=round(100 * (1 - _place(trial.objective, min(scores), max(scores))), 2),
            trial=trial.number,
            encode=f"{trial.encode_s:.2f} s",
            score=f"{trial.objective:.1f}",
            on_front=trial.number in front,
        )
        for trial in timed
    ]
    return ParetoView(
        points,
        f"{min(times):.2f} s",
        f"{max(times):.2f} s",
        f"{min(scores):.1f}",
        f"{max(scores):.1f}",
    )


def _place(value: float, low: float, high: float) -> float:
    share = (value - low) / (high - low) if high > low else 0.5
    return MARGIN + (1 - 2 * MARGIN) * share

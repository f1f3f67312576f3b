"""What the page shows of one bitrate: stored results turned into views for the templates."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tuner.records import (
    Answer,
    BitrateResult,
    Candidate,
    Estimate,
    NoAnswer,
    Side,
    SideResult,
    Timing,
)
from tuner.report import words
from tuner.report.candidates import Change, find_changes, runs_adapter, shown_index
from tuner.report.categories import CategoryGain
from tuner.report.pareto import ParetoView, draw_pareto
from tuner.report.saving import Saving
from tuner.report.together import Place

SIDES: tuple[Side, Side] = ("tune", "holdout")
#: Verdict kind -> class in the style sheet.
VERDICT_CLASSES = {
    "confirmed": "confirmed",
    "not confirmed": "unproven",
    "objected": "objected",
    "preliminary": "preliminary",
    "nothing better was found": "default-best",
}

#: A command's bitrate that is this near to what it spends needs no explanation, share.
NOMINAL_APART = 0.01

#: Lowest and highest value, points, of all small drawings of gains.
Scale = tuple[float, float]


@dataclass(frozen=True)
class Forest:
    """An interval's drawing: positions in per cent of the drawing's width."""

    low: float
    value: float
    high: float
    zero: float


@dataclass(frozen=True)
class Gain:
    """A gain in words, and where it is drawn; `objective` is that by what the search maximised."""

    label: str
    value: str
    interval: str
    tone: str
    forest: Forest
    objective: Gain | None = None


@dataclass(frozen=True)
class FinalistView:
    """One row of the finalists' table; gains by side, in the order of the metrics.

    `encode` is the `tuner encode` command where the settings need the encoder's API; `together`
    the held-out interval that holds for all finalists of the run at once; `nominal` what the
    command asks for and what it spends, where these differ.
    """

    name: str
    is_winner: bool
    changes: list[Change]
    gains: dict[Side, list[Gain | None]]
    bitrates: dict[Side, str]
    command: str
    encode: str | None
    problem: str | None
    notes: list[str]
    together: str | None = None
    nominal: str | None = None


@dataclass(frozen=True)
class BitrateView:
    """Everything shown about one target bitrate.

    `shown` is the candidate that the verdict is about: the winner, or the best
    settings tried when the default wins.
    """

    key: str
    target: str
    gains: list[Gain | None]
    trials: int
    trial_counts: str
    timing: Timing
    kind: str = "no answer"
    css: str = "problem"
    sentence: str = ""
    problem: str | None = None
    recommended: bool = False
    shown: FinalistView | None = None
    default: FinalistView | None = None
    saving: Saving | None = None
    finalists: list[FinalistView] = field(default_factory=list)
    pareto: ParetoView | None = None
    categories: list[CategoryGain] = field(default_factory=list)


def build_bitrate(
    bitrate: BitrateResult,
    metrics: Sequence[str],
    *,
    key: str,
    folder: Path,
    scale: Scale,
    saving: Saving,
    together: Mapping[Place, Estimate],
    objective: str | None = None,
) -> BitrateView:
    """The view of one target bitrate of the run in `folder`.

    `objective` is the label of what the search maximised, where it is not the mean.
    """
    states = [t.state for t in bitrate.trials]
    counts = [
        f"{states.count(s)} {s}"
        for s in ("complete", "pruned", "infeasible", "failed")
        if s in states
    ]
    view = BitrateView(
        key=key,
        target=f"{bitrate.target_kbps:g}",
        gains=[None for _ in metrics],
        trials=len(states),
        trial_counts=", ".join(counts) or "none",
        timing=bitrate.timing,
    )
    if isinstance(bitrate, NoAnswer):
        return replace(view, problem=words.sentence(bitrate.problem))
    where = f"{folder}@{bitrate.target_kbps:g}"
    finalists = [
        replace(
            _finalist(bitrate, index, metrics, where, scale, objective or ""),
            together=_together(together.get((bitrate.target_kbps, index))),
        )
        for index in range(len(bitrate.candidates))
    ]
    index = shown_index(bitrate)
    shown = finalists[index] if index else None
    return replace(
        view,
        kind=bitrate.verdict.kind,
        css=VERDICT_CLASSES[bitrate.verdict.kind],
        sentence=bitrate.verdict.sentence,
        recommended=bitrate.winner > 0,
        shown=shown,
        default=finalists[0],
        gains=shown.gains["holdout"] if shown else view.gains,
        saving=saving if shown else None,
        finalists=finalists,
        pareto=draw_pareto(bitrate),
    )


def _finalist(
    bitrate: Answer,
    index: int,
    metrics: Sequence[str],
    where: str,
    scale: Scale,
    objective: str,
) -> FinalistView:
    candidate = bitrate.candidates[index]
    gains: dict[Side, list[Gain | None]] = {}
    bitrates: dict[Side, str] = {}
    for side in SIDES:
        result = candidate.sides.get(side)
        shown = result if index else None
        gains[side] = [_gain_in(metric, shown, scale, objective) for metric in metrics]
        bitrates[side] = _spent(result)
    return FinalistView(
        name="Default" if index == 0 else f"Trial {candidate.trial}",
        is_winner=index == bitrate.winner,
        changes=find_changes(bitrate.default, candidate),
        gains=gains,
        bitrates=bitrates,
        command=candidate.shown,
        encode=_encode_command(candidate, where, is_winner=index == bitrate.winner),
        problem=candidate.problem,
        notes=candidate.notes,
        nominal=_nominal(candidate),
    )


def _nominal(candidate: Candidate) -> str | None:
    """Why the number in the command is not the target."""
    side = candidate.sides.get("tune")
    if side is None:
        return None
    spent = side.spends_kbps or side.bitrate_kbps
    if side.spends_kbps is not None and side.beside:
        return (
            f"No step of the rate parameter gives the target: {side.knob:.4g} gives"
            f" {spent:.1f} kb/s and {side.beside[0]:.4g} gives {side.beside[1]:.1f} kb/s on the"
            " tuning clips. Quality is interpolated at the target; the command uses"
            f" {side.knob:.4g}."
        )
    if not candidate.nominal or abs(side.knob / spent - 1) < NOMINAL_APART:
        return None
    return (
        f"The command asks for {side.knob:.4g} kb/s to get {spent:.1f} kb/s of payload on the"
        " tuning clips."
    )


def _together(wide: Estimate | None) -> str | None:
    return None if wide is None else words.interval(wide.low, wide.high)


def _spent(side: SideResult | None) -> str:
    """ "64.0", or "64.0 (nearest step: 62.8)" where the knob has none at the target."""
    if side is None:
        return "–"
    if side.spends_kbps is None:
        return f"{side.bitrate_kbps:.1f}"
    return f"{side.bitrate_kbps:.1f} (nearest step: {side.spends_kbps:.1f})"


def _encode_command(candidate: Candidate, where: str, is_winner: bool) -> str | None:
    if not runs_adapter(candidate):
        return None
    settings = [] if is_winner else ["--settings", f"trial-{candidate.trial}"]
    return shlex.join(["tuner", "encode", where, *settings, "FILES", "-o", "FOLDER"])


def _gain_in(metric: str, side: SideResult | None, scale: Scale, objective: str) -> Gain | None:
    """The gain by a metric; with the climbed one that by the objective, where it is another."""
    if side is None or metric not in side.gains:
        return None
    found = _gain(metric, side.gains[metric], scale)
    if metric != side.climbed or side.objective_gain is None:
        return found
    return replace(found, objective=_gain(objective, side.objective_gain, scale))


def _gain(metric: str, gain: Estimate, scale: Scale) -> Gain:
    tone = "up" if gain.low > 0 else "down" if gain.high < 0 else "open"
    low, high = scale
    at = [100 * (x - low) / (high - low) for x in (gain.low, gain.value, gain.high, 0.0)]
    return Gain(
        label=words.metric_label(metric),
        value=words.signed(gain.value),
        interval=words.interval(gain.low, gain.high),
        tone=tone,
        forest=Forest(*(round(x, 2) for x in at)),
    )

"""What the report shows: stored results turned into small views for the templates.

Nothing is computed here beyond averages and differences of stored scores. All
qualities are on the MUSHRA scale (0 to 100, higher is better).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.report import words
from tuner.report.candidates import (
    Change,
    find_changes,
    first_default,
    metric_order,
    shown_candidate,
    shown_index,
)
from tuner.report.doubts import find_doubts
from tuner.results import (
    MODEL,
    BitrateResult,
    Candidate,
    ClipRecord,
    Estimate,
    Provenance,
    Results,
    Side,
    Timing,
    TrialRecord,
)

SIDES: tuple[Side, Side] = ("tune", "holdout")
#: Verdict kind -> class in the style sheet.
VERDICT_CLASSES = {
    "confirmed": "confirmed",
    "not confirmed": "unproven",
    "objected": "objected",
    "the default is already the best": "default-best",
}
#: Space left and right of the outermost interval in a gain's small drawing, share of its width.
FOREST_MARGIN = 0.04
#: The drawings reach at least this far to either side of zero, points, so that a trifle
#: looks like one.
FOREST_LEAST = 2.0


@dataclass(frozen=True)
class Forest:
    """An interval's drawing: positions in per cent of the drawing's width."""

    low: float
    value: float
    high: float
    zero: float


@dataclass(frozen=True)
class Gain:
    """A gain in words, and where it is drawn."""

    label: str
    value: str
    interval: str
    tone: str
    forest: Forest | None = None


@dataclass(frozen=True)
class FinalistView:
    """One row of the finalists' table; gains by side, in the order of the metrics."""

    name: str
    trial: int
    is_default: bool
    is_winner: bool
    changes: list[Change]
    gains: dict[Side, list[Gain | None]]
    bitrates: dict[Side, str]
    command: str
    problem: str | None
    notes: list[str]


@dataclass(frozen=True)
class TrialView:
    """One row of the trials' table."""

    number: int
    state: str
    score: str
    gain: str
    spread: str
    bitrate: str
    knob: str
    passes: float
    changes: list[Change]
    reason: str


@dataclass(frozen=True)
class BitrateView:
    """Everything shown about one target bitrate.

    `shown` is the candidate that the verdict is about: the winner, or the best
    settings tried when the default wins.
    """

    key: str
    target: str
    kind: str
    css: str
    sentence: str
    problem: str | None
    recommended: bool
    shown: FinalistView | None
    default: FinalistView | None
    gains: list[Gain | None]
    finalists: list[FinalistView]
    trials: list[TrialView]
    trial_counts: str
    timing: Timing


@dataclass(frozen=True)
class Page:
    """The whole report."""

    title: str
    lead: list[str]
    metrics: list[tuple[str, str, str]]
    clip_counts: dict[Side, int]
    bitrates: list[BitrateView]
    doubts: list[str]
    notes: list[str]
    clips: list[ClipRecord]
    provenance: Provenance
    format_version: int


def build_page(results: Results) -> Page:
    """The views of a finished run."""
    metrics = metric_order(results)
    encoder = results.provenance.encoder
    targets = words.joined([f"{b.target_kbps:g}" for b in results.bitrates]) or "no"
    scale = _forest_scale(results)
    clips = sorted(results.clips, key=lambda c: (SIDES.index(c.side), c.name))
    return Page(
        title=f"Best settings of {encoder} at {targets} kb/s",
        lead=[_lead(bitrate, results) for bitrate in results.bitrates],
        metrics=[(m, words.metric_label(m), words.metric_role(m)) for m in metrics],
        clip_counts={side: sum(c.side == side for c in clips) for side in SIDES},
        bitrates=[_bitrate(b, metrics, scale) for b in results.bitrates],
        doubts=find_doubts(results),
        notes=results.notes,
        clips=clips,
        provenance=results.provenance,
        format_version=results.format_version,
    )


def _lead(bitrate: BitrateResult, results: Results) -> str:
    """The answer for one bitrate, in one sentence."""
    at = f"At {bitrate.target_kbps:g} kb/s"
    if bitrate.problem is not None:
        return f"{at} there is no answer. {words.sentence(bitrate.problem)}"
    kind, candidate = bitrate.verdict.kind, shown_candidate(bitrate)
    if kind == "the default is already the best":
        tried = words.counted(len(bitrate.trials), "trial")
        return (
            f"{at} the default is already the best: {tried} found nothing worth a"
            " change, so use it with confidence."
        )
    gain = None
    if candidate is not None and "holdout" in candidate.sides:
        gain = candidate.sides["holdout"].gains.get(MODEL)
    held_out = words.counted(sum(c.side == "holdout" for c in results.clips), "held-out clip")
    if kind == "confirmed" and gain is not None:
        size = f"{words.plain(gain.value)} points"
        span = f"95 % interval {words.interval(gain.low, gain.high)}"
        return f"{at} the tuned settings gain {size} ({span}) on {held_out}: use them."
    if kind == "objected":
        return f"{at} a judge objects to the gain that the model sees: listen before you switch."
    return f"{at} keep the default: what the search gained is not proven on {held_out}."


def _bitrate(
    bitrate: BitrateResult, metrics: Sequence[str], scale: tuple[float, float]
) -> BitrateView:
    """The view of one target bitrate."""
    finalists = [
        _finalist(bitrate, index, candidate, metrics, scale)
        for index, candidate in enumerate(bitrate.candidates)
    ]
    index = shown_index(bitrate)
    shown_view = finalists[index] if index else None
    states = [t.state for t in bitrate.trials]
    counts = [
        f"{states.count(s)} {s}"
        for s in ("complete", "pruned", "infeasible", "failed")
        if s in states
    ]
    return BitrateView(
        key=f"b{bitrate.target_kbps:g}".replace(".", "_"),
        target=f"{bitrate.target_kbps:g}",
        kind="no answer" if bitrate.problem is not None else bitrate.verdict.kind,
        css="problem" if bitrate.problem is not None else VERDICT_CLASSES[bitrate.verdict.kind],
        sentence=bitrate.verdict.sentence,
        problem=words.sentence(bitrate.problem) if bitrate.problem else None,
        recommended=bitrate.winner > 0,
        shown=shown_view,
        default=finalists[0] if finalists else None,
        gains=shown_view.gains["holdout"] if shown_view else [None for _ in metrics],
        finalists=finalists,
        trials=[_trial(t, first_default(bitrate), bitrate.trials[0]) for t in bitrate.trials],
        trial_counts=", ".join(counts) or "none",
        timing=bitrate.timing,
    )


def _finalist(
    bitrate: BitrateResult,
    index: int,
    candidate: Candidate,
    metrics: Sequence[str],
    scale: tuple[float, float],
) -> FinalistView:
    gains: dict[Side, list[Gain | None]] = {}
    bitrates: dict[Side, str] = {}
    for side in SIDES:
        result = candidate.sides.get(side)
        stored = result.gains if result and index else {}
        gains[side] = [_gain(m, stored[m], scale) if m in stored else None for m in metrics]
        bitrates[side] = f"{result.bitrate_kbps:.1f}" if result else "–"
    return FinalistView(
        name="Default" if index == 0 else f"Trial {candidate.trial}",
        trial=candidate.trial,
        is_default=index == 0,
        is_winner=index == bitrate.winner and bitrate.problem is None,
        changes=find_changes(bitrate.candidates[0], candidate),
        gains=gains,
        bitrates=bitrates,
        command=shlex.join(candidate.command),
        problem=candidate.problem,
        notes=candidate.notes,
    )


def _gain(metric: str, gain: Estimate, scale: tuple[float, float]) -> Gain:
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


def _forest_scale(results: Results) -> tuple[float, float]:
    """One scale for all small drawings, in points: zero and every shown interval fit."""
    shown = [c for b in results.bitrates if (c := shown_candidate(b)) is not None]
    gains = [g for c in shown if (s := c.sides.get("holdout")) for g in s.gains.values()]
    low = min([-FOREST_LEAST, *(g.low for g in gains)])
    high = max([FOREST_LEAST, *(g.high for g in gains)])
    margin = FOREST_MARGIN * (high - low)
    return low - margin, high + margin


def _trial(
    trial: TrialRecord, default: Candidate | TrialRecord | None, first: TrialRecord
) -> TrialView:
    gain = ""
    if trial.score is not None and first.score is not None and trial.number:
        gain = words.signed(trial.score - first.score)
    return TrialView(
        number=trial.number,
        state=trial.state,
        score="" if trial.score is None else f"{trial.score:.1f}",
        gain=gain,
        spread="" if trial.spread is None else f"{trial.spread:.1f}",
        bitrate="" if trial.bitrate_kbps is None else f"{trial.bitrate_kbps:.1f}",
        knob="" if trial.knob is None else f"{trial.knob:g}",
        passes=round(trial.passes, 1),
        changes=find_changes(default, trial) if default is not None else [],
        reason=trial.reason or "",
    )


def source_name(clip: ClipRecord) -> str:
    """The file name of a clip's source."""
    return Path(clip.source).name

"""What the page shows: the views of all runs, for the templates.

Nothing is computed here but means, differences and resamples of stored scores. All
qualities are on the MUSHRA scale (0 to 100, higher is better).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tuner.records import (
    Answer,
    BitrateResult,
    Candidate,
    ClipRecord,
    NoAnswer,
    Provenance,
    Results,
    Side,
    name_rates,
)
from tuner.report import words
from tuner.report.candidates import shown_candidate
from tuner.report.categories import gains_by_category
from tuner.report.comparison import Curves, Deltas, find_curves, find_deltas, find_metrics
from tuner.report.doubts import find_doubts
from tuner.report.leaders import find_leaders
from tuner.report.runs import Run, find_judge_differences
from tuner.report.saving import find_saving
from tuner.report.targets import TargetView, build_targets
from tuner.report.together import find_together
from tuner.report.views import SIDES, BitrateView, Scale, build_bitrate

#: Longest list of names in the title; of bitrates it is one more.
TITLE_ITEMS = 3
#: Space left and right of the outermost interval in a gain's small drawing, share of its width.
FOREST_MARGIN = 0.04
#: The drawings reach at least this far to either side of zero, points, so that a trifle
#: looks like one.
FOREST_LEAST = 2.0


@dataclass(frozen=True)
class RunView:
    """One run: its answers, its doubts and where it came from."""

    key: str
    name: str
    bitrates: list[BitrateView]
    targets: list[TargetView]
    doubts: list[str]
    notes: list[str]
    rates: str
    provenance: Provenance
    format_version: int


@dataclass(frozen=True)
class Page:
    """The whole report; `metrics` are (key, label, role).

    `objective` says what the search maximised, where that is not the mean of the first metric.
    """

    title: str
    lead: list[str]
    metrics: list[tuple[str, str, str]]
    objective: str | None
    clip_counts: dict[Side, int]
    runs: list[RunView]
    curves: dict[str, list[Curves]]
    deltas: list[Deltas]
    doubts: list[str]
    clips: list[ClipRecord]


def build_page(runs: Sequence[Run]) -> Page:
    """The views of finished runs over the same clips."""
    metrics = find_metrics(runs)
    curves = find_curves(runs, metrics)
    first = runs[0].results
    seed = first.provenance.seed
    scale = _forest_scale(runs)
    clips = sorted(first.clips, key=lambda c: (SIDES.index(c.side), c.name))
    several = len(runs) > 1
    return Page(
        title=_title(runs),
        lead=find_leaders(runs, seed) if several else _leads(first),
        metrics=[(m, words.metric_label(m), words.metric_role(m, first)) for m in metrics],
        objective=find_objective(runs),
        clip_counts={side: sum(c.side == side for c in clips) for side in SIDES},
        runs=[
            _run(run, metrics, scale, of_run)
            for run, of_run in zip(runs, curves[first.climbed], strict=True)
        ],
        curves=curves,
        deltas=find_deltas(curves, seed),
        doubts=find_judge_differences(runs),
        clips=clips,
    )


def _title(runs: Sequence[Run]) -> str:
    names = [run.name for run in runs]
    targets = sorted({b.target_kbps for run in runs for b in run.results.everything})
    whose = words.joined(names) if len(names) <= TITLE_ITEMS else f"{len(names)} encoders"
    at = words.joined([f"{target:g}" for target in targets]) or "no"
    if len(targets) > TITLE_ITEMS + 1:
        at = f"{targets[0]:g} to {targets[-1]:g}"
    if not any(run.results.bitrates for run in runs):
        return f"No answer for {whose} at {at} kb/s"
    return f"Best settings of {whose} at {at} kb/s"


def find_objective(runs: Sequence[Run]) -> str | None:
    """What the searches maximised beside the mean of a metric: "Consensus"; None for nothing."""
    names = [name for run in runs if (name := words.objective_name(run.results)) is not None]
    return words.joined(list(dict.fromkeys(names))) if names else None


def _run(run: Run, metrics: Sequence[str], scale: Scale, curves: Curves) -> RunView:
    results = run.results
    seed = results.provenance.seed
    together = find_together(results)
    return RunView(
        key=run.key,
        name=run.name,
        bitrates=[
            replace(
                build_bitrate(
                    bitrate,
                    metrics,
                    key=f"{run.key}-b{bitrate.target_kbps:g}".replace(".", "_"),
                    folder=run.folder,
                    scale=scale,
                    saving=find_saving(
                        curves.default,
                        curves.shown(bitrate.target_kbps),
                        bitrate.target_kbps,
                        seed,
                    ),
                    together=together,
                    objective=words.objective_name(results),
                ),
                categories=gains_by_category(results, bitrate, shown_candidate(bitrate))
                if isinstance(bitrate, Answer)
                else [],
            )
            for bitrate in results.everything
        ],
        targets=build_targets(results),
        doubts=find_doubts(results),
        notes=results.notes,
        rates=_rates(results),
        provenance=results.provenance,
        format_version=results.format_version,
    )


def _rates(results: Results) -> str:
    """At which rates clips were encoded, and why."""
    named = name_rates(clip.rate for clip in results.clips)
    own = results.provenance.rate is None
    return f"{named}, {'the source rate' if own else 'to which all clips were resampled'}"


def _leads(results: Results) -> list[str]:
    """The answers to targets of quality, else one for each bitrate."""
    told = [target.sentence for target in results.quality_targets]
    return told or [_lead(bitrate, results) for bitrate in results.everything]


def _lead(bitrate: BitrateResult, results: Results) -> str:
    """The answer for one bitrate, in one sentence."""
    at = f"At {bitrate.target_kbps:g} kb/s"
    if isinstance(bitrate, NoAnswer):
        return f"{at} there is no answer. {words.sentence(bitrate.problem)}"
    kind, candidate = bitrate.verdict.kind, shown_candidate(bitrate)
    if kind == "nothing better was found":
        tried = words.counted(len(bitrate.trials), "trial")
        return f"{at} nothing better than the default was found in {tried}."
    gain = None
    if candidate is not None and "holdout" in candidate.sides:
        gain = candidate.sides["holdout"].gains.get(results.climbed)
    held_out = words.counted(sum(c.side == "holdout" for c in results.clips), "held-out clip")
    if bitrate.listening is not None:
        return f"{at} a listening test decides. {bitrate.verdict.sentence}"
    if kind == "preliminary":
        return f"{at} the answer is preliminary: {held_out} cannot settle it. Keep the default."
    if kind == "confirmed" and gain is not None:
        size = f"{words.signed(gain.value)} points"
        span = f"95 % interval {words.signed(gain.low)} to {words.signed(gain.high)}"
        return f"{at} use the tuned settings: the gain is {size} ({span}) on {held_out}."
    if kind == "objected":
        return (
            f"{at} keep the default: {_objectors(candidate, results)} with the best settings found."
        )
    return f"{at} keep the default: the gain is not confirmed on {held_out}."


def _objectors(shown: Candidate | None, results: Results) -> str:
    """Who hears a loss, by name."""
    side = shown.sides.get("holdout") if shown else None
    lost = [family for family, gain in (side.families if side else {}).items() if gain.high < 0]
    names = [
        words.metric_label(metric.name)
        for metric in results.metrics
        if metric.family in lost and metric.name != results.climbed
    ]
    if not names:
        return "a judge hears a loss"
    return f"{words.joined(names)} {'hears' if len(names) == 1 else 'hear'} a loss"


def _forest_scale(runs: Sequence[Run]) -> Scale:
    """One scale for all small drawings, in points: zero and every shown interval fit."""
    shown = [c for run in runs for b in run.results.bitrates if (c := shown_candidate(b))]
    sides = [s for c in shown if (s := c.sides.get("holdout"))]
    gains = [g for s in sides for g in (*s.gains.values(), s.objective_gain) if g is not None]
    low = min([-FOREST_LEAST, *(g.low for g in gains)])
    high = max([FOREST_LEAST, *(g.high for g in gains)])
    margin = FOREST_MARGIN * (high - low)
    return low - margin, high + margin


def source_name(clip: ClipRecord) -> str:
    """The file name of a clip's source."""
    return Path(clip.source).name

"""What the report's plots draw, as plain JSON data for ``report.js``.

Plotly reads ``<b>``, ``<a href>`` and HTML entities in its texts, so every text that
comes from a file or an encoder goes through `plotly_text`.
"""

from __future__ import annotations

import html
from statistics import fmean
from typing import Any

from tuner.report import words
from tuner.report.candidates import find_changes, first_default, metric_order, shown_candidate
from tuner.results import (
    MODEL,
    BitrateResult,
    Candidate,
    ClipRecord,
    Results,
    Side,
    SideResult,
    TrialRecord,
)

#: Longest clip name beside a bar, characters: on a desk, and on a phone, where it takes
#: about a third of the width.
CLIP_LABEL_CHARS = 36
CLIP_LABEL_CHARS_NARROW = 20
#: Longest list of settings in a hover text, lines.
HOVER_LINES = 14


def build_charts(results: Results) -> dict[str, Any]:
    """All plots of the report."""
    metrics = metric_order(results)
    return {
        "model": MODEL,
        "metrics": [{"key": m, "label": plotly_text(words.metric_label(m))} for m in metrics],
        "quality": {metric: _quality(results, metric) for metric in metrics},
        "bitrates": [_bitrate(bitrate, results.clips, metrics) for bitrate in results.bitrates],
    }


def plotly_text(text: str) -> str:
    """`text` so that plotly shows it as it is, on one line."""
    return html.escape(" ".join(text.split()), quote=False)


def _quality(results: Results, metric: str) -> list[dict[str, Any]]:
    """Mean held-out score over measured bitrate: default and tuned of each bitrate."""
    points = []
    for bitrate in results.bitrates:
        default = bitrate.candidates[0].sides.get("holdout") if bitrate.candidates else None
        if default is None or metric not in default.scores:
            continue
        point: dict[str, Any] = {"target": f"{bitrate.target_kbps:g}"}
        point["default"] = {"x": default.bitrate_kbps, "y": _mean(default, metric)}
        tuned = shown_candidate(bitrate)
        side = tuned.sides.get("holdout") if tuned else None
        if side is not None and metric in side.gains and metric in side.scores:
            gain = side.gains[metric]
            point["tuned"] = {
                "x": side.bitrate_kbps,
                "y": _mean(side, metric),
                "plus": gain.high - gain.value,
                "minus": gain.value - gain.low,
                "used": bitrate.winner > 0,
                "gain": f"{words.signed(gain.value)} ({words.interval(gain.low, gain.high)})",
            }
        points.append(point)
    return points


def _mean(side: SideResult, metric: str) -> float:
    return fmean(side.scores[metric].values())


def _bitrate(bitrate: BitrateResult, clips: list[ClipRecord], metrics: list[str]) -> dict[str, Any]:
    shown = shown_candidate(bitrate)
    sides: tuple[Side, ...] = ("holdout", "tune")
    gains = {}
    if shown is not None:
        names = {clip.digest: clip.name for clip in clips}
        default = bitrate.candidates[0]
        gains = {side: _clip_gains(default, shown, side, names, metrics) for side in sides}
    return {
        "target": f"{bitrate.target_kbps:g}",
        "clips": gains,
        "trials": [_trial(trial, first_default(bitrate)) for trial in bitrate.trials],
    }


def _clip_gains(
    default: Candidate, shown: Candidate, side: Side, names: dict[str, str], metrics: list[str]
) -> list[dict[str, Any]]:
    """Each clip's gain by each metric, the model's worst first."""
    if side not in default.sides or side not in shown.sides:
        return []
    before, after = default.sides[side].scores, shown.sides[side].scores
    rows = []
    for digest in before.get(MODEL, {}).keys() & after.get(MODEL, {}).keys():
        name = names.get(digest, digest)
        gains = {
            metric: after[metric][digest] - before[metric][digest]
            for metric in metrics
            if digest in before.get(metric, {}) and digest in after.get(metric, {})
        }
        rows.append(
            {
                "name": plotly_text(name),
                "label": plotly_text(words.shortened(name, CLIP_LABEL_CHARS)),
                "short": plotly_text(words.shortened(name, CLIP_LABEL_CHARS_NARROW)),
                "gains": gains,
            }
        )
    return sorted(rows, key=lambda row: (row["gains"][MODEL], row["name"]))


def _trial(trial: TrialRecord, default: Candidate | TrialRecord | None) -> dict[str, Any]:
    changes = find_changes(default, trial) if default is not None else []
    lines = [f"{change.name} = {change.after}" for change in changes] or ["as the default"]
    if len(lines) > HOVER_LINES:
        lines = [*lines[:HOVER_LINES], f"and {len(lines) - HOVER_LINES} more"]
    if trial.reason:
        lines.insert(0, words.shortened(trial.reason, 90))
    return {
        "number": trial.number,
        "state": trial.state,
        "score": trial.score,
        "text": "<br>".join(plotly_text(line) for line in lines),
    }

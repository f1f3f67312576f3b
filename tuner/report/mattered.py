"""What mattered: importance, slices, search history, what was ruled out, and the ablation.

Texts are plain: ``mattered.js`` sets them as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuner.records import (
    Ablation,
    AblationFailed,
    Answer,
    BitrateResult,
    Candidate,
    Complete,
    Scored,
    TrialRecord,
)
from tuner.report import words
from tuner.report.candidates import find_changes, first_default
from tuner.report.runs import Run

#: Most changed settings that are told of a trial, the most important first; a page of many runs
#: would grow by megabytes otherwise.
TOLD_CHANGES = 5
#: Most parameters that get a slice, the most important first.
SLICES = 8
#: Longest text of a value on an axis, characters.
TICK_CHARS = 18


def build_mattered(runs: Sequence[Run]) -> dict[str, Any]:
    """The data of the section, for ``<script type="application/json" id="mattered">``."""
    return {
        "views": [
            _view(run, bitrate)
            for run in runs
            for bitrate in run.results.everything
            if bitrate.trials
        ]
    }


def _view(run: Run, bitrate: BitrateResult) -> dict[str, Any]:
    """One run at one bitrate."""
    default = first_default(bitrate)
    assert default is not None
    trials = bitrate.trials
    counts = [
        f"{sum(t.state == state for t in trials)} {state}"
        for state in ("complete", "pruned", "infeasible", "failed")
        if any(t.state == state for t in trials)
    ]
    return {
        "key": f"{run.key}-{bitrate.target_kbps:g}",
        "label": f"{run.name}, {bitrate.target_kbps:g} kb/s",
        "counts": ", ".join(counts),
        "measure": words.objective_name(run.results) or "Mean score",
        "importance": [
            {"name": _name(name), "share": round(share, 4)}
            for name, share in sorted(bitrate.importance.items(), key=lambda item: -item[1])
        ],
        "ablation": [
            _ablation(record)
            for record in (bitrate.ablation if isinstance(bitrate, Answer) else ())
        ],
        "trials": [_trial(trial, default, bitrate.importance) for trial in trials],
        "slices": _slices(bitrate),
    }


def _ablation(record: Ablation | AblationFailed) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": _name(record.parameter),
        "value": words.setting_value(record.value),
        "default": words.setting_value(record.default),
        "problem": None,
    }
    if isinstance(record, AblationFailed):
        return shown | {"problem": record.problem}
    worth = record.worth
    return shown | {"worth": [round(x, 2) for x in (worth.value, worth.low, worth.high)]}


def _trial(
    trial: TrialRecord, default: Candidate | TrialRecord, importance: Mapping[str, float]
) -> dict[str, Any]:
    changes = find_changes(default, trial)
    changes.sort(key=lambda change: -importance.get(change.name, 0.0))
    told = [f"{change.name} {change.after}" for change in changes[:TOLD_CHANGES]]
    if len(changes) > TOLD_CHANGES:
        told.append(f"and {len(changes) - TOLD_CHANGES} more")
    shown: dict[str, Any] = {
        "number": trial.number,
        "state": trial.state,
        "score": round(trial.objective, 2) if isinstance(trial, Scored) else None,
        "changes": told,
    }
    if not isinstance(trial, Complete):
        shown["reason"] = trial.reason
    return shown


def _slices(bitrate: BitrateResult) -> list[dict[str, Any]]:
    """For each parameter that varied: its values and scores over the scored trials."""
    scored = [trial for trial in bitrate.trials if isinstance(trial, Scored)]
    columns: dict[str, list[tuple[Scored, words.Value]]] = {}
    for trial in scored:
        for name, value in {"rate_mode": trial.rate_mode, **trial.values}.items():
            columns.setdefault(name, []).append((trial, value))
    varied = [name for name, column in columns.items() if len({repr(v) for _, v in column}) > 1]
    varied.sort(key=lambda name: -bitrate.importance.get(name, 0.0))
    return [_slice(name, columns[name]) for name in varied[:SLICES]]


def _slice(name: str, column: Sequence[tuple[Scored, words.Value]]) -> dict[str, Any]:
    # An optional number is a number or a text; a choice's texts have no numbers among them.
    texts = all(isinstance(v, str) or _is_number(v) for _, v in column)
    numeric = texts and len({v for _, v in column if _is_number(v)}) > 1
    return {
        "name": _name(name),
        "numeric": numeric,
        "values": [v if numeric and _is_number(v) else _tick(v) for _, v in column],
        "scores": [round(trial.objective, 2) for trial, _ in column],
        "numbers": [trial.number for trial, _ in column],
        "pruned": [trial.state == "pruned" for trial, _ in column],
    }


def _is_number(value: words.Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tick(value: words.Value) -> str:
    return words.shortened(words.setting_value(value), TICK_CHARS)


def _name(parameter: str) -> str:
    return "rate mode" if parameter == "rate_mode" else parameter

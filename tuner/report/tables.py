"""The report as CSV files, for spreadsheets and scripts.

Text that a spreadsheet would take for a formula gets an apostrophe before it, as clip
names and messages come from outside.
"""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tuner.records import (
    Answer,
    BitrateResult,
    Candidate,
    ClipRecord,
    Estimate,
    NoAnswer,
    SideResult,
)
from tuner.report.bd import Figure
from tuner.report.candidates import shown_candidate
from tuner.report.comparison import find_curves, find_deltas, find_metrics
from tuner.report.runs import Run
from tuner.report.saving import find_saving

#: Decimals of scores, bitrates and gains.
DECIMALS = 4
#: What begins a formula in a spreadsheet.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

FIGURES = ("bd_rate_percent", "bd_quality_points")
PARTS = ("", "_low", "_high", "_note")
TRIAL_FIELDS = (
    "number", "state", "rate_mode", "passes", "latency_ms", "knob", "bitrate_kbps", "score",
    "objective", "spread", "encode_s", "peak_dbfs", "error", "reason", "settings",
)  # fmt: skip
#: Columns that a file has even where it has no row: one bitrate has no Bjøntegaard delta.
HEADS: dict[str, tuple[str, ...]] = {
    "winners": ("run", "encoder", "target_kbps"),
    "deltas": ("metric", "test", "anchor", *(f + part for f in FIGURES for part in PARTS)),
    "trials": ("run", "encoder", "target_kbps", *TRIAL_FIELDS),
    "clips": ("run", "encoder", "target_kbps"),
    "targets": ("run", "encoder", "quality", "share"),
}

Row = dict[str, Any]


def write_tables(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Write `winners.csv`, `deltas.csv`, `trials.csv` and `clips.csv` into `folder`.

    Beside them `targets.csv` where a run has targets of quality.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _write(rows, folder / f"{name}.csv", HEADS[name])
        for name, rows in make_tables(runs).items()
    ]


def make_tables(runs: Sequence[Run]) -> dict[str, Iterator[Row]]:
    """The rows of the tables "winners", "deltas", "trials" and "clips"."""
    metrics = find_metrics(runs)
    tables = {
        "winners": _winners(runs, metrics),
        "deltas": _deltas(runs, metrics),
        "trials": _trials(runs),
        "clips": _clips(runs, metrics),
    }
    if any(run.results.quality_targets for run in runs):
        tables["targets"] = _targets(runs)
    return tables


def _write(rows: Iterable[Row], path: Path, head: Sequence[str]) -> Path:
    """Write rows under `head` and whatever columns they have besides."""
    written = list(rows)
    columns = list(dict.fromkeys([*head, *(column for row in written for column in row)]))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows({name: cell(value) for name, value in row.items()} for row in written)
    return path


def cell(value: Any) -> Any:
    """A value as a spreadsheet may read it: rounded, and never a formula."""
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value


def _winners(runs: Sequence[Run], metrics: Sequence[str]) -> Iterator[Row]:
    """One row per run and bitrate: what the verdict is about, and what to use."""
    climbed = runs[0].results.climbed
    curves = find_curves(runs, [climbed])[climbed]
    for run, of_run in zip(runs, curves, strict=True):
        seed = run.results.provenance.seed
        for bitrate in run.results.everything:
            answer = bitrate if isinstance(bitrate, Answer) else None
            shown = shown_candidate(answer) if answer else None
            target = bitrate.target_kbps
            saving = find_saving(of_run.default, of_run.shown(target), target, seed)
            yield {
                **_where(run, bitrate),
                "encoder_version": run.results.provenance.encoder_version,
                **_told(bitrate),
                "trial": shown.trial if shown else None,
                "rate_mode": shown.rate_mode if shown else None,
                "settings": json.dumps(shown.values, sort_keys=True) if shown else None,
                "objective": run.results.objective,
                **_gains(shown, metrics),
                "equivalent_kbps": saving.kbps,
                "equivalent_kbps_low": saving.low_kbps,
                "equivalent_kbps_high": saving.high_kbps,
            }


def _told(bitrate: BitrateResult) -> Row:
    if isinstance(bitrate, NoAnswer):
        told: Row = {"verdict": "no answer", "sentence": bitrate.problem}
        return told | {"recommended": "default", "command": ""}
    return {
        "verdict": bitrate.verdict.kind,
        "sentence": bitrate.verdict.sentence,
        "recommended": "tuned" if bitrate.winner else "default",
        "command": bitrate.recommended.shown,
    }


def _targets(runs: Sequence[Run]) -> Iterator[Row]:
    """One row per run and target of quality."""
    for run in runs:
        for target in run.results.quality_targets:
            row: Row = {
                "run": str(run.folder),
                "encoder": run.results.provenance.encoder,
                "quality": target.quality,
                "share": target.share,
                "searched_kbps": target.searched_kbps,
                "sentence": target.sentence,
                "recommended": "tuned" if target.recommended else "default",
            }
            for name, need in (("default", target.default), ("best", target.best)):
                fields = msgspec.to_builtins(need) if need else {}
                row |= {f"{name}_{key}": _plain(x) for key, x in fields.items()}
            if bits := target.bits:
                row |= {"bits_ratio": bits.value, "bits_ratio_low": bits.low}
                row["bits_ratio_high"] = bits.high
            yield row | {"time_ratio": target.time_ratio}


def _plain(value: Any) -> Any:
    """A command line or settings as text."""
    if isinstance(value, list):
        return shlex.join(value)
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def _gains(shown: Candidate | None, metrics: Sequence[str]) -> Row:
    side = shown.sides.get("holdout") if shown else None
    row: Row = {"holdout_kbps": side.bitrate_kbps if side else None}
    if side is not None and side.objective_gain is not None:
        row |= {f"objective_{k}": v for k, v in _spread(side.objective_gain).items()}
    for metric in metrics:
        gain = side.gains.get(metric) if side else None
        row[f"{metric}_gain"] = gain.value if gain else None
        row[f"{metric}_gain_low"] = gain.low if gain else None
        row[f"{metric}_gain_high"] = gain.high if gain else None
    return row


def _spread(gain: Estimate) -> Row:
    return {"gain": gain.value, "gain_low": gain.low, "gain_high": gain.high}


def _deltas(runs: Sequence[Run], metrics: Sequence[str]) -> Iterator[Row]:
    seed = runs[0].results.provenance.seed
    for deltas in find_deltas(find_curves(runs, metrics), seed):
        for delta in [*deltas.gained, *deltas.between]:
            yield {
                "metric": deltas.metric,
                "test": delta.test,
                "anchor": delta.anchor,
                **_figure("bd_rate_percent", delta.rate),
                **_figure("bd_quality_points", delta.quality),
            }


def _figure(name: str, figure: Figure) -> Row:
    return {
        name: figure.value,
        f"{name}_low": figure.low,
        f"{name}_high": figure.high,
        f"{name}_note": figure.note,
    }


def _trials(runs: Sequence[Run]) -> Iterator[Row]:
    for run in runs:
        for bitrate in run.results.everything:
            for trial in bitrate.trials:
                fields = msgspec.to_builtins(trial)
                values = json.dumps(fields.pop("values"), sort_keys=True)
                yield {**_where(run, bitrate), **fields, "settings": values}


def _clips(runs: Sequence[Run], metrics: Sequence[str]) -> Iterator[Row]:
    """One row per run, bitrate and clip: scores, gain and diagnosis of default and shown."""
    for run in runs:
        for bitrate in run.results.bitrates:
            shown = shown_candidate(bitrate)
            for clip in run.results.clips:
                row = {**_where(run, bitrate), **_clip(clip)}
                for role, candidate in (("default", bitrate.candidates[:1]), ("tuned", [shown])):
                    side = candidate[0].sides.get(clip.side) if candidate and candidate[0] else None
                    if side is not None:
                        row |= _heard(role, side, clip.digest, metrics)
                for metric in metrics:
                    before, after = row.get(f"{metric}_default"), row.get(f"{metric}_tuned")
                    if before is not None and after is not None:
                        row[f"{metric}_gain"] = after - before
                yield row


def _heard(role: str, side: SideResult, digest: str, metrics: Sequence[str]) -> Row:
    row: Row = {f"{m}_{role}": side.scores.get(m, {}).get(digest) for m in metrics}
    row[f"spread_{role}"] = side.spreads.get(digest)
    if side.objective:
        row[f"objective_{role}"] = side.objective.get(digest)
    return row | {f"{name}_{role}": x for name, x in side.diagnosis.get(digest, {}).items()}


def _clip(clip: ClipRecord) -> Row:
    fields = dict(vars(clip))
    return {"clip": fields.pop("name"), **{k: v for k, v in fields.items() if k != "traits"}} | {
        name: value for name, value in clip.traits.items() if name != "duration_s"
    }


def _where(run: Run, bitrate: BitrateResult) -> Row:
    return {
        "run": str(run.folder),
        "encoder": run.results.provenance.encoder,
        "target_kbps": bitrate.target_kbps,
    }

"""Where it helps and hurts: the clips by gain, with players, spectrograms and a diagnosis.

Everything comes from the stored results and from the sounds in ``RUN/exhibits``. Texts are
plain: ``clips.js`` puts them on the page as text.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tuner.artefacts import ARTEFACTS, describe
from tuner.exhibits import Role
from tuner.layout import name_layout
from tuner.records import Answer, Candidate, ClipRecord, Side, SideResult
from tuner.report import words
from tuner.report.candidates import metric_order, shown_candidate
from tuner.report.exhibits import (
    DIFFERENCE_DB,
    PICTURES,
    RANGE_DB,
    Samples,
    Sounds,
    draw_pictures,
    read_sounds,
)
from tuner.report.runs import Run

Audio = Literal["link", "embed", "none"]

SIDES: tuple[Side, ...] = ("holdout", "tune")
#: With fewer attacks, 1/s, a clip has no single ones (applause has thousands that overlap), and
#: nothing before which an echo could be measured.
FEW_ATTACKS = 0.05
PRE_ECHO = "pre_echo_db"
#: Length of the windows of `SideResult.windows`, seconds.
WINDOW_S = 3.0


def build_clips(
    runs: Sequence[Run], audio: Audio = "link", page: Path | None = None
) -> dict[str, Any]:
    """The data of the section, for ``<script type="application/json" id="clips">``.

    Args:
        runs: what the report shows.
        audio: "link": players play what lies beside the report, and a script is written beside each
            sound; "embed": lossless copies of 16 bit in the page; "none": no players.
        page: the report's own path, which links start from; None: in the first run's folder.

    Raises:
        RunError: an exhibit cannot be read, or its script not be written.
    """
    start = (page.parent if page is not None else runs[0].folder) if runs else Path()
    media = _Media(audio, start)
    metrics = list(dict.fromkeys(m for run in runs for m in metric_order(run.results)))
    views = [
        _view(run, bitrate, metrics, media)
        for run in runs
        for bitrate in run.results.bitrates
        if shown_candidate(bitrate) is not None
    ]
    media.make()
    return {
        "metrics": [{"key": m, "label": words.metric_label(m)} for m in metrics],
        "artefacts": [
            {
                "label": each.label,
                "meaning": each.meaning,
                "unit": each.unit,
                "scale": each.scale,
                "decimals": each.decimals,
            }
            for each in ARTEFACTS
        ],
        "window_s": WINDOW_S,
        "range_db": RANGE_DB,
        "difference_db": DIFFERENCE_DB,
        "views": views,
        "sounds": media.sounds,
        "pictures": media.pictures,
    }


@dataclass(frozen=True)
class _Job:
    """One clip at one bitrate: its sounds, their names, its pictures' names, and the new sounds."""

    sounds: Sounds
    names: dict[Role, str]
    pictures: dict[str, str]
    new: list[Role]


@dataclass
class _Media:
    """Sounds and pictures of all views; what several views share is there once."""

    audio: Audio
    start: Path
    sounds: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)
    jobs: list[_Job] = field(default_factory=list)

    def add(self, run: Run, target_kbps: float, digest: str) -> dict[str, Any]:
        """Names of one clip's sounds and pictures at one bitrate; empty where it has none."""
        files = {
            exhibit.role: exhibit.file
            for exhibit in run.exhibits
            if exhibit.clip == digest and exhibit.target_kbps == target_kbps
        }
        if set(files) != {"reference", "default", "tuned"}:
            return {}
        names = {role: f"{run.key}/{file}" for role, file in files.items()}
        pictures = {
            each: f"{names['reference' if each == 'reference' else 'tuned']}/{each}"
            for each in PICTURES
        }
        new: list[Role] = []
        if self.audio != "none":
            new = [role for role, name in names.items() if name not in self.sounds]
            self.sounds |= {names[role]: "" for role in new}
        self.jobs.append(_Job(Sounds(run.folder, files, self.start), names, pictures, new))
        shown: dict[str, Any] = {"pictures": pictures}
        return shown if self.audio == "none" else {**shown, "sounds": names}

    def make(self) -> None:
        """Make what was added, on all cores: reading, transforms and codecs are outside the GIL."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for sounds, pictures in pool.map(self._make, self.jobs):
                self.sounds |= sounds
                self.pictures |= pictures

    def _make(self, job: _Job) -> tuple[dict[str, str], dict[str, str]]:
        """Sounds and pictures of one job by name."""
        samples = read_sounds(job.sounds)
        drawn = draw_pictures(samples)
        return (
            {job.names[role]: self._give(job.sounds, role, samples[role]) for role in job.new},
            {name: drawn[picture] for picture, name in job.pictures.items()},
        )

    def _give(self, sounds: Sounds, role: Role, samples: Samples) -> str:
        if self.audio == "link":
            return sounds.link_script(role, samples)
        return sounds.embed(samples)


def _view(run: Run, bitrate: Answer, metrics: Sequence[str], media: _Media) -> dict[str, Any]:
    """One run at one bitrate."""
    default, tuned = bitrate.candidates[0], bitrate.candidates[bitrate.tuned]
    return {
        "key": f"{run.key}-{bitrate.target_kbps:g}",
        "label": f"{run.name}, {bitrate.target_kbps:g} kb/s",
        "tuned": "Tuned" if bitrate.winner else "Best tried",
        "sides": {
            side: _rows(run, bitrate, default, tuned, side, metrics, media) for side in SIDES
        },
    }


def _rows(
    run: Run,
    bitrate: Answer,
    default: Candidate,
    tuned: Candidate,
    side: Side,
    metrics: Sequence[str],
    media: _Media,
) -> list[dict[str, Any]]:
    """The clips of one side, the worst gain by the model first."""
    before, after = default.sides.get(side), tuned.sides.get(side)
    if before is None or after is None:
        return []
    clips = {clip.digest: clip for clip in run.results.clips}
    rows = []
    climbed = before.climbed
    for digest in before.scores.get(climbed, {}).keys() & after.scores.get(climbed, {}).keys():
        row = _row(clips.get(digest), digest, before, after, metrics)
        if side == "holdout":
            row |= media.add(run, bitrate.target_kbps, digest)
        rows.append(row)
    return sorted(rows, key=lambda row: (row["gains"][0], row["name"]))


def _row(
    clip: ClipRecord | None,
    digest: str,
    before: SideResult,
    after: SideResult,
    metrics: Sequence[str],
) -> dict[str, Any]:
    pairs = [_pair(before.scores, after.scores, metric, digest) for metric in metrics]
    figures = [_measured(side.diagnosis.get(digest, {}), clip) for side in (before, after)]
    row: dict[str, Any] = {
        "name": clip.name if clip else digest,
        "seconds": round(clip.duration_s, 2) if clip else None,
        "gains": [None if pair is None else round(pair[1] - pair[0], 2) for pair in pairs],
        "scores": pairs,
        "spread": round(after.spreads[digest], 1) if digest in after.spreads else None,
        "windows": [side.windows.get(digest, []) for side in (before, after)],
    }
    if clip is not None and clip.traits:
        row["traits"] = _describe(clip)
    if figures[0] and figures[1]:
        row["words"] = describe(*figures)
        row["diagnosis"] = [[each.get(artefact.key) for artefact in ARTEFACTS] for each in figures]
    return row


def _measured(figures: Mapping[str, float], clip: ClipRecord | None) -> dict[str, float]:
    """The figures that say something: without single attacks there is no pre-echo to measure."""
    without = clip is not None and clip.traits.get("attacks_per_s", 1.0) < FEW_ATTACKS
    return {key: each for key, each in figures.items() if not (without and key == PRE_ECHO)}


def _describe(clip: ClipRecord) -> str:
    """What kind of sound a clip is."""
    traits = clip.traits
    told = [f"{clip.duration_s:.1f} s"]
    if "attacks_per_s" in traits:
        few = traits["attacks_per_s"] < FEW_ATTACKS
        attacks = (
            "no isolated attacks" if few else f"{traits['attacks_per_s']:.1f} attacks per second"
        )
        told.append(attacks)
    if clip.channels == 1:
        told.append("mono")
    elif clip.channels > 2:
        told.append(f"{name_layout(clip.channels)} surround")
    elif "side_db" in traits:
        told.append(f"side {words.plain(traits['side_db'])} dB relative to mid")
    if "bandwidth_hz" in traits:
        told.append(f"bandwidth {traits['bandwidth_hz'] / 1000:.1f} kHz")
    if "crest_db" in traits:
        told.append(f"crest factor {traits['crest_db']:.0f} dB")
    if traits.get("outside_taught"):
        told.append("outside the model’s training range")
    return words.sentence(", ".join(told))


def _pair(
    before: Mapping[str, Mapping[str, float]],
    after: Mapping[str, Mapping[str, float]],
    metric: str,
    digest: str,
) -> list[float] | None:
    """Scores of default and tuned; None where the metric has not both."""
    pair = [scores.get(metric, {}).get(digest) for scores in (before, after)]
    return None if None in pair else [round(score, 2) for score in pair if score is not None]

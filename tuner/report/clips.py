"""Where it helps and hurts: the clips by gain, with players, spectrograms and a diagnosis.

Everything comes from the stored results and from the sounds in ``RUN/exhibits``. Texts are
plain: ``clips.js`` puts them on the page as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tuner.artefacts import ARTEFACTS, describe
from tuner.report import words
from tuner.report.candidates import metric_order, shown_candidate
from tuner.report.exhibits import Sounds, draw_pictures, read_sounds
from tuner.report.runs import Run
from tuner.results import MODEL, BitrateResult, Candidate, ClipRecord, Side, SideResult

Audio = Literal["link", "embed", "none"]

SIDES: tuple[Side, ...] = ("holdout", "tune")
#: Length of the windows of `SideResult.windows`, seconds.
WINDOW_S = 3.0


def build_clips(
    runs: Sequence[Run], audio: Audio = "link", page: Path | None = None
) -> dict[str, Any]:
    """The data of the section, for ``<script type="application/json" id="clips">``.

    Args:
        runs: what the report shows.
        audio: "link": players play the files beside the report; "embed": lossless copies of
            16 bit in the page; "none": no players.
        page: the report's own path, which links start from; None: in the first run's folder.

    Raises:
        RunError: an exhibit cannot be read.
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
        "views": views,
        "sounds": media.sounds,
        "pictures": media.pictures,
    }


@dataclass
class _Media:
    """Sounds and pictures of all views; what several views share is there once."""

    audio: Audio
    start: Path
    sounds: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)

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
        sounds = Sounds(run.folder, files, self.start)
        shown: dict[str, Any] = {"pictures": {}}
        samples = read_sounds(sounds)
        for picture, data in draw_pictures(samples).items():
            name = f"{names['reference' if picture == 'reference' else 'tuned']}/{picture}"
            self.pictures.setdefault(name, data)
            shown["pictures"][picture] = name
        if self.audio != "none":
            shown["sounds"] = names
            for role, name in names.items():
                if name not in self.sounds:
                    self.sounds[name] = (
                        sounds.link(role) if self.audio == "link" else sounds.embed(samples[role])
                    )
        return shown


def _view(
    run: Run, bitrate: BitrateResult, metrics: Sequence[str], media: _Media
) -> dict[str, Any]:
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
    bitrate: BitrateResult,
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
    for digest in before.scores.get(MODEL, {}).keys() & after.scores.get(MODEL, {}).keys():
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
    figures = [side.diagnosis.get(digest, {}) for side in (before, after)]
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


def _describe(clip: ClipRecord) -> str:
    """What kind of sound a clip is."""
    traits = clip.traits
    told = [f"{clip.duration_s:.1f} s"]
    if "attacks_per_s" in traits:
        told.append(f"{traits['attacks_per_s']:.1f} attacks a second")
    if clip.channels == 1:
        told.append("mono")
    elif "side_db" in traits:
        told.append(f"side {words.plain(traits['side_db'])} dB against mid")
    if "bandwidth_hz" in traits:
        told.append(f"bandwidth {traits['bandwidth_hz'] / 1000:.1f} kHz")
    if "crest_db" in traits:
        told.append(f"crest factor {traits['crest_db']:.0f} dB")
    if traits.get("outside_taught"):
        told.append("unlike what the model was taught on")
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

"""The teachers' verdicts on coded signals, raw, and the table that keeps them.

A label is what ViSQOL v3 and Zimtohrli measured on mid, side, left and right, and the eleven
variables of PEAQ for left and right together, mid, and side: raw, since how they are put on the
MUSHRA scale and weighed is decided when they are used (`tuner.training.opinions`), so that no
label is ever computed twice. Rows hold the recipe of
their signal and a digest of its samples; audio is made again from them.

The table is JSON lines, compressed with xz: a header, then one line for each reference.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tuner.atomic import atomic_write
from tuner.errors import ScoreError, StudyError
from tuner.metrics import peaq_basic as peaq
from tuner.metrics.scales import aligned_visqol_mos, zimtohrli_mos
from tuner.sound.audio import SILENCE_PEAK, Pcm
from tuner.sound.stereo import mid_and_side, side_level_db
from tuner.training.material import Source
from tuner.training.recipes import Recipe

TABLE_FORMAT = 1
#: Signals in the order of a label's lists.
SIGNALS = ("mid", "side", "left", "right")
#: Under this level of the side (dB under the mid), in reference and coded signal, nobody
#: hears it and it is not measured.
SIDE_UNHEARD_DB = -32.0
#: Left and right are measured apart when their levels differ by this much, dB: there noise of
#: one may lie bare in the other, which mid and side share. Elsewhere on every fourth reference.
CHANNELS_APART_DB = 3.0
CHANNELS_EVERY = 4


@dataclass(frozen=True)
class Label:
    """What one coded signal is and what the teachers measured.

    Args:
        recipe: how it is made.
        visqol, zimtohrli: MOS of mid, side, left and right; None where not measured.
        peaq: the variables of PEAQ (`tuner.metrics.peaq_basic.Variables`) of left and right
            together, of mid and of side; None where not measured, empty where PEAQ was not
            asked yet.
        muted: share of it that is silent where the reference is not, 0 to 1.
        side_db: level of the side against the mid: of the reference, of the coded signal.
        digest: first 12 hex digits of the sha256 of its samples at 16 bits.
    """

    recipe: Recipe
    visqol: tuple[float | None, ...]
    zimtohrli: tuple[float | None, ...]
    side_db: tuple[float, float]
    digest: str
    peaq: tuple[tuple[float, ...] | None, ...] = ()
    muted: float = 0.0


@dataclass(frozen=True)
class Labelled:
    """One reference with all its labels."""

    index: int
    source: Source
    digest: str
    labels: tuple[Label, ...]


def label(reference: Pcm, coded: Pcm, recipe: Recipe, *, apart: bool) -> Label:
    """Measure one coded signal.

    Args:
        reference, coded: float32 ``[C, T]`` at 48 kHz, aligned.
        apart: measure left and right, too, whatever their levels.

    Raises:
        ScoreError: a teacher gave no number.
    """
    side_db = (side_level_db(reference), side_level_db(coded))
    pairs: list[tuple[Any, Any] | None] = [None] * len(SIGNALS)
    (mid, side), (coded_mid, coded_side) = mid_and_side(reference), mid_and_side(coded)
    pairs[0] = (mid, coded_mid)
    if reference.shape[0] == 2:
        if max(side_db) > SIDE_UNHEARD_DB:
            pairs[1] = (side, coded_side)
        if apart or _balance_db(reference) > CHANNELS_APART_DB:
            for channel in (0, 1):
                # The same trace of the other channel as between mid and side.
                pairs[2 + channel] = (_ear(reference, channel), _ear(coded, channel))
    measured = {
        name: tuple(None if p is None else round(float(metric(*p)), 4) for p in pairs)
        for name, metric in (("visqol", aligned_visqol_mos), ("zimtohrli", zimtohrli_mos))
    }
    rounded = (round(side_db[0], 2), round(side_db[1], 2))
    return Label(
        recipe,
        measured["visqol"],
        measured["zimtohrli"],
        rounded,
        digest_of(coded),
        peaq_variables(reference, coded),
        muted_share(reference, coded),
    )


def muted_share(reference: Pcm, coded: Pcm) -> float:
    """Share of 5 ms blocks that are silent in the coded signal and not in the reference."""
    frames = reference.shape[1] // 240
    silent = [
        np.abs(pcm[:, : frames * 240]).reshape(len(pcm), frames, 240).max(axis=(0, 2), initial=0)
        < SILENCE_PEAK
        for pcm in (coded, reference)
    ]
    return round(float(np.mean(silent[0] & ~silent[1])), 4) if frames else 0.0


def peaq_variables(reference: Pcm, coded: Pcm) -> tuple[tuple[float, ...] | None, ...]:
    """`Label.peaq` of one coded signal.

    Raises:
        ScoreError: PEAQ gave no number.
    """
    known, heard = (_peaq_signals(pcm) for pcm in (reference, coded))
    side_db = (side_level_db(reference), side_level_db(coded))
    whole = [0, 1] if reference.shape[0] == 2 else [0]
    heard_side = reference.shape[0] == 2 and max(side_db) > SIDE_UNHEARD_DB
    signals = [2, 3] if heard_side else [2]
    if len(whole) == 1:
        known, heard, signals = known[:1], heard[:1], []
    frames = peaq.frames(known, heard)
    rows = peaq.combine(frames, [whole]).array()
    if signals:
        rows = np.concatenate([rows, peaq.combine(frames, [[n] for n in signals]).array()])
    if not np.isfinite(rows).all():
        raise ScoreError("PEAQ returned no finite number: is the coded signal silent or damaged?")
    told: list[tuple[float, ...] | None] = [tuple(float(f"{x:.5g}") for x in row) for row in rows]
    return tuple(told + [told[0] if not signals else None, None][: 3 - len(told)])


def _peaq_signals(pcm: Pcm) -> Pcm:
    """Left, right, mid and side as PEAQ hears them, ``[4, T]``."""
    return np.stack([pcm[0], pcm[-1], *mid_and_side(pcm)]).astype(np.float32)


def _ear(pcm: Pcm, channel: int) -> Any:
    own, other = pcm[channel].astype(np.float64), pcm[1 - channel].astype(np.float64)
    return own + other * 10 ** (-30 / 20)


def _balance_db(pcm: Pcm) -> float:
    left, right = (float(np.mean(np.square(c, dtype=np.float64))) for c in pcm)
    return float(abs(10 * np.log10((left + 1e-12) / (right + 1e-12))))


def digest_of(pcm: Pcm) -> str:
    """First 12 hex digits of the sha256 of the samples, rounded to 16 bits at half scale."""
    stored = np.clip(np.round(pcm * 2.0**14), -32768, 32767).astype("<i2")
    return hashlib.sha256(stored.tobytes()).hexdigest()[:12]


def without_unheard(labelled: Labelled) -> Labelled:
    """Without the labels of signals that are their reference: they have no order to teach."""
    heard = tuple(each for each in labelled.labels if each.digest != labelled.digest)
    return replace(labelled, labels=heard)


def to_json(labelled: Labelled) -> str:
    """One line of the table."""
    rows = [
        {
            **{k: v for k, v in asdict(each.recipe).items() if v not in ("", None)},
            "visqol": each.visqol,
            "zimtohrli": each.zimtohrli,
            "side_db": each.side_db,
            "digest": each.digest,
            **({"peaq": each.peaq} if each.peaq else {}),
            **({"muted": each.muted} if each.muted else {}),
        }
        for each in labelled.labels
    ]
    defaults = asdict(Source(labelled.source.kind, labelled.source.name))
    source = {
        k: v
        for k, v in asdict(labelled.source).items()
        if k in ("kind", "name") or v != defaults[k]
    }
    record = {"index": labelled.index, "source": source, "digest": labelled.digest, "labels": rows}
    return json.dumps(record, separators=(",", ":"))


def from_json(line: str) -> Labelled:
    """A line of the table. Raises KeyError, TypeError or ValueError if it is damaged."""
    record = json.loads(line)
    labels = tuple(
        Label(
            Recipe(tuple(row["steps"]), row.get("group", ""), row.get("kbps")),
            tuple(row["visqol"]),
            tuple(row["zimtohrli"]),
            (row["side_db"][0], row["side_db"][1]),
            row["digest"],
            tuple(None if v is None else tuple(v) for v in row.get("peaq", ())),
            row.get("muted", 0.0),
        )
        for row in record["labels"]
    )
    fields: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in record["source"].items()
    }
    return Labelled(record["index"], Source(**fields), record["digest"], labels)


def write_table(path: Path, header: Mapping[str, Any], rows: Iterable[Labelled]) -> None:
    """Write a table, whole or not at all."""
    lines = [json.dumps({"format": TABLE_FORMAT, **header}, separators=(",", ":"))]
    lines += [to_json(row) for row in sorted(rows, key=lambda row: row.index)]
    atomic_write(path, lzma.compress("\n".join(lines).encode() + b"\n", preset=9))


def read_table(path: Path) -> tuple[dict[str, Any], list[Labelled]]:
    """Header and rows of a table.

    Raises:
        StudyError: naming the file, if it is missing, damaged or of another format.
    """
    try:
        first, *lines = lzma.decompress(path.read_bytes()).decode().splitlines()
        header = json.loads(first)
        if header["format"] != TABLE_FORMAT:
            raise ValueError(f"format {header['format']}; this program reads {TABLE_FORMAT}")
        return header, [from_json(line) for line in lines]
    except (OSError, lzma.LZMAError, ValueError, KeyError, TypeError) as error:
        raise StudyError(f"cannot be read as a label table ({error})", where=path) from error

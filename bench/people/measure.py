"""Measures every condition, raw, and keeps the numbers; goes on where it was stopped."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.people.coded import public_tests, sweeps
from bench.people.excerpts import Excerpt, excerpts
from bench.people.people import odaq_means
from tuner.metrics import peaq_basic as peaq
from tuner.sound.audio import Pcm
from tuner.sound.stereo import mid_and_side
from tuner.training.labels import label
from tuner.training.odaq import Condition, conditions
from tuner.training.recipes import Recipe

#: The roles whose excerpts hear a family; every family is heard on mixes and some solos.
ROLES = {
    "LP": ("mix", "solo", "tonal", "transient"),
    "SH": ("mix", "solo", "tonal"),
    "TM": ("mix", "solo", "tonal"),
    "UN": ("mix", "solo", "tonal"),
    "PE": ("mix", "solo", "transient"),
}
FORMAT = 1

Make = Callable[[Pcm], tuple[Pcm, float | None]]


@dataclass(frozen=True)
class Planned:
    """One coded excerpt to be.

    Args:
        excerpt: the reference.
        test: "odaq", "public" or "bandwidth".
        family: of the artefact, or the codec condition's name.
        level: of the artefact; "" for codecs.
        people: their mean for the condition, MUSHRA points; None where it is only swept.
        make: from the reference to the coded signal and the kb/s that it spent.
    """

    excerpt: Excerpt
    test: str
    family: str
    level: str
    people: float | None
    make: Make

    @property
    def key(self) -> str:
        """Its name in files."""
        return f"{self.excerpt.name}-{self.family}-{self.level}".replace(" ", "_")


@dataclass(frozen=True)
class Row:
    """One coded excerpt and what was measured on it.

    Args:
        excerpt, role: the reference.
        test, family, level, people: as in `Planned`.
        kbps: measured on this excerpt; None for artefacts.
        visqol, zimtohrli, side_db: as in `tuner.training.labels.Label`.
        peaq, peaq_mid, peaq_side: the eleven variables of PEAQ, in the order of the standard, of
            left and right together, of mid and of side.
    """

    excerpt: str
    role: str
    test: str
    family: str
    level: str
    people: float | None
    kbps: float | None
    visqol: list[float | None]
    zimtohrli: list[float | None]
    side_db: list[float]
    peaq: list[float]
    peaq_mid: list[float]
    peaq_side: list[float]


def measure(data: Path, work: Path) -> list[Row]:
    """All rows. What was coded and measured before is taken from the folder `work`."""
    (work / "coded").mkdir(parents=True, exist_ok=True)
    planned = sorted(_plan(data, work), key=lambda each: each.excerpt.seed)
    similar = _measured(planned, data, work, "similar", _similar)
    masked = _measured(planned, data, work, "peaq", _masked)
    rows = []
    for each in planned:
        numbers = {**similar[each.key], **masked[each.key]}
        name, role = each.excerpt.name, each.excerpt.role
        rows.append(Row(name, role, each.test, each.family, each.level, each.people, **numbers))
    return rows


def _measured(
    planned: list[Planned],
    data: Path,
    work: Path,
    name: str,
    numbers: Callable[[Pcm, Pcm], dict[str, Any]],
) -> dict[str, dict[str, Any]]:
    """The numbers of all that is planned, by key; one line of a file for each."""
    path = work / f"{name}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    known: dict[str, dict[str, Any]] = dict(json.loads(line) for line in lines)
    with path.open("a") as table:
        for each in planned:
            if each.key in known:
                continue
            reference = each.excerpt.read(data)
            coded, kbps = _coded(each, reference, work)
            found = numbers(reference, coded)
            if name == "similar":
                found["kbps"] = kbps
            known[each.key] = found
            table.write(json.dumps([each.key, found]) + "\n")
            table.flush()
            print(f"{name} {len(known)} of {len(planned)}: {each.key}", flush=True)
    return known


def _coded(each: Planned, reference: Pcm, work: Path) -> tuple[Pcm, float | None]:
    """The coded signal, made once: another metric finds it in the folder."""
    path = work / "coded" / f"{each.key}.npz"
    if not path.exists():
        coded, kbps = each.make(reference)
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, coded=coded, kbps=np.nan if kbps is None else kbps)
        partial.rename(path)
    with np.load(path) as kept:
        kbps = float(kept["kbps"])
        return kept["coded"], None if np.isnan(kbps) else round(kbps, 2)


def _plan(data: Path, work: Path) -> Iterator[Planned]:
    means = odaq_means(data)
    for condition in conditions():
        for excerpt in excerpts():
            if excerpt.role in ROLES[condition.family]:
                people = means[condition.family, condition.level]
                make = _Degrade(condition, excerpt.seed)
                yield Planned(excerpt, "odaq", condition.family, condition.level, people, make)
    for excerpt, name, points, coder in public_tests(data, work):
        yield Planned(excerpt, "public", name, "", points, coder)
    for excerpt, name, coder in sweeps():
        yield Planned(excerpt, "bandwidth", name, "", None, coder)


@dataclass(frozen=True)
class _Degrade:
    condition: Condition
    seed: int

    def __call__(self, reference: Pcm) -> tuple[Pcm, None]:
        return self.condition.make(reference, self.seed), None


def _similar(reference: Pcm, coded: Pcm) -> dict[str, Any]:
    found = label(reference, coded, Recipe(()), apart=False)
    return {
        "visqol": list(found.visqol),
        "zimtohrli": list(found.zimtohrli),
        "side_db": list(found.side_db),
    }


def _masked(reference: Pcm, coded: Pcm) -> dict[str, Any]:
    measured = peaq.frames(_four(reference), _four(coded))
    found = [peaq.combine(measured, rows).array()[0] for rows in ([[0, 1]], [[2]], [[3]])]
    names = ("peaq", "peaq_mid", "peaq_side")
    return {name: [round(float(v), 5) for v in row] for name, row in zip(names, found, strict=True)}


def _four(pcm: Pcm) -> Pcm:
    """Left, right, mid and side as the teachers hear them."""
    return np.concatenate([pcm, np.stack(mid_and_side(pcm)).astype(np.float32)])


def write(path: Path, rows: list[Row]) -> None:
    """The table: JSON lines after a header, compressed with xz."""
    order = sorted(rows, key=lambda row: (row.test, row.family, row.level, row.excerpt))
    lines = [json.dumps({"format": FORMAT})]
    lines += [json.dumps(asdict(row), separators=(",", ":")) for row in order]
    path.write_bytes(lzma.compress("\n".join(lines).encode() + b"\n", preset=9))


def read(path: Path) -> list[Row]:
    """What `write` wrote."""
    header, *lines = lzma.decompress(path.read_bytes()).decode().splitlines()
    if json.loads(header)["format"] != FORMAT:
        raise SystemExit(f"{path}: another format; measure again")
    return [Row(**json.loads(line)) for line in lines]

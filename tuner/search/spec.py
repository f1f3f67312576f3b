"""The study definition: what `tuner run` is asked to do, from TOML and flags.

Everything is checked here at once, before anything runs; all problems are told together,
each with its key and what would be right. Names of parameters are checked against the
encoder's declaration in `tuner.search.space`.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from tuner.encoder import Value
from tuner.errors import StudyError
from tuner.plugins import is_encoder_file

Excerpt = Literal["loudest", "varied", "start"]
Sampler = Literal["tpe", "random"]
Objective = Literal["mean", "lower-bound"]

EXCERPTS: tuple[Excerpt, ...] = ("loudest", "varied", "start")
SAMPLERS: tuple[Sampler, ...] = ("tpe", "random")
OBJECTIVES: tuple[Objective, ...] = ("mean", "lower-bound")
EXECUTORS = ("local", "ray")

#: Trials per bitrate when neither trials nor hours are given.
DEFAULT_TRIALS = 60
#: Legal target bitrates, kb/s: the lowest speech codec to lossless stereo at 192 kHz.
BITRATE_RANGE = (4.0, 6000.0)
#: Legal excerpt lengths, s (`tuner.clips`).
EXCERPT_RANGE_S = (5.0, 10.0)


@dataclass(frozen=True)
class ClipsSpec:
    """Which clips: see `tuner.clips`.

    Args:
        folder: folder of WAV and FLAC files.
        manifest: CSV that names sides and excerpts, or None.
        excerpt_s: length of an excerpt in seconds.
        excerpt: how the excerpt is chosen.
        per_file: excerpts per file.
    """

    folder: str
    manifest: str | None = None
    excerpt_s: float = 8.0
    excerpt: Excerpt = "loudest"
    per_file: int = 1


@dataclass(frozen=True)
class StudySpec:
    """One study, checked.

    Args:
        encoder: adapter name, or the absolute path of a file that declares one.
        clips: the clip set.
        bitrates_kbps: target bitrates, ascending, kb/s.
        binary: path of another binary for the adapter, or None.
        trials: most trials per bitrate, or None.
        hours: most hours of search for all bitrates together, over all sessions, or None.
        seed: seed of sampler and bootstrap.
        executor: "local" or "ray".
        address: of a Ray cluster, or None.
        workers: jobs at a time; 0 means all cores.
        sampler: how settings are proposed.
        objective: "mean" quality over the clips, or the "lower-bound" of opinions.
        fixed: (name, value) of parameters that are not searched; may fix `rate_mode`.
    """

    encoder: str
    clips: ClipsSpec
    bitrates_kbps: tuple[float, ...]
    binary: str | None = None
    trials: int | None = DEFAULT_TRIALS
    hours: float | None = None
    seed: int = 0
    executor: str = "local"
    address: str | None = None
    workers: int = 0
    sampler: Sampler = "tpe"
    objective: Objective = "mean"
    fixed: tuple[tuple[str, Value], ...] = field(default=())

    def digest(self) -> str:
        """First 16 hex digits of the sha256 of what defines the search, not its budget."""
        definition = [
            self.encoder,
            self.binary,
            self.bitrates_kbps,
            self.seed,
            self.sampler,
            self.objective,
            self.fixed,
            vars(self.clips),
        ]
        return hashlib.sha256(json.dumps(definition).encode()).hexdigest()[:16]

    def to_toml(self) -> str:
        """The study as TOML; `parse_study` of it gives an equal spec."""
        top = {
            name: value
            for name, value in vars(self).items()
            if name not in ("clips", "sampler", "objective", "fixed")
        }
        tables: dict[str, dict[str, object]] = {
            "clips": vars(self.clips),
            "search": {"sampler": self.sampler, "objective": self.objective},
            "fixed": dict(self.fixed),
        }
        lines = _toml_lines(top)
        for name, table in tables.items():
            if table:
                lines += ["", f"[{name}]", *_toml_lines(table)]
        return "\n".join(lines) + "\n"


def _toml_lines(table: Mapping[str, object]) -> list[str]:
    # JSON's strings, numbers, booleans and arrays are TOML's too.
    return [f"{key} = {json.dumps(value)}" for key, value in table.items() if value is not None]


def read_study(path: Path) -> dict[str, object]:
    """The raw content of a study file, its paths taken from the file's folder.

    Those are the clips' folder and manifest, an encoder's file (``my.toml``), and a binary
    with a folder in its name (``./lame-dev``).

    Raises:
        StudyError: naming the file, if it cannot be read or is not TOML.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"{path}: cannot be read as a study ({error})") from error
    clips = raw.get("clips")
    if isinstance(clips, dict):
        for key in ("folder", "manifest"):
            if isinstance(clips.get(key), str):
                clips[key] = str((path.parent / Path(clips[key]).expanduser()).absolute())
    for key in ("encoder", "binary"):
        if isinstance(raw.get(key), str):
            raw[key] = locate(raw[key], path.parent)
    return raw


def locate(name: str, folder: Path) -> str:
    """An encoder's or binary's path as seen from `folder`, absolute; a bare name as it is."""
    if "/" in name or is_encoder_file(name):
        return str((folder / Path(name).expanduser()).absolute())
    return name


def merge(raw: Mapping[str, object], flags: Mapping[str, object]) -> dict[str, object]:
    """The study with flags laid over it, tables merged key by key.

    A trials or hours flag replaces the file's whole budget.
    """
    merged = dict(raw)
    if "trials" in flags or "hours" in flags:
        merged.pop("trials", None)
        merged.pop("hours", None)
    for key, value in flags.items():
        below = merged.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            merged[key] = {**below, **value}
        else:
            merged[key] = value
    return merged


def parse_study(raw: Mapping[str, object], origin: str) -> StudySpec:
    """Check a raw study.

    Args:
        raw: the content of a study file, flags merged in.
        origin: file name or "command line", for messages.

    Raises:
        StudyError: listing every problem.
    """
    problems: list[str] = []
    top, clips, search = (_Table(raw, name, problems) for name in ("", "clips", "search"))
    fixed = _Table(raw, "fixed", problems)
    has_budget = top.has("trials") or top.has("hours")
    spec = StudySpec(
        encoder=top.text("encoder") or "",
        bitrates_kbps=top.bitrates("bitrates_kbps"),
        binary=top.text("binary", optional=True),
        trials=top.whole("trials", None if has_budget else DEFAULT_TRIALS, low=1),
        hours=top.number("hours", None, low=0.0, high=10_000.0),
        seed=top.whole("seed", 0, low=0) or 0,
        executor=top.choice("executor", EXECUTORS, "local"),
        address=top.text("address", optional=True),
        workers=top.whole("workers", 0, low=0) or 0,
        clips=ClipsSpec(
            folder=clips.text("folder") or "",
            manifest=clips.text("manifest", optional=True),
            excerpt_s=clips.number("excerpt_s", 8.0, *EXCERPT_RANGE_S) or 8.0,
            excerpt=cast(Excerpt, clips.choice("excerpt", EXCERPTS, "loudest")),
            per_file=clips.whole("per_file", 1, low=1) or 1,
        ),
        sampler=cast(Sampler, search.choice("sampler", SAMPLERS, "tpe")),
        objective=cast(Objective, search.choice("objective", OBJECTIVES, "mean")),
        fixed=fixed.values(),
    )
    top.refuse_unknown(also=("clips", "search", "fixed"))
    clips.refuse_unknown()
    search.refuse_unknown()
    if spec.address is not None and spec.executor != "ray":
        problems.append(f"address: {spec.address!r} is for executor ray, not {spec.executor}")
    if problems:
        raise StudyError("\n  ".join([f"{origin}: the study is wrong:", *problems]))
    return spec


class _Table:
    """One TOML table, read key by key; problems are collected, not raised."""

    def __init__(self, raw: Mapping[str, object], name: str, problems: list[str]) -> None:
        table = raw.get(name, {}) if name else raw
        self.prefix = f"{name}." if name else ""
        self.problems = problems
        self.known: set[str] = set()
        self.table: Mapping[str, object] = {}
        if isinstance(table, Mapping):
            self.table = table
        else:
            problems.append(f"{name}: a table [{name}] is needed, not {table!r}")

    def has(self, key: str) -> bool:
        return key in self.table

    def _get(self, key: str) -> object:
        self.known.add(key)
        return self.table.get(key)

    def _refuse(self, key: str, wanted: str, value: object) -> None:
        found = "missing" if value is None else f"{value!r} is not right"
        self.problems.append(f"{self.prefix}{key}: {found}; it must be {wanted}")

    def text(self, key: str, *, optional: bool = False) -> str | None:
        value = self._get(key)
        if isinstance(value, str) and value.strip():
            return value
        if value is not None or not optional:
            self._refuse(key, WANTED_TEXTS.get(f"{self.prefix}{key}", "a text"), value)
        return None

    def whole(self, key: str, default: int | None, *, low: int) -> int | None:
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and value >= low:
            return value
        self._refuse(key, f"a whole number from {low}", value)
        return default

    def number(self, key: str, default: float | None, low: float, high: float) -> float | None:
        value = self._get(key)
        if value is None:
            return default
        if _is_number(value) and low <= cast(float, value) <= high:
            return float(cast(float, value))
        self._refuse(key, f"a number from {low:g} to {high:g}", value)
        return default

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, str) and value in choices:
            return value
        self._refuse(key, "one of " + ", ".join(choices), value)
        return default

    def bitrates(self, key: str) -> tuple[float, ...]:
        value = self._get(key)
        low, high = BITRATE_RANGE
        listed = value if isinstance(value, list | tuple) else []
        good = [float(x) for x in listed if _is_number(x) and low <= x <= high]
        if not good or len(good) != len(listed) or len(set(good)) != len(good):
            self._refuse(key, f"a list of different kb/s from {low:g} to {high:g}", value)
        return tuple(sorted(good))

    def values(self) -> tuple[tuple[str, Value], ...]:
        good: dict[str, Value] = {}
        for key, value in self.table.items():
            if isinstance(value, bool | int | float | str):
                good[key] = value
            else:
                self._refuse(key, "a number, a text, true or false", value)
        return tuple(sorted(good.items()))

    def refuse_unknown(self, also: Sequence[str] = ()) -> None:
        known = [*sorted(self.known), *also]
        for key in self.table:
            if key not in known:
                names = ", ".join(known)
                self.problems.append(f"{self.prefix}{key}: unknown; known here: {names}")


#: What texts that must be there are, for messages.
WANTED_TEXTS = {
    "encoder": "the name of an encoder; `tuner encoders` lists them (or --encoder NAME)",
    "clips.folder": "a folder of WAV or FLAC files (or --clips FOLDER)",
}


def _is_number(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(cast(float, value))

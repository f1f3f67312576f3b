"""Study files as they are written: read, their paths made absolute, flags laid over them.

What is in them is checked by `tuner.study.spec`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.errors import StudyError
from tuner.metrics.registry import is_metric_file
from tuner.plugins import is_encoder_file
from tuner.study.database_url import locate_url

#: Largest study file: a thousand times the longest of ours.
LARGEST_BYTES = 1_000_000


def read_study(path: Path) -> dict[str, object]:
    """The raw content of a study file, its paths taken from the file's folder.

    Raises:
        StudyError: naming the file, if it cannot be read or is not TOML.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise ValueError(f"larger than {LARGEST_BYTES} bytes")
        raw = tomllib.loads(content.decode())
    except RecursionError:
        raise StudyError("cannot be read as a study (nested too deeply)", where=path) from None
    except (OSError, ValueError) as error:
        raise StudyError(f"cannot be read as a study ({error})", where=path) from error
    return locate_paths(raw, path.parent)


def locate_paths(raw: dict[str, Any], folder: Path) -> dict[str, object]:
    """A raw study with its paths as seen from `folder`, absolute.

    Those are the clips' folder and manifest, the runs of a warm start, an encoder's file
    (``my.toml``), a metric's (``my-metric.toml``), a binary with a folder in its name
    (``./lame-dev``), weights, and a database's file.
    """
    clips = raw.get("clips")
    if isinstance(clips, dict):
        for key in ("folder", "manifest"):
            if isinstance(clips.get(key), str):
                clips[key] = _absolute(clips[key], folder)
    search = raw.get("search")
    if isinstance(search, dict) and isinstance(search.get("warm_start"), list):
        search["warm_start"] = [
            _absolute(run, folder) if isinstance(run, str) else run for run in search["warm_start"]
        ]
    if isinstance(search, dict) and isinstance(search.get("objective_metric"), str):
        search["objective_metric"] = locate_metric(search["objective_metric"], folder)
    if isinstance(raw.get("judges"), list):
        raw["judges"] = [
            locate_metric(name, folder) if isinstance(name, str) else name for name in raw["judges"]
        ]
    for key, found in (
        ("encoder", locate),
        ("binary", locate),
        ("storage", locate_url),
        ("weights", _absolute),
    ):
        if isinstance(raw.get(key), str):
            raw[key] = found(raw[key], folder)
    return raw


def locate(name: str, folder: Path) -> str:
    """An encoder's or binary's path as seen from `folder`, absolute; a bare name as it is."""
    if "/" in name or is_encoder_file(name):
        return _absolute(name, folder)
    return name


def locate_metric(name: str, folder: Path) -> str:
    """The path of a metric's file as seen from `folder`, absolute; a bare name as it is."""
    return _absolute(name, folder) if is_metric_file(name) else name


def _absolute(name: str, folder: Path) -> str:
    return str((folder / Path(name).expanduser()).absolute())


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

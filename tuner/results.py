"""Reads and writes `results.json`."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import msgspec

from tuner.atomic import atomic_write
from tuner.consistency import find_contradictions
from tuner.errors import RunError
from tuner.records import FORMAT_VERSION, Results

#: Of the file in a run directory.
RESULTS_NAME = "results.json"
#: How much of what is wrong with a file is told.
MOST_TOLD = 3


class _Head(msgspec.Struct):
    """What tells whether the rest can be read."""

    format_version: object = None


def _missing(path: Path) -> RunError:
    """The run has no results, or there is no such run."""
    if path.parent.is_dir():
        remedy = "`tuner run` resumes an unfinished run"
        return RunError("not found", where=path, remedy=remedy)
    remedy = "give the folder that was given to `tuner run --out`"
    return RunError("no such run", where=path.parent, remedy=remedy)


def write_results(results: Results, path: Path) -> None:
    """Write `results` as JSON, atomically."""
    # The library writes what is no number as null; here it is an error.
    atomic_write(path, json.dumps(msgspec.to_builtins(results), indent=1, allow_nan=False))


def read_results(path: Path) -> Results:
    """Read `results.json`.

    Raises:
        RunError: if it is missing, not JSON, of another format version, or contradicts itself.
    """
    try:
        raw = path.read_bytes()
        raw.decode()
        version = _version(raw)
    except FileNotFoundError:
        raise _missing(path) from None
    except (ValueError, OSError, RecursionError) as error:
        raise RunError(f"cannot be read ({error})", where=path) from error
    if type(version) is not int or version != FORMAT_VERSION:
        raise _other_version(version, path)
    try:
        results = msgspec.json.decode(raw, type=Results)
    except (ValueError, RecursionError) as error:
        raise RunError(f"damaged ({error})", where=path) from error
    if found := list(itertools.islice(find_contradictions(results), MOST_TOLD + 1)):
        told = "; ".join(found[:MOST_TOLD]) + (" …" if len(found) > MOST_TOLD else "")
        raise RunError(f"inconsistent ({told})", where=path, remedy="recreate it with `tuner run`")
    return results


def read_run(run: Path) -> Results:
    """The results of a run directory. Raises `RunError` as `read_results`."""
    return read_results(run / RESULTS_NAME)


def _other_version(version: object, path: Path) -> RunError:
    if type(version) is not int:
        told = (
            "declares no format version" if version is None else f"format version {version!r:.80}"
        )
        return RunError(f"{told}; this program reads {FORMAT_VERSION}", where=path)
    remedy = "run the study again into a new folder" if version < FORMAT_VERSION else "update tuner"
    what = f"format version {version}; this program reads {FORMAT_VERSION}"
    return RunError(what, where=path, remedy=remedy)


def _version(raw: bytes) -> object:
    """The format version of JSON that may be anything."""
    try:
        return msgspec.json.decode(raw, type=_Head).format_version
    except msgspec.ValidationError:
        return None

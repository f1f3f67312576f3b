"""Reads and writes `results.json`."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import typing
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar

from tuner.consistency import find_contradictions
from tuner.errors import RunError
from tuner.records import Results

#: Versions that can be read: what the older ones lack has a default.
READABLE_VERSIONS = (2, 3, 4, 5, 6, 7)

#: What a verdict was called before version 6 -> now.
OLD_VERDICTS = {"the default is already the best": "nothing better was found"}


def write_results(results: Results, path: Path) -> None:
    """Write `results` as JSON, atomically."""
    partial = path.with_suffix(".partial")
    text = json.dumps(dataclasses.asdict(results), indent=1, allow_nan=False)
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def read_results(path: Path) -> Results:
    """Read `results.json`.

    Raises:
        RunError: if it is missing, not JSON, of another format version, or contradicts itself.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise RunError(f"{path}: not there; has the run finished? `tuner run` goes on") from None
    except (ValueError, OSError, RecursionError) as error:
        raise RunError(f"{path}: cannot be read ({error})") from error
    version = raw.get("format_version") if isinstance(raw, dict) else None
    if version not in READABLE_VERSIONS:
        known = " and ".join(map(str, READABLE_VERSIONS))
        raise RunError(f"{path}: format version {version}, this program reads {known}")
    try:
        results = _build(Results, _renewed(raw))
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path}: damaged ({error!r})") from error
    if found := list(itertools.islice(find_contradictions(results), MOST_TOLD + 1)):
        told = "; ".join(found[:MOST_TOLD]) + (" …" if len(found) > MOST_TOLD else "")
        raise RunError(f"{path}: contradicts itself ({told}); make it again with `tuner run`")
    return results


def _renewed(raw: dict[str, Any]) -> dict[str, Any]:
    """Stored results of an older version, in today's words."""
    for bitrate in raw.get("bitrates", ()):
        kind = bitrate["verdict"]["kind"]
        bitrate["verdict"]["kind"] = OLD_VERDICTS.get(kind, kind)
    return raw


def _refuse_constant(name: str) -> None:
    """Python's JSON takes NaN and infinity; here they would be a score that is none."""
    raise ValueError(f"it holds {name}; run the study again")


_T = TypeVar("_T")
#: The largest figure that is believed: doubles hold every whole number up to it.
LARGEST = 2**53
#: How much of what is wrong with a file is told.
MOST_TOLD = 3


def _build(kind: type[_T], raw: Any) -> _T:
    """A value of the annotated type `kind` from plain JSON data, its types checked."""
    return typing.cast(_T, _build_value(kind, raw))


def _build_value(kind: Any, raw: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        hints = _hints(typing.cast(type, kind))
        fields = _expect(raw, dict)
        built = {
            f.name: _build_value(hints[f.name], fields[f.name])
            for f in _fields(kind)
            if f.name in fields or not _has_default(f)
        }
        return typing.cast(Any, kind)(**built)
    if origin is list:
        return [_build_value(arguments[0], item) for item in _expect(raw, list)]
    if origin is dict:
        key_kind, value_kind = arguments
        items = _expect(raw, dict).items()
        return {_build_value(key_kind, k): _build_value(value_kind, v) for k, v in items}
    if origin is UnionType and raw is not None:
        # Of the records, which hold one kind or None; plain values are told apart below.
        for record in filter(dataclasses.is_dataclass, arguments):
            return _build_value(record, raw)
    if origin is Literal:
        if raw not in arguments:
            raise ValueError(f"{raw!r} is none of {arguments}")
        return raw
    return _expect(raw, *(arguments or (kind,)))


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    """The resolved annotations; thousands of records share them."""
    return typing.get_type_hints(kind)


def _has_default(field_: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field_.default is not missing or field_.default_factory is not missing


def _fields(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(kind)


def _expect(raw: Any, *kinds: type) -> Any:
    """`raw` if it is of one of `kinds` (a whole number may stand for a float)."""
    if type(raw) in kinds or (type(raw) is int and float in kinds):
        # JSON's 1e999 is infinite, and its whole numbers have no end.
        if isinstance(raw, int | float) and not abs(raw) <= LARGEST:
            raise ValueError(f"{raw!r:.40} is no figure")
        return raw
    raise TypeError(f"{raw!r:.60} where {' or '.join(k.__name__ for k in kinds)} belongs")

"""Reads a file, and says what is wrong in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import msgspec

from encoders.toml_file.definition import (
    USUAL,
    Definition,
    Options,
    TomlParameter,
    TomlRateMode,
    fill_knob,
    fill_value,
    pick,
)
from tuner.encoder import RATE_MODE, AdapterError

VARIABLE, CONFIG_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII), re.compile(r"\w[\w.-]*", re.ASCII)
#: The words that `encode` must hold, each once; of these two, as words of their own.
NEEDED, WIDE = ("{rate}", "{options}", "{source}", "{target}"), ("{rate}", "{options}")


def read_definition(text: str, origin: str) -> Definition:
    """The definition that a file's text holds.

    Args:
        text: TOML.
        origin: the file's path, for messages.

    Raises:
        AdapterError: naming the file and what is wrong in it.
    """
    try:
        raw = _normal(tomllib.loads(text))
        problems = list(_unknown(raw))
        definition = None if problems else msgspec.convert(raw, Definition)
    except tomllib.TOMLDecodeError as error:
        raise AdapterError(f"invalid TOML ({error})", where=origin) from error
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `$.")
        place = place.rstrip("`") or "file"
        raise AdapterError(f"invalid encoder:\n  {place}: {said}", where=origin) from error
    if definition is not None:
        problems = list(_problems(definition))
        if not problems:
            return definition
    raise AdapterError("\n  ".join(["invalid encoder:", *problems]), where=origin)


def compile_pattern(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """One of the patterns of a file, with the usual complaints where it names them."""
    return re.compile(pattern.replace(*USUAL), flags)


def _normal(raw: dict[str, Any]) -> dict[str, Any]:
    """A single value, where a parameter may have a list, as a list of one."""
    for table in _tables(raw, "parameters"):
        if isinstance(when := table.get("when"), dict):
            table["when"] = {k: v if isinstance(v, list) else [v] for k, v in when.items()}
        if isinstance(table.get("file"), str):
            table["file"] = [table["file"]]
    return raw


def _tables(raw: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    tables = raw.get(name, ())
    return [t for t in tables if isinstance(t, dict)] if isinstance(tables, list) else []


def _unknown(raw: Mapping[str, Any]) -> Iterator[str]:
    """Keys that are none, which msgspec lets pass in dataclasses."""
    kinds = {"rate_modes": TomlRateMode, "parameters": TomlParameter}
    tables: list[tuple[str, Mapping[str, Any], type]] = [("", raw, Definition)]
    for name, kind in kinds.items():
        tables += [(f"{name} {t.get('name')!r}: ", t, kind) for t in _tables(raw, name)]
    for where, table, kind in tables:
        known = [field.name for field in fields(kind)]
        for name in table.keys() - known:
            yield f"{where}unknown: {name}; known: {', '.join(known)}"


def _problems(file: Definition) -> Iterator[str]:
    """What contradicts itself."""
    joined = " ".join(file.encode)
    if missing := [word for word in NEEDED if joined.count(word) != 1]:
        yield f"encode: must contain {', '.join(missing)} exactly once"
    for word in WIDE:
        if word in joined and word not in file.encode:
            yield f"encode: {word} expands to several words and must be a word of its own"
    if file.decode and not {"{source}", "{target}"} <= set(file.decode):
        yield "decode: must contain the words {source} and {target}"
    if not file.rate_modes:
        yield "rate_modes: at least one [[rate_modes]] table is required"
    if file.config and not CONFIG_NAME.fullmatch(file.config):
        yield "config: must be a plain file name"
    for name in ("version_pattern", "version_mark", "ignored", "noted", "noted_mark"):
        try:
            compile_pattern(getattr(file, name))
        except re.error as error:
            yield f"{name}: not a regular expression ({error})"
    for mode in file.rate_modes:
        yield from (f"rate_modes {mode.name!r}: {said}" for said in _problems_of_mode(mode))
    known = {RATE_MODE}
    for parameter in file.parameters:
        where = f"parameters {parameter.name!r}"
        if parameter.name in known:
            yield f"{where}: declared twice"
        if unknown := parameter.when.keys() - known:
            names = ", ".join(sorted(unknown))
            yield f"{where}: `when` names {names}, which must be declared before it"
        known.add(parameter.name)
        if parameter.file and not file.config:
            yield f'{where}: `file` requires a file name: config = "enc.conf"'
        yield from (f"{where}: {said}" for said in _problems_of_parameter(parameter))


def _problems_of_mode(mode: TomlRateMode) -> Iterator[str]:
    options = mode.options
    if isinstance(options, Mapping) and not mode.table:
        yield "a table of options requires a `table` of values"
    elif not isinstance(options, Mapping) and not any("{knob" in word for word in options):
        yield "none of its options contains {knob}"
    yield from _misfits(options, (), mode.table or (mode.low,), fill_knob, "{knob}, {knob_bps}")


def _problems_of_parameter(parameter: TomlParameter) -> Iterator[str]:
    carriers = (*parameter.env.values(), *parameter.file)
    if not parameter.options and not carriers:
        yield "nothing tells its value: neither `options` nor `env` nor `file`"
    if wrong := [name for name in parameter.env if not VARIABLE.fullmatch(name)]:
        yield f"`env`: invalid variable names: {', '.join(wrong)}"
    values = [v for v in parameter.named if parameter.always or v != parameter.default]
    if parameter.kind != "choice":
        values.append(parameter.snap(parameter.range[0]))
    yield from _misfits(parameter.options, carriers, values, fill_value, "{value}")


def _misfits(
    options: Options,
    others: Sequence[str],
    values: Sequence[Any],
    fill: Callable[[str, Any], str],
    known: str,
) -> Iterator[str]:
    """Values without words, and words that cannot be filled with a value."""
    found: dict[str, None] = {}
    for value in values:
        try:
            words = pick(options, value)
        except KeyError as error:
            found[f"no options for {error.args[0]}"] = None
            continue
        for word in (*words, *others):
            try:
                fill(word, value)
            except (ValueError, LookupError, AttributeError) as error:
                found[f"{word!r}: {error}; known: {known}"] = None
    yield from found

"""`tuner encoders`: what is installed, and the parameters of one encoder."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from tuner.encoder import NUMBER, Encoder, Parameter, RateMode, Value
from tuner.errors import EncoderMissing, StudyError
from tuner.plugins import encoder_names, load_encoder
from tuner.suggestion import show_value


def encoders(
    name: Annotated[
        str | None, typer.Argument(help="Show this encoder's parameters (name or TOML file).")
    ] = None,
    binary: Annotated[str | None, typer.Option(help="Path to the encoder executable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List encoders with versions and rate ranges, or show one encoder's parameters."""
    if name is not None:
        encoder = load_encoder(name, binary=binary)
        if as_json:
            print(json.dumps(describe(encoder), indent=1))
        else:
            _print_encoder(encoder)
        return
    if binary is not None:
        raise StudyError("--binary needs the name of an encoder, as in `tuner encoders lame`")
    if as_json:
        print(json.dumps([_state(each) for each in encoder_names()], indent=1))
    else:
        _print_rows([_summary(each) for each in encoder_names()])


def describe(encoder: Encoder) -> dict[str, object]:
    """An adapter's declaration and the build that runs, as JSON data."""
    version = encoder.version
    return {
        "name": encoder.name,
        "version": version.text,
        "binary": version.binary,
        "digest": version.digest,
        "rate_modes": [dataclasses.asdict(m) for m in encoder.rate_modes],
        "parameters": [dataclasses.asdict(p) for p in encoder.parameters],
    }


def _state(name: str) -> dict[str, object]:
    """One encoder of the list as JSON data; `problem` says why it cannot be used."""
    try:
        return {"encoder": name, "problem": None, **describe(load_encoder(name))}
    except EncoderMissing as error:
        return {"encoder": name, "problem": str(error), "failure": error.as_dict()}


def _summary(name: str) -> dict[str, str]:
    try:
        encoder = load_encoder(name)
        version = encoder.version.text
    except EncoderMissing as error:
        return {"encoder": name, "version": f"not usable: {error}", "rate range": ""}
    stands_in = "" if encoder.name == name else f"{encoder.name} instead: "
    modes = "\n".join(_range(mode) for mode in encoder.rate_modes)
    return {"encoder": name, "version": stands_in + version, "rate range": modes}


def _range(mode: RateMode) -> str:
    """ "cbr: 32 to 320 kb/s", "vbr: quality 0 to 10"."""
    knob, unit = ("", " kb/s") if mode.nominal else (f"{mode.knob} ", "")
    legal = f", {len(mode.table)} values" if mode.table else ""
    return f"{mode.name}: {knob}{mode.low:g} to {mode.high:g}{unit}{legal}"


def _print_rows(rows: list[dict[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    # A name that is broken or cut off cannot be copied to --fixed, nor a version be searched for.
    console = Console()
    first, *others, last = rows[0]
    words = [max(len(w) for row in rows for w in [each, *row[each].split()]) for each in rows[0]]
    room = console.width - sum(words[:-1]) - 3 * len(words) - 1
    table = Table(
        Column(first, no_wrap=True, overflow="fold"),
        *(Column(each, overflow="fold") for each in others),
        Column(last, overflow="fold", max_width=max(words[-1], room)),
    )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row.values()))
        if any("\n" in cell for cell in row.values()):
            table.add_section()
    console.print(table)


def _values(parameter: Parameter) -> str:
    """ "on, off", "auto, 4000 to 20000, step 250 Hz"."""
    values = [*map(show_value, parameter.named)]
    if parameter.kind != "choice":
        values.append(f"{parameter.low:g} to {parameter.high:g}")
        values += [f"step {parameter.step:g}"] if parameter.step and parameter.step != 1 else []
    return f"{', '.join(values)} {parameter.unit}".strip()


def _condition(name: str, values: tuple[Value, ...]) -> str:
    """ "rate_mode in cbr, abr", "lowpass_hz is a number"."""
    named = [show_value(v) for v in values if v != NUMBER]
    parts = [f"in {', '.join(named)}"] if named else []
    parts += ["is a number"] if NUMBER in values else []
    return f"{name} {' or '.join(parts)}"


def _print_encoder(encoder: Encoder) -> None:
    rows = []
    for p in encoder.parameters:
        when = " and ".join(_condition(name, values) for name, values in p.when.items())
        cells = (p.name, _values(p), show_value(p.default), when, p.meaning)
        rows.append(
            dict(zip(("parameter", "values", "default", "when", "meaning"), cells, strict=True))
        )
    version = encoder.version
    print(f"{encoder.name}: {version.text} ({version.binary}, build {version.digest})")
    for mode in encoder.rate_modes:
        print(f"  rate mode {_range(mode)}")
    _print_rows(rows)

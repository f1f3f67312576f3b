"""`tuner encoders`: what is installed, and the parameters of one encoder."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from tuner.encoder import Encoder
from tuner.errors import EncoderMissing
from tuner.plugins import encoder_names, load_encoder


def encoders(
    name: Annotated[str | None, typer.Argument(help="Show this encoder's parameters.")] = None,
    binary: Annotated[str | None, typer.Option(help="Path of its binary.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the encoders with versions and rate modes; with a name, its parameters."""
    if name is None:
        rows = [_summary(each) for each in encoder_names()]
        if as_json:
            print(json.dumps(rows, indent=1))
        else:
            _print_rows(rows)
        return
    encoder = load_encoder(name, binary=binary)
    modes = [dataclasses.asdict(m) for m in encoder.rate_modes]
    parameters = [dataclasses.asdict(p) for p in encoder.parameters]
    if as_json:
        facts = {"name": name, "version": encoder.version.text, "rate_modes": modes}
        print(json.dumps(facts | {"parameters": parameters}, indent=1))
    else:
        _print_encoder(encoder)


def _summary(name: str) -> dict[str, str]:
    try:
        encoder = load_encoder(name)
        version = encoder.version.text
    except EncoderMissing as error:
        return {"encoder": name, "version": f"not usable: {error}", "rate modes": ""}
    modes = ", ".join(f"{m.name} ({m.knob} {m.low:g} to {m.high:g})" for m in encoder.rate_modes)
    return {"encoder": name, "version": version, "rate modes": modes}


def _print_rows(rows: list[dict[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(Text(cell) for cell in row.values()))
    Console().print(table)


def _print_encoder(encoder: Encoder) -> None:
    rows = []
    for p in encoder.parameters:
        values = ", ".join(map(str, p.choices)) if p.choices else f"{p.low:g} to {p.high:g}"
        when = " and ".join(f"{k} in {', '.join(map(str, v))}" for k, v in p.when.items())
        cells = (p.name, f"{values} {p.unit}".strip(), str(p.default), when, p.meaning)
        rows.append(
            dict(zip(("parameter", "values", "default", "when", "meaning"), cells, strict=True))
        )
    print(f"{encoder.name}: {encoder.version.text} ({encoder.version.binary})")
    for m in encoder.rate_modes:
        print(f"  rate mode {m.name}: {m.knob} {m.low:g} to {m.high:g}")
    _print_rows(rows)

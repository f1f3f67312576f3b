"""The options that describe a target of quality (`tuner.study.goal`)."""

from __future__ import annotations

from typing import Annotated

import typer

TargetShareOption = Annotated[
    float | None,
    typer.Option(
        help="Share of clips that must reach them, as in 0.95 (default: their mean must)."
    ),
]

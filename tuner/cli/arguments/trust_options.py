"""The options with which a user lets a run use what it names (`tuner.study.trust`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tuner.study.trust import Trust

BinaryOption = Annotated[
    str | None, typer.Option("--binary", help="Encoder executable to use instead of the run's.")
]
TrustOption = Annotated[
    list[str] | None,
    typer.Option("--trust", help="sha256 of a program that the run may execute."),
]


def make_trust(binary: str | None, digests: Sequence[str] | None) -> Trust:
    """What the options say. Raises `StudyError` for what is no digest."""
    from tuner.study.files import locate
    from tuner.study.trust import Trust

    return Trust(locate(binary, Path()) if binary else None, tuple(digests or ()))

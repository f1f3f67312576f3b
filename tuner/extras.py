"""Libraries that only some commands need: the extras of the package (``codec-tuner[plots]``)."""

from __future__ import annotations

from importlib.util import find_spec

from tuner.errors import ExtraMissing

#: Extra -> what it installs, as it is imported.
EXTRAS = {
    "train": ("mido",),
    "tags": ("mutagen",),
    "listen": ("starlette", "uvicorn"),
    "plots": ("matplotlib",),
    "dashboard": ("optuna_dashboard",),
}


def has_extra(extra: str) -> bool:
    """Whether all that an extra installs is there."""
    return not _missing(extra)


def need_extra(extra: str, what: str) -> None:
    """Raise `ExtraMissing`, which says how to install it, unless an extra is there.

    Args:
        extra: a key of `EXTRAS`.
        what: what needs it, the beginning of a sentence ("drawing plots").
    """
    if missing := _missing(extra):
        raise ExtraMissing(f"{what} needs {' and '.join(missing)}: {how_to_install(extra)}")


def how_to_install(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'codec-tuner[{extra}]'"


def _missing(extra: str) -> list[str]:
    return [name for name in EXTRAS[extra] if find_spec(name) is None]

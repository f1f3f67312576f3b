"""Finds encoder adapters by entry point; the built-in ones come through the same door.

An adapter's package names its class in the group ``tuner.encoders`` (see
`docs/adapters.md`). The class is called without arguments, or with ``binary=PATH`` when
the user names a binary.

An encoder may also be a file (``my.toml``). What reads it is found by the file's suffix in
the group ``tuner.encoder_files``: a function of the path and ``binary=PATH``.
"""

from __future__ import annotations

import inspect
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from tuner.encoder import Encoder
from tuner.errors import EncoderMissing
from tuner.suggestion import did_you_mean

GROUP = "tuner.encoders"
#: Entry points named after a suffix without its dot: ``toml``.
FILE_GROUP = "tuner.encoder_files"
#: What an adapter must have. Looked up without evaluating: `version` runs the binary.
MEMBERS = (
    *("name", "version", "parameters", "rate_modes", "encode", "decode", "command_line"),
    *("presets", "teaches", "reads_floats", "programs", "latency_ms"),
)
#: What importing or constructing somebody else's class may raise.
BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


def encoder_names() -> dict[str, str]:
    """The names of all installed adapters, sorted, each with its distribution."""
    return {entry.name: _distribution(entry) for entry in _entries()}


def load_encoder(name: str, binary: str | None = None) -> Encoder:
    """The adapter called `name`.

    Args:
        name: its entry point's name, or the path of a file that declares it.
        binary: path or name of the binary to use instead of the adapter's own choice.

    Raises:
        EncoderMissing: no or more than one adapter of that name, or it cannot be loaded.
        AdapterError: the file's declaration is wrong.
    """
    if is_encoder_file(name):
        return _load_file(Path(name), binary)
    entries = [entry for entry in _entries() if entry.name == name]
    if not entries:
        known = ", ".join(encoder_names()) or "none"
        raise EncoderMissing(
            f"no encoder {name!r}{did_you_mean(name, encoder_names())}",
            remedy=f"known: {known}; or give your own file (my.toml)",
        )
    offers = " and ".join(_distribution(entry) for entry in entries)
    if len(entries) > 1:
        raise EncoderMissing(
            f"encoder {name!r} is provided by {offers}", remedy="uninstall all but one"
        )
    try:
        factory = entries[0].load()
        adapter = factory() if binary is None else factory(binary=binary)
    except BROKEN as error:
        cause = f"{type(error).__name__}: {error}"
        raise EncoderMissing(f"encoder {name!r} of {offers} cannot be loaded ({cause})") from error
    absent = [m for m in MEMBERS if inspect.getattr_static(adapter, m, None) is None]
    if absent:
        lacks = ", ".join(absent)
        raise EncoderMissing(
            f"encoder {name!r} of {offers} is not an adapter: it lacks {lacks}"
            " (the class tuner.encoder.Encoder has defaults to inherit)"
        )
    found: Encoder = adapter
    return found


def is_encoder_file(name: str) -> bool:
    """Whether `name` is the path of a file that declares an encoder, by its suffix."""
    return bool(_file_entries(name))


def _file_entries(name: str) -> list[EntryPoint]:
    suffix = Path(name).suffix.removeprefix(".")
    return [entry for entry in entry_points(group=FILE_GROUP) if suffix == entry.name]


def _load_file(path: Path, binary: str | None) -> Encoder:
    if not path.is_file():
        raise EncoderMissing(
            "no such file", where=path, remedy="give an existing file or an installed encoder"
        )
    found: Encoder = _file_entries(str(path))[0].load()(path, binary=binary)
    return found


def _entries() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"

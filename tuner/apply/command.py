"""Runs an adapter's command line as a user would, on files, with exactly the build that runs.

Used where the adapter's `encode` will not do: to prove that what is printed makes what was
scored, and for files too long to hold in memory.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tuner.encoder import Encoder, Settings
from tuner.errors import EncoderFailed, EncoderMissing
from tuner.system import children
from tuner.system.outputs import BadOutput, check_output

#: How much of what a program says is kept, from its end.
STDERR_TAIL_BYTES = 64 * 1024
#: The longest single wait, s: Python acts on a Ctrl-C that came just before a wait only after it.
WAIT_S = 1.0


def with_fields(encoder: Encoder, **fields: object) -> Encoder:
    """The adapter with other fields, those that it has (`binary`, `timeout_s`)."""
    adapter = cast(Any, encoder)
    if not dataclasses.is_dataclass(adapter) or isinstance(adapter, type):
        return encoder
    own = {field.name for field in dataclasses.fields(adapter)}
    changes = {name: value for name, value in fields.items() if name in own}
    return cast(Encoder, dataclasses.replace(adapter, **changes))


def exact_command(
    encoder: Encoder, settings: Settings, knob: float, source: str, target: str
) -> list[str]:
    """The command that users are shown, but its program named by the path of the build that runs.

    Raises:
        EncoderMissing: it is not there.
        SettingsError: the settings do not fit.
    """
    exact = with_fields(encoder, binary=encoder.version.binary)
    return list(exact.command_line(settings, knob, source, target))


def run_command(command: Sequence[str], folder: Path, target: str) -> Path:
    """Run a command in a folder where it makes a file.

    Returns:
        The path of the file.

    Raises:
        EncoderMissing: its program is not there.
        EncoderFailed: it failed, or made no file.
    """
    folder = folder.absolute()  # the child is started from another one
    # A command may call this program's own Python ("python3 -m …").
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    program = shutil.which(command[0], path=path)
    if program is None:
        raise EncoderMissing("no such program", where=command[0])
    with Path(os.devnull).open("r+b") as nothing, tempfile.TemporaryFile() as said:
        files = nothing.fileno(), nothing.fileno(), said.fileno()
        env = {**os.environ, "PATH": path}
        try:
            child = children.start(command, files, env=env, cwd=folder, program=program)
        except OSError as error:
            raise EncoderMissing(f"cannot be run ({error.strerror})", where=command[0]) from error
        try:
            while not child.wait(WAIT_S):
                pass
        finally:
            child.end()
        said.seek(max(said.tell() - STDERR_TAIL_BYTES, 0))
        text = said.read().decode(errors="replace")
    if child.returncode:
        raise EncoderFailed(f"exit code {child.returncode}", command, child.returncode, text)
    made = folder / target
    try:
        check_output(made)
    except BadOutput as error:
        raise EncoderFailed(f"exit code 0, but {error}", command, 0, text) from error
    return made

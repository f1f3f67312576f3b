"""Runs an adapter's command line as a user would, on files, with exactly the build that runs.

Used where the adapter's `encode` will not do: to prove that what is printed makes what was
scored, and for files too long to hold in memory.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tuner.encoder import Encoder, Settings
from tuner.errors import EncoderFailed, EncoderMissing


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
    # A command may call this program's own Python ("python3 -m …").
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise EncoderMissing(f"{command[0]}: cannot be run ({error.strerror})") from error
    said, made = done.stderr.decode(errors="replace"), folder / target
    if done.returncode:
        raise EncoderFailed(f"exit code {done.returncode}", command, done.returncode, said)
    if not made.is_file() or not made.stat().st_size:
        raise EncoderFailed("exit code 0, but no output", command, 0, said)
    return made

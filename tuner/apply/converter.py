"""A command line as foobar2000's converter takes it: a program, and its parameters.

Written from foobar2000's documentation: a custom encoder has the fields that are given here, and
in its parameters ``%s`` stands for the source and ``%d`` for the destination.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

#: What stands for the files.
SOURCE, TARGET = "%s", "%d"
#: What stands before a program's name and is no program of Windows.
SHELL_ONLY = ("env", "python3", "python")


@dataclass(frozen=True)
class Converter:
    """The fields of foobar2000's dialogue for a custom encoder.

    Args:
        program: name of the encoder.
        extension: of its files, without dot.
        parameters: quoted as Windows has it.
    """

    program: str
    extension: str
    parameters: str


def make_converter(command: Sequence[str], source: str = "input.wav") -> Converter | None:
    """The fields of a command line that ends with its target.

    Args:
        command: the command line, its files `source` and ``output.EXT``.
        source: how it names its source.

    Returns:
        None where no field can hold it: it starts with an environment or with Python, does not
        name its files so, or a word of it has a percent sign or a control character.
    """
    program, *words = command
    targets = [word for word in words if PurePath(word).stem == "output"]
    if program in SHELL_ONLY or "=" in program or source not in words or len(targets) != 1:
        return None
    if any("%" in word or not word.isprintable() for word in command):
        return None
    names = {source: SOURCE, targets[0]: TARGET}
    parameters = subprocess.list2cmdline([names.get(word, word) for word in words])
    return Converter(f"{program}.exe", PurePath(targets[0]).suffix[1:], parameters)

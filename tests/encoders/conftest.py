"""A script that stands for an encoder's program that is not on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from encoders.aac import Aac
from tuner.encoder import default_settings
from tuner.testing import make_clip

#: Answers the version's arguments with a banner, as the program does; otherwise records its
#: arguments, says what it is told to say, and copies a ready file to where the output goes.
SCRIPT = """#!{python} -IS
import json, shutil, sys
if sys.argv[1:] == {version_arguments!r}:
    getattr(sys, {stream!r}).write({banner!r})
    sys.exit({version_code})
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
sys.stderr.write({says!r})
targets = [word for word in sys.argv[1:] if word.endswith(".m4a")]
if {writes}:
    shutil.copyfile({source!r}, targets[0])
sys.exit({code})
"""


@dataclass(frozen=True)
class StandIn:
    """A program that codes nothing.

    Args:
        binary: path of the script.
        log: where it writes its arguments, one JSON list a line.
    """

    binary: str
    log: Path

    def arguments(self) -> list[str]:
        """What it was called with last, versions not counted."""
        words: list[str] = json.loads(self.log.read_text().splitlines()[-1])
        return words


@pytest.fixture(scope="session")
def coded() -> bytes:
    """A clip in an MPEG-4 file, by an encoder that is there."""
    encoder = Aac()
    clip = np.asarray(make_clip())
    return encoder.encode(clip, 48_000, default_settings(encoder), 64).data


@pytest.fixture
def stand_in(tmp_path: Path, coded: bytes) -> Callable[..., StandIn]:
    """Makes stand-ins: how they tell their version, what they say, their exit codes.

    `tag` ends up in the output's bytes, in a box of free space that players skip.
    """

    def make(
        version_arguments: Sequence[str] = (),
        banner: str = "",
        stream: str = "stdout",
        version_code: int = 0,
        says: str = "",
        tag: bytes = b"",
        writes: bool = True,
        code: int = 0,
    ) -> StandIn:
        source, log, script = tmp_path / "ready.m4a", tmp_path / "log", tmp_path / "stand-in"
        source.write_bytes(coded + (8 + len(tag)).to_bytes(4, "big") + b"free" + tag)
        script.write_text(
            SCRIPT.format(
                python=sys.executable,
                version_arguments=list(version_arguments),
                banner=banner,
                stream=stream,
                version_code=version_code,
                log=str(log),
                says=says,
                source=str(source),
                writes=writes,
                code=code,
            )
        )
        script.chmod(0o755)
        return StandIn(str(script), log)

    return make

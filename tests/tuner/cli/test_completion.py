"""Shell completion reaches into subcommands, which are loaded only then."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = "import sys; sys.argv = ['tuner', *sys.argv[1:]]; from tuner.cli import main; main()"


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("tuner comp", "compare"),
        ("tuner run --obj", "--objective-metric"),
        ("tuner listen an", "analyse"),
    ],
)
def test_words_are_completed(typed: str, wanted: str) -> None:
    """As bash asks: commands, their options, commands of a group."""
    asked = {
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
        "_TUNER_COMPLETE": "complete_bash",
    }
    assert _run({**os.environ, **asked}).stdout.split() == [wanted]


def test_the_script_is_shown() -> None:
    """`--show-completion` prints what a shell reads."""
    shown = _run({**os.environ, "SHELL": "/bin/bash", "_TUNER_COMPLETE": "source_bash"})
    assert "COMPREPLY" in shown.stdout


def _run(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True)

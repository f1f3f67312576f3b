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


@pytest.mark.parametrize(
    ("shell", "holds"), [("bash", "COMPREPLY"), ("zsh", "#compdef tuner"), ("fish", "complete ")]
)
def test_the_script_is_shown(shell: str, holds: str) -> None:
    """`--show-completion` prints what a shell reads; bash itself reads its own."""
    shown = _run({**os.environ, "_TUNER_COMPLETE": f"source_{shell}"}).stdout
    assert holds in shown
    if shell == "bash":
        subprocess.run(["bash", "-n", "-c", shown], check=True)


def _run(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True)

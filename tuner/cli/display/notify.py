"""Tells a command or a URL how a run ended, so that nobody has to look."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Mapping

from tuner.errors import StudyError

#: Longest wait for a command or a server, s.
LIMIT_S = 60.0


def is_url(target: str) -> bool:
    """Whether it is posted to, rather than run."""
    return target.startswith(("http://", "https://"))


def check_target(target: str) -> None:
    """Raise `StudyError` where it is neither a URL nor a command whose program is there."""
    if is_url(target):
        return
    try:
        words = shlex.split(target)
    except ValueError as error:
        raise StudyError(
            f"cannot be read as a command ({error})", where=f"--notify {target}"
        ) from error
    if not words or shutil.which(words[0]) is None:
        raise StudyError(
            "no such program", where=f"--notify {target}", remedy="give a command or an http(s) URL"
        )


def notify(target: str, content: Mapping[str, object]) -> None:
    """Run a command with JSON on its stdin, or post it to a URL.

    What goes wrong is told on stderr: a run has ended well, whoever did not hear of it.

    Args:
        target: a command line, run without a shell, or an http(s) URL.
        content: what is told.
    """
    body = json.dumps(content).encode()
    try:
        if is_url(target):
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(target, body, headers, method="POST")
            with urllib.request.urlopen(request, timeout=LIMIT_S):
                return
        done = subprocess.run(
            shlex.split(target), input=body, stdout=subprocess.DEVNULL, timeout=LIMIT_S
        )
        problem = f"exit status {done.returncode}" if done.returncode else None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    if problem is not None:
        print(f"--notify {target}: not told ({problem})", file=sys.stderr)

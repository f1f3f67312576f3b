"""Sessions of a run for `bench.crash`: started, told of by the phases that they enter."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from tuner.sound.synth import write_demo_clips

#: Seconds between two looks at what a run tells.
POLL_S = 0.05


class Session(Protocol):
    """A driver: a `subprocess.Popen`, or what is used like one."""

    pid: int

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""

    def wait(self) -> int:
        """Its exit status, once it has ended."""

    def send_signal(self, number: int) -> None:
        """Send it a signal."""


class Forked:
    """A driver that is forked from this process, which has imported all that it needs.

    Args:
        line: the arguments of `bench.crash_driver`.
        variables: of its environment.
        log: where it writes what it tells.
    """

    def __init__(self, line: Sequence[str], variables: dict[str, str], log: Path) -> None:
        self._status: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            self._drive(line, variables, log)

    @staticmethod
    def _drive(line: Sequence[str], variables: dict[str, str], log: Path) -> None:
        status = 1
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(target, 1)
            os.dup2(target, 2)
            os.environ.update(variables)
            sys.argv = ["tuner", *line]
            driver = importlib.import_module("bench.crash_driver")
            sys.modules["__main__"] = driver  # what spawned workers import
            driver.drive()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(bool(end.code))
        finally:
            os._exit(status)

    def poll(self) -> int | None:
        """See `Session.poll`."""
        return self._reap(os.WNOHANG)

    def wait(self) -> int:
        """See `Session.wait`."""
        while (status := self._reap(0)) is None:
            pass
        return status

    def send_signal(self, number: int) -> None:
        """See `Session.send_signal`."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _reap(self, options: int) -> int | None:
        if self._status is None:
            pid, status = os.waitpid(self.pid, options)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status


@dataclass(frozen=True)
class Rig:
    """The command that is run, disturbed and run again.

    Args:
        folder: where runs and clips are.
        trials: of the run.
        limit_s: time limit of encodes and of jobs.
        fakes: whether encoder and metrics are fakes.
    """

    folder: Path
    trials: int
    limit_s: float
    fakes: bool

    def make_clips(self) -> None:
        """The demo's; for fakes, noise."""
        clips = self.folder / "clips"
        if not self.fakes:
            write_demo_clips(clips)
            return
        clips.mkdir(parents=True)
        rng = np.random.default_rng(1)
        for number in range(12):
            noise = 0.02 * (number + 1) * rng.standard_normal(round(2.5 * 48_000))
            soundfile.write(clips / f"{number}.wav", np.clip(noise, -0.9, 0.9), 48_000)

    def start(self, run: Path) -> Session:
        """Start a session; what the one before told of its phases is forgotten."""
        self.phases.write_text("")
        encoder = "fake" if self.fakes else "lame"
        line = ["run", "--encoder", encoder, "--bitrates", "64", "--workers", "2"]
        line += ["--clips", str(self.folder / "clips"), "--trials", str(self.trials)]
        line += ["--out", str(run)]
        variables = {"PHASES": str(self.phases), "LIMIT": f"{self.limit_s:g}"}
        log = self.folder / "log.txt"
        if self.fakes:
            return Forked(line, {**variables, "FAKES": "1"}, log)
        with log.open("ab") as file:
            command = [sys.executable, "-m", "bench.crash_driver", *line]
            return subprocess.Popen(
                command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, stderr=file
            )

    @property
    def phases(self) -> Path:
        """The file that holds the phases of this session."""
        return self.folder / "phases"

    def wait(self, driver: Session, phase: str, times: int) -> bool:
        """Wait until a phase was entered so often; False if the run ends before."""
        while self.phases.read_text().split("\n").count(phase) < times:
            if driver.poll() is not None:
                return False
            time.sleep(POLL_S)
        return True


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and theirs."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, children.read_text().split()):
                found += [child, *descendants(child)]
    return found


def workers_of(driver: Session) -> list[int]:
    """The workers of the local executor."""
    found = []
    for pid in descendants(driver.pid):
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def lives(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False

"""A rig that runs the real command on fakes (`driver.py`) and sees what is kept."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tuner.cli.commands.run import conduct
from tuner.driver.parts import Parts
from tuner.records import Answer
from tuner.results import read_results
from tuner.sound.clips import load_clips
from tuner.study.spec import ClipsSpec, StudySpec
from tuner.testing import FakeEncoder, FakeScorer, jobs_in_place

DRIVER = Path(__file__).with_name("driver.py")
#: How long to wait for what a session does, its start and its imports included, of which a busy
#: machine makes minutes, seconds.
PATIENCE_S = 600.0
#: Seconds of each of the four clips: the least that is allowed.
CLIP_S = 2.5
TRIALS = 5


def write_music(folder: Path, names: Sequence[str] = ("a", "b", "c", "d")) -> Path:
    """A sound file of each name, by turns for tuning and held out."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for level, name in enumerate(names, start=1):
        noise = 0.1 * level * rng.standard_normal(round(CLIP_S * 48_000))
        soundfile.write(folder / f"{name}.wav", np.clip(noise, -0.9, 0.9), 48_000)
    rows = [f"{name}.wav,{side}" for name, side in zip(names, ("tune", "holdout") * 2, strict=True)]
    (folder / "manifest.csv").write_text("\n".join(["file,side", *rows]) + "\n")
    return folder


def _make_parts(
    music: Path,
    trials: int = TRIALS,
    encoder: FakeEncoder | None = None,
    scorer: FakeScorer | None = None,
    fixed: tuple[tuple[str, str], ...] = (),
) -> Parts:
    """What `Rig.start` runs, for `conduct` in this process: it saves most of the time."""
    spec = StudySpec("fake", ClipsSpec(str(music)), (64.0,), trials=trials, workers=1, fixed=fixed)
    judges = (FakeScorer("visqol"), FakeScorer("zimtohrli"))
    model = scorer or FakeScorer("insenet")
    return Parts(spec, encoder or FakeEncoder(), load_clips(music), model, judges)


@dataclass(frozen=True)
class Kept:
    """What must not be lost: the finished trials as stored, and each cache entry's time."""

    trials: frozenset[str]
    entries: dict[Path, int]

    def is_in(self, later: Kept) -> bool:
        """Whether all of it is there later, nothing computed again."""
        return self.trials <= later.trials and self.entries.items() <= later.entries.items()


@dataclass
class Session:
    """A command that runs, or has ended."""

    process: subprocess.Popen[str]
    told: str = ""
    answer: str = ""
    code: int | None = None

    def end(self) -> Session:
        """Wait for its end."""
        self.answer, self.told = self.process.communicate(timeout=PATIENCE_S)
        self.code = self.process.returncode
        return self


@dataclass
class Rig:
    """Runs commands on one run directory."""

    folder: Path
    music: Path
    run: Path
    options: dict[str, Any] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.control = self.folder / "control"
        self.control.mkdir()

    def start(
        self,
        *more: str,
        command: Sequence[str] = (),
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> Session:
        """`tuner run` with more flags, or another command."""
        places = (f"--clips={self.music}", f"--out={self.run}")
        search = ("--encoder=fake", "--bitrates=64", f"--trials={TRIALS}", "--workers=1")
        process = subprocess.Popen(
            [sys.executable, str(DRIVER), *(command or ("run", *search, *places, *more))],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            errors="surrogateescape",
            env={**os.environ, "CONTROL": str(self.control), "OPTIONS": json.dumps(self.options)},
        )
        self.sessions.append(Session(process))
        return self.sessions[-1]

    def wish(self, point: str, *lines: str) -> None:
        """What is to happen at a point; see `driver.py`."""
        partial = self.control / f"{point}.partial"
        partial.write_text("\n".join(lines))
        partial.rename(self.control / point)

    def wait(self, point: str) -> int:
        """Wait until a process stands at a point; its id."""
        paused = self.control / f"{point}.paused"
        deadline = time.monotonic() + PATIENCE_S
        while not paused.exists():
            process = self.sessions[-1].process
            assert process.poll() is None, self.sessions[-1].end().told
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return int(paused.read_text())

    def release(self, point: str) -> None:
        """Let it go on."""
        (self.control / f"{point}.paused").unlink()

    def kept(self) -> Kept:
        """What is finished now."""
        uri = f"file:{self.run / 'optuna.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
            rows = database.execute(
                "SELECT value_json FROM trial_user_attributes WHERE key = 'result'"
            ).fetchall()
        files = [path for path in (self.run / "cache").rglob("*") if path.is_file()]
        entries = {p: p.stat().st_mtime_ns for p in files if p.suffix != ".partial"}
        return Kept(frozenset(row[0] for row in rows), entries)

    def result(self) -> Answer:
        """The answer of a finished run."""
        (bitrate,) = read_results(self.run / "results.json").bitrates
        return bitrate

    def go_on(self) -> Answer:
        """Run the same command again, to its end: all that was finished is still there."""
        before = self.kept() if self.run.exists() else Kept(frozenset(), {})
        with jobs_in_place():
            conduct(_make_parts(self.music), self.run, "tuner run")
        assert before.is_in(self.kept())
        result = self.result()
        assert [trial.number for trial in result.trials] == list(range(TRIALS))
        return result

    def close(self) -> None:
        """End what a failed test left behind."""
        for session in self.sessions:
            if session.process.poll() is None:
                session.process.kill()
            with session.process:
                pass


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four short clips."""
    return write_music(tmp_path_factory.mktemp("music"))


@pytest.fixture
def make_parts(in_place: None) -> Callable[..., Parts]:
    """Makes what a run is wired from."""
    return _make_parts


@pytest.fixture
def rig(tmp_path: Path, music: Path) -> Iterator[Rig]:
    """A rig on an ordinary disk."""
    made = Rig(tmp_path, music, tmp_path / "run")
    yield made
    made.close()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, music: Path) -> Answer:
    """What the same command answers when nothing happens to it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    made = Rig(folder, music, folder / "run")
    return made.go_on()

"""The live display: the state behind it, and what a terminal shows."""

from __future__ import annotations

import io
import os
import pty
import re
import sys
from typing import Any

import pytest
from rich.console import Console

from tuner.cli.display.live import Board, draw_lines, statuses
from tuner.records import TrialState
from tuner.rundir.status import BitrateStatus
from tuner.testing import make_trial
from tuner.updates import (
    PassFinished,
    PhaseStarted,
    SearchFinished,
    SearchStarted,
    TrialFinished,
    ValidationProgress,
)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def record(number: int, score: float | None, state: TrialState = "complete") -> Any:
    return make_trial(
        number, state, bitrate_kbps=64.1, score=score or 0.0, reason="exit code 3\nmore"
    )


def board(clock: Clock, trials: int | None = 10, hours: float | None = None) -> Board:
    made = Board(hours, clock)
    for kbps in (64.0, 96.0):
        made.update(SearchStarted(kbps, 0, trials, None, None))
    return made


def test_trials_are_told_against_the_default() -> None:
    """A finished trial gives a line with the best so far and its lead over the default."""
    made = board(Clock())
    best, default = record(3, 70.25), record(0, 60.0)
    line = made.update(TrialFinished(64.0, best, best, default, 0.1))
    assert line == (
        "64 kb/s: trial 1/10 scores 70.2 at 64.1 kb/s; best 70.2 (+10.2 over the default)"
    )


def test_failures_are_counted_and_told_in_one_line() -> None:
    """Pruned, infeasible and failed trials count, those of earlier sessions too."""
    made = Board(None, Clock())
    made.update(SearchStarted(64.0, 5, 10, None, None, infeasible=2, failed=1, pruned=2))
    line = made.update(TrialFinished(64.0, record(5, None, "failed"), None, None, 0.0))
    made.update(TrialFinished(64.0, record(6, None, "infeasible"), None, None, 0.0))
    assert line == "64 kb/s: trial 6/10 failed (exit code 3)"
    made.update(TrialFinished(64.0, record(7, 55.0, "pruned"), None, None, 0.0))
    row, search = made.rows[64.0], made.rows[64.0].search
    assert (search.infeasible, search.failed, search.pruned, row.progress) == (3, 2, 3, "8/10")


def test_speed_is_recent() -> None:
    """Encodes a second are those of the last minute; the cache's do not count."""
    clock = Clock()
    made = board(clock)
    clock.now += 30
    made.update(PassFinished(64.0, 64.0, encodes=15, cached=100))
    assert made.speed() == pytest.approx(0.5)
    clock.now += 300
    assert made.speed() == 0


def test_eta_follows_the_trials_left() -> None:
    """After one trial in 10 s, 19 of two bitrates take 190 s more."""
    clock = Clock()
    made = board(clock)
    assert made.eta_s() is None
    clock.now += 10
    made.update(TrialFinished(64.0, record(0, 60.0), None, None, 0.0))
    assert made.eta_s() == pytest.approx(190)
    made.update(SearchFinished(96.0, None))
    assert made.eta_s() == pytest.approx(90)


def test_eta_of_a_budget_in_hours() -> None:
    """With hours only, what is left of them is the ETA."""
    made = board(Clock(), trials=None, hours=2.0)
    made.update(TrialFinished(64.0, record(0, 60.0), None, None, 0.5))
    assert made.eta_s() == pytest.approx(5400)


def test_problems_and_stages_are_lines() -> None:
    """What stops a bitrate, and what comes after the search, is said."""
    made = board(Clock())
    assert made.update(SearchFinished(64.0, "no way")) == "64 kb/s: no way"
    assert made.rows[64.0].state == "stopped"
    assert made.update(ValidationProgress(96.0, 1, 4)) == "96 kb/s: validated 1 of 4 clips"
    assert made.update(PhaseStarted("Checking")) == "Checking"


def test_a_validation_is_told_in_a_few_lines() -> None:
    """Clip by clip in the table, at each quarter where there is none."""
    made = board(Clock())
    told = [made.update(ValidationProgress(96.0, done, 100)) for done in range(101)]
    assert [line for line in told if line] == [
        f"96 kb/s: validated {done} of 100 clips" for done in (0, 25, 50, 75, 100)
    ]
    assert statuses(made)[1].phase == "validating clip 100 of 100"


def test_a_stage_has_an_eta_and_ends_with_the_search() -> None:
    """Four of sixteen clips in 8 s leave 24 s; what was done before counts for no pace."""
    clock = Clock()
    made = Board(None, clock, targets_kbps=(64.0,))
    assert [each.phase for each in statuses(made)] == ["waiting"]
    made.update(PhaseStarted("Trying", 0, 16))
    clock.now += 8
    assert made.update(PhaseStarted("Trying", 4, 16)) == "Trying 4/16"
    assert made.stage == "Trying 4/16" and made.eta_s() == pytest.approx(24)
    made.update(SearchStarted(64.0, 0, 10, None, None))
    assert made.stage == ""
    assert made.update(PhaseStarted("ablation", 1, 3, 64.0)) == "64 kb/s: ablation 1/3"


def test_what_a_search_does_is_named() -> None:
    made = board(Clock())
    made.update(PassFinished(64.0, 64.0, 5, 0, "matching"))
    made.update(PassFinished(96.0, 96.0, 5, 0, "scoring"))
    assert [each.phase for each in statuses(made)] == ["matching", "scoring"]
    made.update(PassFinished(64.0, 64.0, 5, 0, "racing"))
    assert [each.phase for each in statuses(made)] == ["racing", "scoring"]


@pytest.mark.parametrize("width", [80, 120])
def test_no_word_is_cut(width: int) -> None:
    """The longest states and figures, a line each, with a bar."""
    rows = [
        BitrateStatus(
            1000.5, "nothing better was found", 1000, 1000, 100.0, 100.0, 64.0, 10, 10, 9
        ),
        BitrateStatus(96.0, "validating", 60, 60, 60.0, 71.3, 96.0, 0, 0, 0, 137, 264),
        BitrateStatus(128.0, "waiting", 0, None, None, None, None, 0, 0),
    ]
    terminal = {"force_terminal": True, "color_system": "standard"}
    console = Console(width=width, record=True, file=io.StringIO(), **terminal)  # type: ignore[arg-type]
    console.print(draw_lines(rows, width))
    lines = console.export_text().splitlines()
    assert len(lines) == 1 + len(rows) and max(map(len, lines)) <= width
    assert "nothing better was found" in lines[1] and "1000/1000" in lines[1]
    assert "validating clip 137 of 264" in lines[2]
    assert all("━━━━━" in line for line in lines[1:]) and "…" not in "".join(lines)
    assert ("infeasible" in lines[0]) == (width == 120)


def seen(text: str, columns: int = 80) -> list[str]:
    """What a terminal shows after `text`: as much of ECMA-48 as rich writes."""
    lines, row, column = [""], 0, 0
    for found in re.finditer(r"\x1b\[([?\d;]*)([A-Za-z])|[^\x1b]", text):
        if found[2] == "A":
            row = max(row - int(found[1] or 1), 0)
        elif found[2] == "K":
            lines[row] = ""
        elif found[0] == "\r":
            column = 0
        elif found[0] == "\n":
            row += 1
        elif not found[2]:
            row, column = (row + 1, 0) if column == columns else (row, column)
            lines += [""] * (row + 1 - len(lines))
            lines[row] = lines[row][:column].ljust(column) + found[0] + lines[row][column + 1 :]
            column += 1
        lines += [""] * (row + 1 - len(lines))
    return [line.rstrip() for line in lines]


#: A display that ends by Ctrl-C.
RUNNING = """
import sys, time
from tuner.cli.display.interrupts import stop_twice
from tuner.cli.display.live import Board, show
from tuner.updates import PhaseStarted
board = Board(None, targets_kbps=(64.0, 96.0))
try:
    with stop_twice(lambda: "") as check, show(board, lambda _: None, check) as observe:
        observe(PhaseStarted("Trying the encoder's default on all clips", 3, 16))
        time.sleep(1)
        print("READY", file=sys.stdout, flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    print("Stopped.", file=sys.stderr)
"""


def test_ctrl_c_leaves_nothing_over() -> None:
    """In a terminal of 80 columns: the lines once, then what was said; the cursor is back."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm-256color", "COLUMNS": "80"}
        os.execv(sys.executable, [sys.executable, "-c", RUNNING])
    text, stopped = "", False
    while True:
        try:
            text += os.read(terminal, 65_536).decode()
        except OSError:
            break
        if "READY" in text and not stopped:
            os.write(terminal, b"\x03")
            stopped = True
    os.waitpid(pid, 0)
    screen = [line for line in seen(text.replace("READY\r\n", "")) if line]
    starts = ["kb/s", "64", "96", "Trying", "Stopping.", "Stopped."]
    assert [line.split()[0] for line in screen] == starts
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")

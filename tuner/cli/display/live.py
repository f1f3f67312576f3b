"""The live display of a run, on stderr: a row per bitrate in a terminal, else plain lines."""

from __future__ import annotations

import collections
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.records import Complete, Failed, Infeasible, NoAnswer, Pruned, Scored, TrialRecord
from tuner.updates import (
    BitrateFinished,
    Observer,
    PassFinished,
    PhaseStarted,
    SearchFinished,
    SearchStarted,
    TrialFinished,
    Update,
    ValidationProgress,
)

if TYPE_CHECKING:
    from rich.table import Table

log = logging.getLogger("tuner.run")

#: Encodes a second are counted over this time, s.
RATE_WINDOW_S = 60.0
#: Of the table, here and in `tuner status`; two of them broken, so that all fit into 80 characters.
HEADINGS = (
    *("kb/s", "trials", "default", "best", "gain"),
    *("at\nkb/s", "pruned", "infea-\nsible", "failed", "state"),
)
#: Redraws of the table, Hz.
REDRAWS_HZ = 4


@dataclass
class Row:
    """What is known of one bitrate."""

    search: SearchStarted
    state: str = "searching"
    this_session: int = 0

    @property
    def progress(self) -> str:
        """ "12/60"."""
        done, trials = self.search.done, self.search.trials
        return f"{done}/{trials}" if trials else str(done)

    @property
    def gain(self) -> str:
        """Best against default on the tuning clips by what the search maximises, points."""
        best, default = self.search.best, self.search.default
        if best is None or not isinstance(default, Scored):
            return ""
        return f"{best.objective - default.objective:+.1f}"


class Board:
    """The state behind the display, fed by updates."""

    def __init__(self, hours: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.rows: dict[float, Row] = {}
        self.stage = ""
        self._hours = hours
        self._hours_used = 0.0
        self._clock = clock
        self._started = clock()
        self._encodes: collections.deque[tuple[float, int]] = collections.deque()

    def update(self, update: Update) -> str | None:
        """Take an update in; returns the plain line that says it, if it deserves one."""
        match update:
            case SearchStarted():
                return self._start(update)
            case PassFinished():
                self._encodes.append((self._clock(), update.encodes))
                return None
            case TrialFinished():
                return self._finish_trial(update)
            case SearchFinished():
                row = self.rows[update.target_kbps]
                row.state = "stopped" if update.problem else "searched"
                return f"{_kbps(row)}: {update.problem or 'search finished'}{_passes(update)}"
            case ValidationProgress():
                self.rows[update.target_kbps].state = f"validating {update.done}/{update.total}"
                self.stage = "validating on all clips"
                return f"{update.target_kbps:g} kb/s: validated {update.done}/{update.total}"
            case BitrateFinished():
                row = self.rows[update.result.target_kbps]
                if isinstance(update.result, NoAnswer):
                    row.state = "no answer"
                    return f"{_kbps(row)}: No answer: {update.result.problem}"
                row.state = update.result.verdict.kind
                return f"{_kbps(row)}: {update.result.verdict.sentence}"
            case PhaseStarted():
                self.stage = update.text
                return update.text

    def speed(self) -> float:
        """Encodes a second, lately."""
        now = self._clock()
        while self._encodes and now - self._encodes[0][0] > RATE_WINDOW_S:
            self._encodes.popleft()
        since = max(now - max(self._started, now - RATE_WINDOW_S), 1e-9)
        return sum(count for _, count in self._encodes) / since

    def eta_s(self) -> float | None:
        """Seconds until the search's budget is used, if that can be told yet."""
        guesses = []
        if self._hours is not None:
            guesses.append((self._hours - self._hours_used) * 3600)
        open_rows = [row for row in self.rows.values() if row.state == "searching"]
        session = sum(row.this_session for row in self.rows.values())
        if session and all(row.search.trials is not None for row in open_rows):
            left = sum((row.search.trials or 0) - row.search.done for row in open_rows)
            guesses.append((self._clock() - self._started) / session * left)
        return max(min(guesses), 0.0) if guesses else None

    def _start(self, update: SearchStarted) -> str:
        row = self.rows[update.target_kbps] = Row(update)
        return f"{_kbps(row)}: search started, {row.progress} trials done"

    def _finish_trial(self, update: TrialFinished) -> str:
        row = self.rows[update.target_kbps]
        row.search = row.search.after(update)
        row.this_session += 1
        self._hours_used = update.hours_used
        return f"{_kbps(row)}: trial {row.progress} {_outcome(update.record)}{_best(row)}"


def _kbps(row: Row) -> str:
    return f"{row.search.target_kbps:g} kb/s"


def _passes(update: SearchFinished) -> str:
    if update.passes is None:
        return ""
    return f"; {update.passes:.2f} encode passes per trial over the last {update.since}"


def _outcome(record: TrialRecord) -> str:
    match record:
        case Complete():
            return f"scores {_score(record)} at {record.bitrate_kbps:.1f} kb/s"
        case Pruned():
            return f"pruned: {record.reason}"
        case Infeasible() | Failed():
            return f"{record.state} ({record.reason.partition(chr(10))[0]})"


def _best(row: Row) -> str:
    if not row.gain:
        return ""
    return f"; best {_score(row.search.best)} ({row.gain} over the default)"


@contextmanager
def show(board: Board, publish: Callable[[Board], None], *others: Observer) -> Iterator[Observer]:
    """Render a run's updates on stderr, and log them.

    Args:
        board: takes the updates in.
        publish: told after each update.
        others: observers that are told first and may end the run by raising.
    """
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)

    def observe(update: Update) -> None:
        for other in others:
            other(update)
        line = board.update(update)
        publish(board)
        if line is not None:
            log.info("%s", line)
            if not console.is_terminal:
                print(line, file=sys.stderr, flush=True)

    if not console.is_terminal:
        yield observe
        return
    with Live(get_renderable=lambda: _table(board), console=console, refresh_per_second=REDRAWS_HZ):
        yield observe


def _table(board: Board) -> Table:
    from rich.table import Table

    table = Table(*HEADINGS, caption=_caption(board))
    for row in board.rows.values():
        search = row.search
        table.add_row(
            f"{search.target_kbps:g}",
            row.progress,
            _score(search.default),
            _score(search.best),
            row.gain,
            f"{search.best.bitrate_kbps:.1f}" if search.best else "",
            str(search.pruned),
            str(search.infeasible),
            str(search.failed),
            row.state,
        )
    return table


def _score(record: TrialRecord | None) -> str:
    """By what the search maximises."""
    return f"{record.objective:.1f}" if isinstance(record, Scored) else ""


def _caption(board: Board) -> str:
    if board.stage:
        return board.stage
    parts = [f"{board.speed():.1f} encodes/s"]
    eta = board.eta_s()
    if eta is not None:
        minutes, seconds = divmod(round(eta), 60)
        parts.append(f"search ends in {minutes // 60}:{minutes % 60:02d}:{seconds:02d}")
    parts.append("Ctrl-C stops; rerun the command to resume")
    return " · ".join(parts)

"""The live display of a run, on stderr: a line per bitrate in a terminal, else plain lines."""

from __future__ import annotations

import collections
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.cli.display.interrupts import ROOM, ending
from tuner.records import Complete, Failed, Infeasible, NoAnswer, Pruned, Scored, TrialRecord
from tuner.rundir.status import BitrateStatus
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
    from rich.console import RenderableType

log = logging.getLogger("tuner.run")

#: Encodes a second are counted over this time, s.
RATE_WINDOW_S = 60.0
#: From this width on, columns, trials that found nothing are counted by kind, too.
WIDE = 110
#: Below the lines, where there is room for it.
HINT = "Ctrl-C stops, rerun to resume"
#: Plain lines of a validation.
VALIDATION_LINES = 4
#: Redraws of the table, Hz.
REDRAWS_HZ = 4


@dataclass
class Row:
    """What is known of one bitrate; `part` is how far its validation is, in clips."""

    search: SearchStarted
    state: str = "searching"
    this_session: int = 0
    searching: bool = True
    part: tuple[int, int] = (0, 0)

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


@dataclass
class Stage:
    """What goes on beside the search; since when, and from where on."""

    text: str
    done: int
    total: int
    since: float
    first: int

    @property
    def count(self) -> str:
        """ " 3/16", where that can be told."""
        return f" {self.done}/{self.total}" if self.total else ""

    def eta_s(self, now: float) -> float | None:
        """Seconds until it is done, if that can be told yet."""
        if not self.first < self.done < self.total:
            return None
        return (now - self.since) / (self.done - self.first) * (self.total - self.done)


class Board:
    """The state behind the display, fed by updates.

    Args:
        hours: the search's budget in hours, or None.
        clock: monotonic seconds.
        targets_kbps: bitrates that will be searched, as far as they are known.
    """

    def __init__(
        self,
        hours: float | None,
        clock: Callable[[], float] = time.monotonic,
        targets_kbps: Sequence[float] = (),
    ) -> None:
        self.rows: dict[float, Row] = {
            kbps: Row(SearchStarted(kbps, 0, None, None, None), "waiting", searching=False)
            for kbps in targets_kbps
        }
        self._stage: Stage | None = None
        self._hours = hours
        self._hours_used = 0.0
        self._clock = clock
        self._started = clock()
        self._encodes: collections.deque[tuple[float, int]] = collections.deque()

    @property
    def stage(self) -> str:
        """What goes on beside the search, in words; empty during it."""
        return f"{self._stage.text}{self._stage.count}" if self._stage else ""

    def update(self, update: Update) -> str | None:
        """Take an update in; returns the plain line that says it, if it deserves one."""
        match update:
            case SearchStarted():
                return self._start(update)
            case PassFinished():
                self._pass(update)
                return None
            case TrialFinished():
                return self._finish_trial(update)
            case SearchFinished():
                row = self.rows[update.target_kbps]
                row.state = "stopped" if update.problem else "searched"
                row.searching = False
                return f"{_kbps(row)}: {update.problem or 'search finished'}{_passes(update)}"
            case ValidationProgress():
                return self._validate(update)
            case BitrateFinished():
                row = self.rows[update.result.target_kbps]
                row.part = (0, 0)
                if isinstance(update.result, NoAnswer):
                    row.state = "no answer"
                    return f"{_kbps(row)}: No answer: {update.result.problem}"
                row.state = update.result.verdict.kind
                return f"{_kbps(row)}: {update.result.verdict.sentence}"
            case PhaseStarted():
                return self._enter(update.text, update.done, update.total, update.target_kbps)

    def _pass(self, update: PassFinished) -> None:
        self._encodes.append((self._clock(), update.encodes))
        row = self.rows.get(update.target_kbps)
        if row is not None and row.searching:
            row.state = update.purpose

    def _validate(self, update: ValidationProgress) -> str | None:
        done, total = update.done, update.total
        row = self.rows[update.target_kbps]
        row.state, row.part = "validating", (done, total)
        self._enter("validating", done, total, update.target_kbps)
        if 0 < done < total and VALIDATION_LINES * done // total == (
            VALIDATION_LINES * (done - 1) // total
        ):
            return None
        return f"{_kbps(row)}: validated {done} of {total} clips"

    def _enter(self, what: str, done: int, total: int, kbps: float | None) -> str:
        """Be at a stage, or go on with it."""
        text = what if kbps is None else f"{kbps:g} kb/s: {what}"
        if self._stage is None or self._stage.text != text:
            self._stage = Stage(text, done, total, self._clock(), done)
        self._stage.done = done
        return self.stage

    def speed(self) -> float:
        """Encodes a second, lately."""
        now = self._clock()
        while self._encodes and now - self._encodes[0][0] > RATE_WINDOW_S:
            self._encodes.popleft()
        since = max(now - max(self._started, now - RATE_WINDOW_S), 1e-9)
        return sum(count for _, count in self._encodes) / since

    def eta_s(self) -> float | None:
        """Seconds until the stage is done, or else the search; None where that cannot be told."""
        if self._stage is not None:
            return self._stage.eta_s(self._clock())
        guesses = []
        if self._hours is not None:
            guesses.append((self._hours - self._hours_used) * 3600)
        open_rows = [row for row in self.rows.values() if row.searching]
        session = sum(row.this_session for row in self.rows.values())
        if session and all(row.search.trials is not None for row in open_rows):
            left = sum((row.search.trials or 0) - row.search.done for row in open_rows)
            guesses.append((self._clock() - self._started) / session * left)
        return max(min(guesses), 0.0) if guesses else None

    def share_of_hours(self) -> float | None:
        """Of the search's budget in hours, what is used, 0 to 1; None without one."""
        return None if self._hours is None else min(self._hours_used / self._hours, 1.0)

    def _start(self, update: SearchStarted) -> str:
        self._stage = None
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
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

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

    def draw() -> RenderableType:
        lines = draw_lines(statuses(board), console.width, board.share_of_hours())
        return Group(lines, Text(_caption(board, console.width)))

    with (
        Live(get_renderable=draw, console=console, refresh_per_second=REDRAWS_HZ) as live,
        ending(live.stop),
    ):
        yield observe


def statuses(board: Board) -> tuple[BitrateStatus, ...]:
    """The bitrates as the run's status keeps them."""
    return tuple(_status_of(row.search, row) for row in board.rows.values())


def _status_of(search: SearchStarted, row: Row) -> BitrateStatus:
    return BitrateStatus(
        target_kbps=search.target_kbps,
        state=row.state,
        done=search.done,
        trials=search.trials,
        default=search.default.objective if isinstance(search.default, Scored) else None,
        best=search.best.objective if search.best else None,
        best_kbps=search.best.bitrate_kbps if search.best else None,
        infeasible=search.infeasible,
        failed=search.failed,
        pruned=search.pruned,
        clips_done=row.part[0],
        clips_total=row.part[1],
    )


def draw_lines(
    bitrates: Iterable[BitrateStatus], width: int, share_of_hours: float | None = None
) -> RenderableType:
    """A line per bitrate with a bar; nothing is cut in 80 columns.

    Args:
        bitrates: what is known of each.
        width: of the terminal, columns.
        share_of_hours: of a budget in hours alone, what is used, 0 to 1.
    """
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    wide = width >= WIDE
    space = (0, 2 if wide else 1, 0, 0)
    table = Table(box=None, width=width - ROOM, pad_edge=False, padding=space)
    table.add_column("kb/s", justify="right", no_wrap=True)
    table.add_column("", ratio=1, min_width=8)
    counts = ("pruned", "infeasible", "failed") if wide else ()
    for heading in ("trials", *counts, "default", "best", "gain"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("phase", no_wrap=True)
    for each in bitrates:
        gain = None if each.best is None or each.default is None else each.best - each.default
        table.add_row(
            f"{each.target_kbps:g}",
            ProgressBar(total=1.0, completed=_share(each, share_of_hours)),
            f"{each.done}/{each.trials}" if each.trials else str(each.done),
            *(str(n) for n in (each.pruned, each.infeasible, each.failed) if wide),
            "" if each.default is None else f"{each.default:.1f}",
            "" if each.best is None else f"{each.best:.1f}",
            "" if gain is None else f"{gain:+.1f}",
            each.phase,
        )
    return table


def _share(each: BitrateStatus, share_of_hours: float | None) -> float:
    """How far a bitrate's phase is, 0 to 1."""
    if each.clips_total:
        return each.clips_done / each.clips_total
    return each.done / each.trials if each.trials else share_of_hours or 0.0


def _score(record: TrialRecord | None) -> str:
    """By what the search maximises."""
    return f"{record.objective:.1f}" if isinstance(record, Scored) else ""


def _caption(board: Board, width: int) -> str:
    parts = [board.stage or f"{board.speed():.1f} encodes/s"]
    eta = board.eta_s()
    if eta is not None:
        minutes, seconds = divmod(round(eta), 60)
        clock = f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
        parts.append(f"ETA {clock}" if board.stage else f"search ends in {clock}")
    told = " · ".join(parts)
    hinted = f"{told} · {HINT}"
    return hinted if len(hinted) <= width - ROOM else told

"""`tuner status`: how far a run is, from another terminal."""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.rundir.folder import now
from tuner.rundir.status import RunStatus, State, read_status, write_status

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tuner.cli.display.live import Board

log = logging.getLogger("tuner.run")

#: Seconds between two looks of --watch.
WATCH_EVERY_S = 2.0
#: Seconds between two writes of the driver.
WRITE_EVERY_S = 1.0

#: What a state means, in words.
STATES: dict[State, str] = {
    "running": "running",
    "finished": "finished",
    "stopped": "stopped by the user; rerun the command to resume",
    "failed": "stopped by an error; rerun the command to resume",
    "killed": "killed; finished work is kept, rerun the command to resume",
}


def status(
    run: Annotated[Path, typer.Argument(help="Run directory (--out of `tuner run`).")],
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep refreshing until the run ends.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON (with --watch, one line per refresh).")
    ] = False,
) -> None:
    """Show the progress of a running or finished run, without disturbing it."""
    if as_json:
        _print_json(run, watch=watch)
        return
    from rich.console import Console
    from rich.live import Live

    console = Console()
    found = read_status(run)
    if not watch:
        console.print(_render(found, console.width))
        return
    shown = _render(found, console.width)
    with Live(shown, console=console, auto_refresh=False) as live:
        while found.state == "running":
            time.sleep(WATCH_EVERY_S)
            found = read_status(run)
            live.update(_render(found, console.width), refresh=True)


def _print_json(run: Path, *, watch: bool) -> None:
    while True:
        found = read_status(run)
        print(json.dumps(asdict(found), indent=None if watch else 1), flush=True)
        if not watch or found.state != "running":
            return
        time.sleep(WATCH_EVERY_S)


def _render(found: RunStatus, width: int) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from tuner.cli.display.live import draw_lines

    lines = [found.command, f"{STATES[found.state]}; process {found.pid} on {found.host}"]
    if found.state == "running":
        lines.append(_pace(found))
    lines.append(f"started {_local(found.started)}, last update {_local(found.updated)}")
    if found.problem:
        lines.append(found.problem)
    # Texts, not markup: commands and errors may hold brackets.
    return Group(*(Text(line) for line in lines), draw_lines(found.bitrates, width))


def _local(when: str) -> str:
    """ISO 8601 as the user's clock shows it."""
    return datetime.fromisoformat(when).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _pace(found: RunStatus) -> str:
    from tuner.report.words import duration

    parts = [found.stage] if found.stage else [f"{found.encodes_per_s:.1f} encodes/s"]
    if found.eta_s is not None:
        parts.append(f"{'ETA' if found.stage else 'search ends in'} {duration(found.eta_s)}")
    return "; ".join(parts)


class Publisher:
    """The driver's side: keeps the status of its run up to date.

    Args:
        folder: the run directory.
        command: what was typed.
    """

    def __init__(self, folder: Path, command: str) -> None:
        self._folder = folder
        self._command = command
        self._started = now()
        self._due = 0.0
        self._kind: tuple[str, ...] = ()

    def show(self, board: Board) -> None:
        """Write, unless it was done a moment ago and all but the counts is as it was."""
        states = ("searching" if row.searching else row.state for row in board.rows.values())
        kind = (board.stage.rstrip("0123456789/"), *states)
        if time.monotonic() >= self._due or kind != self._kind:
            self._kind = kind
            self._due = time.monotonic() + WRITE_EVERY_S
            self._write(board, "running", None)

    def end(self, board: Board, state: State, problem: str | None = None) -> None:
        """Write the last word."""
        self._write(board, state, problem)

    def _write(self, board: Board, state: State, problem: str | None) -> None:
        from tuner.cli.display.live import statuses

        status = RunStatus(
            state=state,
            command=self._command,
            host=socket.gethostname(),
            pid=os.getpid(),
            started=self._started,
            updated=now(),
            stage=board.stage if state == "running" else "",
            encodes_per_s=round(board.speed(), 2),
            eta_s=board.eta_s(),
            problem=problem,
            bitrates=statuses(board),
        )
        try:
            write_status(status, self._folder)
        except OSError as error:  # it must not end a run, nor hide why a run ended
            log.warning("%s: the status cannot be written (%s)", self._folder, error)

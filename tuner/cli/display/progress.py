"""Progress on stderr: a bar with an ETA in a terminal, now and then a line elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tuner.cli.display.interrupts import ROOM, ending

#: Width of the bar, columns: the rest fits into 80.
BAR = 12
#: Seconds between two lines where stderr is not a terminal.
LINE_EVERY_S = 10.0


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """Yields ``update(done, total, note)``.

    Args:
        what: what is going on, in a word or three.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _line_printer(what)
        return
    console.width -= ROOM
    columns = (
        TextColumn("{task.description}"),
        BarColumn(BAR),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        # File names, too: what does not fit is cut there, and nowhere else.
        TextColumn(
            "{task.fields[note]}",
            markup=False,
            table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
        ),
    )
    with Progress(*columns, console=console, expand=True) as progress, ending(progress.stop):
        task = progress.add_task(what, total=None, note="")

        def update(done: int, total: int, note: str = "") -> None:
            progress.update(task, completed=done, total=total, note=note)

        yield update


def _line_printer(what: str) -> Callable[[int, int, str], None]:
    last = -math.inf
    # A resumed job begins with most of its work done: the pace is that since the first report.
    first: tuple[float, int] | None = None

    def update(done: int, total: int, note: str = "") -> None:
        nonlocal last, first
        now = time.monotonic()
        first = first or (now, done)
        if done < total and now - last < LINE_EVERY_S:
            return
        last = now
        elapsed, since = now - first[0], done - first[1]
        eta = f", ETA {elapsed / since * (total - done):.0f} s" if since else ""
        print(f"{what}: {done}/{total}{eta} {note}".rstrip(), file=sys.stderr, flush=True)

    return update

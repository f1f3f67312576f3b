"""`tuner dashboard`: a run's trials in Optuna Dashboard, on a copy that nothing can harm."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from tuner.extras import need_extra


def dashboard(
    run: Annotated[Path, typer.Argument(help="Run directory; it may be running.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8080,
) -> None:
    """Open a run's trials in Optuna Dashboard, until Ctrl-C.

    It shows a copy of the trials, taken now: what is changed on its pages does not reach the run,
    and new trials appear when the command is run again. It needs the package optuna-dashboard.
    """
    need_extra("dashboard", "tuner dashboard")
    from optuna_dashboard import run_server

    from tuner.rundir.trials_copy import copy_trials

    copied = copy_trials(run)
    rates = ", ".join(f"{kbps:g}" for kbps in copied.studies)
    print(f"{run}: trials at {rates} kb/s on http://{host}:{port}; Ctrl-C ends", file=sys.stderr)
    with contextlib.suppress(KeyboardInterrupt):
        run_server(copied.storage, host=host, port=port)

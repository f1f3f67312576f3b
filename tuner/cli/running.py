"""A run with its live display, its status file and its report, however it ends."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tuner.cli.display.interrupts import EXIT_INTERRUPTED, as_interrupts, stop_twice
from tuner.cli.display.logfile import log_to
from tuner.errors import RunError

if TYPE_CHECKING:
    from tuner.driver.parts import Parts
    from tuner.records import Results

log = logging.getLogger("tuner.run")


def search_and_report(parts: Parts, folder: Path, command: str) -> tuple[Results, Path]:
    """Run a study with a live display, and write its report.

    Args:
        parts: what to run.
        folder: the run directory; made, or resumed.
        command: the command line for the report's provenance.

    Returns:
        The results, and the path of the report.

    Raises:
        Stopped: after Ctrl-C.
        NoAnswerError: no bitrate has an answer.
        TunerError: see `tuner.driver.run.run_study`.
    """
    from tuner.cli.commands.status import Publisher
    from tuner.cli.display.live import Board, show
    from tuner.driver.run import run_study, trials_in_flight
    from tuner.jobs.executor import make_executor
    from tuner.report import write_report
    from tuner.rundir.database import close_storage, open_storage
    from tuner.rundir.disk import DiskKeeper, told_as_run_error
    from tuner.rundir.folder import open_run

    spec = parts.spec
    if spec.storage is not None:
        # Before the run is bound to it.
        close_storage(open_storage(spec.storage))
    with (
        told_as_run_error(folder),
        open_run(folder, parts.identity(), spec.to_toml()) as opened,
        log_to(opened.log),
    ):
        log.info("%s", command)
        board = Board(spec.hours, targets_kbps=spec.bitrates_kbps)
        publisher = Publisher(opened.path, command)
        publisher.show(board)
        executor = make_executor(
            spec.executor,
            # A cluster has other cores than this machine.
            workers=spec.workers or (0 if spec.address else available_cores()),
            cache_folder=opened.cache,
            address=spec.address,
            scorer_gpu=spec.scorer_gpu,
        )
        window = trials_in_flight(parts, executor.workers)

        def stopped() -> str:
            publisher.end(board, "stopped")
            return (
                f"\nStopped. Finished work is kept in {folder};"
                " run the same command again to resume.\n"
            )

        with stop_twice(stopped) as check:
            try:
                keeper = DiskKeeper(opened, spec.cache_gb, window)
                # Here, too, for the status to tell it.
                with told_as_run_error(folder), as_interrupts():
                    with show(board, publisher.show, check, keeper) as observer:
                        results = run_study(parts, opened, executor, observer, command)
                    executor.close()
                    refuse_no_answer(results, opened.path)
                    report = write_report(opened.path)
            except KeyboardInterrupt:
                executor.close(cancel=True)
                log.info("stopped by the user")
                print(stopped(), end="", file=sys.stderr)
                raise Stopped(EXIT_INTERRUPTED) from None
            except BaseException as error:
                executor.close(cancel=True)
                # The terminal gets one line of it; the log keeps where it came from.
                log.exception("stopped by an error")
                publisher.end(board, "failed", f"{type(error).__name__}: {error}")
                raise
        publisher.end(board, "finished")
    return results, report


class Stopped(typer.Exit):
    """The user stopped a run; what was finished is kept, and was told."""


class NoAnswerError(RunError):
    """No bitrate of a run has an answer."""


def refuse_no_answer(results: Results, folder: Path) -> None:
    """Raise `NoAnswerError` with the reasons if no bitrate has an answer to report."""
    if results.bitrates:
        return
    reasons = "\n  ".join(
        f"{each.target_kbps:g} kb/s: {each.problem}" for each in results.unanswered
    )
    raise NoAnswerError(
        f"no result, so no report was written (trials: log.txt and results.json):\n  {reasons}",
        where=folder,
    )


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""The log file of a run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger("tuner.run")


class _LogFile(logging.FileHandler):
    """On a full disk it is silent: whatever ends the run tells of it once."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        pass


@contextmanager
def log_to(file: Path) -> Iterator[None]:
    """Send the run's log and Optuna's to `file`, and Optuna's no longer to the terminal."""
    import optuna

    # Names of files may hold bytes that are no text.
    handler = _LogFile(file, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [log, logging.getLogger("tuner"), logging.getLogger("optuna")]
    optuna.logging.disable_default_handler()
    log.setLevel(logging.INFO)
    log.propagate = False
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        with suppress(OSError):  # what did not go into a full disk before
            handler.close()
        log.propagate = True

"""The log file of a run."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from tuner.cli.display.logfile import log_to

LOG = logging.getLogger("tuner.run")


def test_names_that_are_no_text_are_logged(tmp_path: Path) -> None:
    """A byte that is no UTF-8 is shown as what it is."""
    with log_to(tmp_path / "log.txt"):
        LOG.info("%s is gone", os.fsdecode(b"caf\xe9"))
    assert "caf\\udce9 is gone" in (tmp_path / "log.txt").read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_does_not_fill_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """A line that cannot be written is left out, without a traceback for each."""
    with log_to(Path("/dev/full")):
        LOG.info("a line")
        LOG.info("another line")
    assert capfd.readouterr().err == ""

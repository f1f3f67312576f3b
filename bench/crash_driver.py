"""The `tuner` command that tells which phase of a run it enters: what `bench.crash` runs and kills.

    PHASES=FILE LIMIT=S [FAKES=1] python -m bench.crash_driver run …

Each line of the file is a phase that was entered. LIMIT is the time limit of encodes and of jobs,
seconds; with FAKES, encoder and metrics are those of `tuner.testing`, which cost next to nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import os
from pathlib import Path
from typing import Any

#: Phase -> the function that begins it: its module, and its name there.
PHASES = {
    "reading": ("tuner.sound.clips", "load_clips"),
    "first ask": ("tuner.search.trials", "Trials.ask"),
    "matching": ("tuner.jobs.passes", "Passes.match"),
    "racing": ("tuner.search.evaluate", "_Trial._look"),
    "validation": ("tuner.driver.run", "validate_bitrate"),
    "ablation": ("tuner.driver.evidence", "ablate"),
    "exhibits": ("tuner.driver.run", "keep_exhibits"),
    "report": ("tuner.report", "write_report"),
}


def mark(phase: str) -> None:
    """Have the function that begins a phase tell when it is called."""
    module, path = PHASES[phase]
    *owners, name = path.split(".")
    owner: Any = functools.reduce(getattr, owners, importlib.import_module(module))
    function = getattr(owner, name)

    @functools.wraps(function)
    def marked(*arguments: Any, **named: Any) -> Any:
        with Path(os.environ["PHASES"]).open("a", encoding="utf-8") as file:
            file.write(f"{phase}\n")
        return function(*arguments, **named)

    setattr(owner, name, marked)


def install() -> None:
    """Put marks, limits and fakes in their places."""
    # Not at the top: spawned workers import this file, and would pay for them.
    import tuner.cli.commands.run
    import tuner.jobs.local
    import tuner.plugins
    from tuner.testing import FakeEncoder, FakeScorer

    for phase in PHASES:
        mark(phase)
    limit = float(os.environ["LIMIT"])
    tuner.jobs.local.JOB_LIMIT_S = limit
    load = tuner.plugins.load_encoder

    def load_encoder(name: str, *rest: Any) -> Any:
        if name == "fake":
            return FakeEncoder()
        return dataclasses.replace(load(name, *rest), timeout_s=limit)  # type: ignore[type-var]

    tuner.plugins.load_encoder = load_encoder
    if os.environ.get("FAKES"):
        metrics = FakeScorer("insenet"), (FakeScorer("visqol"), FakeScorer("zimtohrli"))
        tuner.cli.commands.run.load_metrics = lambda *_: metrics


def drive() -> None:
    """Run the command."""
    from tuner.cli import main

    install()
    main()


if __name__ == "__main__":  # spawned workers import this file again
    drive()

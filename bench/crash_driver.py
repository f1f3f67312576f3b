"""The `tuner` command that tells which phase of a run it enters: what `bench.crash` runs and kills.

    PHASES=FILE LIMIT=S [FAKES=1] python -m bench.crash_driver run …

Each line of the file is a phase that was entered. LIMIT is the time limit of encodes and of jobs,
seconds; with FAKES, encoder and metrics are those of `tuner.testing`, which cost next to nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from pathlib import Path
from typing import Any

import tuner.cli.run
import tuner.clips
import tuner.plugins
import tuner.report
import tuner.search.evaluate
import tuner.search.evidence
import tuner.search.executors.local
import tuner.search.run
from tuner.cli import main
from tuner.search.bench import Bench
from tuner.search.trials import Trials
from tuner.testing import FakeEncoder, FakeScorer

#: Phase -> where it begins: an object and the name of its function.
PHASES: dict[str, tuple[Any, str]] = {
    "reading": (tuner.clips, "load_clips"),
    "first ask": (Trials, "ask"),
    "matching": (Bench, "match"),
    "racing": (tuner.search.evaluate._Trial, "_look"),
    "validation": (tuner.search.run, "validate_bitrate"),
    "ablation": (tuner.search.evidence, "ablate"),
    "exhibits": (tuner.search.run, "keep_exhibits"),
    "report": (tuner.report, "write_report"),
}


def mark(phase: str, owner: Any, name: str) -> None:
    """Have a function tell when it is called."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def marked(*arguments: Any, **named: Any) -> Any:
        with Path(os.environ["PHASES"]).open("a", encoding="utf-8") as file:
            file.write(f"{phase}\n")
        return function(*arguments, **named)

    setattr(owner, name, marked)


def install() -> None:
    """Put marks, limits and fakes in their places."""
    limit = float(os.environ["LIMIT"])
    for phase, (owner, name) in PHASES.items():
        mark(phase, owner, name)
    tuner.search.executors.local.JOB_LIMIT_S = limit
    load = tuner.plugins.load_encoder

    def load_encoder(name: str, *rest: Any) -> Any:
        if name == "fake":
            return FakeEncoder()
        return dataclasses.replace(load(name, *rest), timeout_s=limit)  # type: ignore[type-var]

    tuner.plugins.load_encoder = load_encoder
    if os.environ.get("FAKES"):
        metrics = FakeScorer("insenet"), (FakeScorer("visqol"), FakeScorer("zimtohrli"))
        tuner.cli.run.load_metrics = lambda *_: metrics


if __name__ == "__main__":  # spawned workers import this file again
    install()
    main()

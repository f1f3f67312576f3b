"""The `tuner` command on fakes that cost nothing, and that stop where a test wants them to.

    CONTROL=FOLDER python driver.py run --encoder fake …

A file in the folder, named after a point of the run, holds lines "N ACTION": the action is
due at the N-th arrival at that point, the next line N arrivals later. At "pause" the process
renames the file to `POINT.paused`, its process id inside, and waits until that is gone. Any
other action is for the point itself. OPTIONS holds the fakes' arguments as JSON, and under "report"
whether a run writes one.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import time
from pathlib import Path

from tuner.encoder import Encoded, Pcm, Settings
from tuner.scorer import Score
from tuner.testing import FakeEncoder, FakeScorer
from tuner.time_limit import TimeLimit

#: Limits above this are of whole jobs, s (`tuner.jobs.watchdog`).
LONGEST_ENCODE_S = 600.0
CONTROL = Path(os.environ["CONTROL"])
OPTIONS = json.loads(os.environ.get("OPTIONS", "{}"))


def arrive(point: str) -> str:
    """What is due now at a point, or nothing; one process at a time may be at a point."""
    wishes = CONTROL / point
    if not wishes.exists():
        return ""
    first, *others = wishes.read_text().splitlines()
    count, action = first.split()
    if int(count) > 1:
        wishes.write_text("\n".join([f"{int(count) - 1} {action}", *others]))
        return ""
    if others:
        wishes.write_text("\n".join(others))
    if action != "pause":
        if not others:
            wishes.unlink()
        return action
    paused = wishes.with_suffix(".paused")
    wishes.write_text(str(os.getpid()))
    wishes.rename(paused)
    while paused.exists():
        time.sleep(0.01)
    return ""


_left = TimeLimit.left


def left(limit: TimeLimit) -> float:
    """In every process: an encoder's time is over once it has said that it hangs, not before."""
    if _left(limit) > LONGEST_ENCODE_S:  # a job's limit
        return 60.0
    try:
        (CONTROL / "hung").unlink()
    except FileNotFoundError:
        return 60.0
    return 0.0


TimeLimit.left = left


class Encoder(FakeEncoder):
    """Stops at "encode"."""

    def encode(self, pcm: Pcm, sample_rate: int, settings: Settings, knob: float) -> Encoded:
        arrive("encode")
        return super().encode(pcm, sample_rate, settings, knob)


class Scorer(FakeScorer):
    """Stops at "score"; any other action there is the score."""

    def score(self, reference: Pcm, coded: Pcm) -> Score:
        action = arrive("score")
        return Score(float(action), 1.0) if action else super().score(reference, coded)


def install() -> None:
    """Put the fakes and the stops in their places."""
    # Imported here, as worker processes load this file, too: most of their time would be imports.
    import tuner.cli.commands.run
    import tuner.plugins
    import tuner.report
    from tuner.jobs.local import LocalExecutor
    from tuner.rundir import disk
    from tuner.search.trials import Trials

    encoder = Encoder(**OPTIONS.get("encoder", {}))
    scorer = Scorer("insenet", **OPTIONS.get("scorer", {}))
    judges = (FakeScorer("visqol"), FakeScorer("zimtohrli"))
    load = tuner.plugins.load_encoder
    tuner.plugins.load_encoder = lambda name, *rest: (
        encoder if name == "fake" else load(name, *rest)
    )
    tuner.cli.commands.run.load_metrics = lambda *_: (scorer, judges)
    if not OPTIONS.get("report"):  # it takes seconds, and is not what is tested
        tuner.report.write_report = lambda folder: folder / tuner.report.REPORT_NAME
    if "reserve" in OPTIONS:
        disk.DiskKeeper = functools.partial(disk.DiskKeeper, reserve=OPTIONS["reserve"])
    tell, close = Trials.tell, LocalExecutor.close

    def stopping_tell(self, result):
        if arrive("tell") == "full":
            limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limit))
        tell(self, result)

    def stopping_close(self, *, cancel=False):
        if cancel:
            arrive("close")
        close(self, cancel=cancel)

    Trials.tell, LocalExecutor.close = stopping_tell, stopping_close


if __name__ == "__main__":
    from tuner.cli import main

    install()
    main()

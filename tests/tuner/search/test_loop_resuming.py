"""The search loop over sessions: more trials, no time left, interruptions, SIGKILL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tuner.encoder import Settings
from tuner.jobs.job import Job
from tuner.search.evaluate import TrialResult
from tuner.search.loop import Budget

#: Makes searches on fakes; see `conftest.py`.
MakeRig = Callable[..., Any]


def settings_of(results: list[TrialResult]) -> list[tuple[str, dict[str, object]]]:
    return [(r.record.rate_mode, dict(r.record.values)) for r in results]


def interrupt(rig: Any, at: int) -> None:
    """Raise in the middle of the search, as Ctrl-C or a full disk would."""

    def raise_then(_: Job) -> None:
        if len(rig.executor.jobs) >= at:  # two threads may take a step of two
            raise RuntimeError("stop here")

    rig.executor.before = raise_then


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_more_trials_continue_a_search(make_rig: MakeRig, sampler: str) -> None:
    """Running in two halves gives the same trials as at once, and repeats none."""
    (once,) = make_rig("once", memory=True, window=1, sampler=sampler).run(Budget(16, None))
    make_rig("halves", window=1, sampler=sampler).run(Budget(11, None))
    (halves,) = make_rig("halves", window=1, sampler=sampler).run(Budget(16, None))
    assert [r.record for r in halves] == [r.record for r in once]


def test_hours_end_the_search(make_rig: MakeRig) -> None:
    """With no time left nothing more is asked; used time is kept over sessions."""
    rig = make_rig()
    (results,) = rig.run(Budget(None, 1e-9))
    assert len(results) == rig.window
    (again,) = make_rig().run(Budget(None, 1e-9))
    assert [r.record for r in again] == [r.record for r in results]


def test_interrupted_trials_are_tried_again(make_rig: MakeRig) -> None:
    """After an interruption the same trials are finished, with the same results."""
    (whole,) = make_rig("whole", memory=True).run(Budget(12, None))
    cut = make_rig("cut")
    interrupt(cut, at=40)
    with pytest.raises(RuntimeError, match="stop here"):
        cut.run(Budget(12, None))
    (resumed,) = make_rig("cut").run(Budget(12, None))
    assert settings_of(resumed) == settings_of(whole)
    assert [r.record for r in resumed] == [r.record for r in whole]


def test_interrupted_trials_come_before_what_is_queued(make_rig: MakeRig) -> None:
    """Where presets wait, too, the trials of a run that was not interrupted are repeated."""
    presets = [
        Settings.of("abr", {"shaping": s, "joint": True, "bandwidth_hz": "auto"}) for s in (1, 9)
    ]
    presets += [replace(preset, rate_mode="vbr") for preset in presets]
    options = {"starters": presets}
    (whole,) = make_rig("whole", memory=True, count=12, options=options).run(Budget(10, None))
    cut = make_rig("cut", count=12, options=options)
    interrupt(cut, at=30)
    with pytest.raises(RuntimeError, match="stop here"):
        cut.run(Budget(10, None))
    (resumed,) = make_rig("cut", count=12, options=options).run(Budget(10, None))
    assert [r.record for r in resumed] == [r.record for r in whole]


def test_interrupted_variations_are_tried_again(make_rig: MakeRig) -> None:
    """After an interruption TPE and its variations go on as if there had been none."""
    (whole,) = make_rig("whole", memory=True, sampler="tpe").run(Budget(22, None))
    cut = make_rig("cut", sampler="tpe")
    interrupt(cut, at=60)
    with pytest.raises(RuntimeError, match="stop here"):
        cut.run(Budget(22, None))
    (resumed,) = make_rig("cut", sampler="tpe").run(Budget(22, None))
    assert settings_of(resumed) == settings_of(whole)


def test_interrupted_races_are_run_again(make_rig: MakeRig) -> None:
    """After an interruption trials race the same rivals, with the same results."""
    (whole,) = make_rig("whole", memory=True, count=12).run(Budget(14, None))
    cut = make_rig("cut", count=12)
    interrupt(cut, at=150)
    with pytest.raises(RuntimeError, match="stop here"):
        cut.run(Budget(14, None))
    (resumed,) = make_rig("cut", count=12).run(Budget(14, None))
    assert [r.record for r in resumed] == [r.record for r in whole]
    assert any(r.record.state == "pruned" for r in whole)


DRIVER = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from conftest import Rig
from tuner.testing import AtOnce
from tuner.search.loop import Budget
folder = Path({folder!r})

class Logging(AtOnce):
    def submit(self, job):
        future = super().submit(job)
        if future.result().encodes:
            key = [job.settings.canonical(), job.knob, job.clip.digest]
            with open(folder / "encodes.log", "a") as log:
                log.write(json.dumps(key) + chr(10))
        while len((folder / "encodes.log").read_text().splitlines()) >= {most}:
            time.sleep(0.01)  # until it is killed
        return future

rig = Rig(folder)
rig.executor = Logging(rig.executor.cache)
rig.run(Budget(14, None))
"""


def start_driver(folder: Path, most: int) -> subprocess.Popen[bytes]:
    """A driver that stops, and waits to be killed, at so many encodes."""
    code = DRIVER.format(tests=str(Path(__file__).parents[1]), folder=str(folder), most=most)
    return subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.DEVNULL, start_new_session=True
    )


def encodes_of(folder: Path) -> list[str]:
    log = folder / "encodes.log"
    return log.read_text().splitlines() if log.exists() else []


def test_killed_driver_resumes_without_loss(make_rig: MakeRig) -> None:
    """After SIGKILL: the trials of an undisturbed run, and no encode computed twice."""
    (whole,) = make_rig("whole", memory=True).run(Budget(14, None))
    folder = make_rig("killed").folder
    driver = start_driver(folder, 30)
    while len(encodes_of(folder)) < 30:
        assert driver.poll() is None
        time.sleep(0.005)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    assert start_driver(folder, 10**6).wait() == 0
    (resumed,) = make_rig("killed").run(Budget(14, None))
    assert [r.record for r in resumed] == [r.record for r in whole]
    lines = encodes_of(folder)
    assert len({json.dumps(json.loads(line)) for line in lines}) == len(lines)

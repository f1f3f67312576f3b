"""The parts of the bench that need no audio: the study's own cost in time and memory.

Trials are answered by a stand-in at once, so that only asking, telling and storing is left.
"""

from __future__ import annotations

import itertools
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from tuner.encoder import Parameter, Settings, default_settings
from tuner.jobs.executor import make_executor
from tuner.jobs.job import ClipRef, Job
from tuner.model.scorer import InseNetScorer
from tuner.records import Timing
from tuner.rundir.database import close_storage, open_storage
from tuner.search.evaluate import Plan, TrialResult
from tuner.search.matching import make_ruler
from tuner.search.race import Hearing
from tuner.search.trials import Trials
from tuner.sound.audio import SAMPLE_RATE, sample_digest
from tuner.study.space import make_space
from tuner.testing import FakeEncoder, make_trial

#: Trials after which the cost of one more is told.
MARKS = (100, 500, 1000, 2000, 5000)
#: Length of the clips that a worker's memory is measured with, seconds.
WORKER_CLIP_S = 4
#: Trials that a mark is the mean of.
MEAN_OF = 20
#: CPU seconds of a trial with 15 clips of 8 s, by encoder (parts `overhead` and `cheap`).
TRIAL_S = {"lame at 96 kb/s": 2.9, "ac3 at 96 kb/s": 1.0}


class Wide(FakeEncoder):
    """An encoder with eight continuous parameters, so that proposals seldom repeat."""

    parameters = tuple(
        Parameter(f"p{index}", "float", 0.5, "", low=0.0, high=1.0) for index in range(8)
    )

    def gain_db(self, settings: Settings) -> float:
        """Best in the middle of all parameters."""
        return -sum((float(value) - 0.5) ** 2 for value in settings.as_dict().values())


def bookkeeping(out: Path, clips: int = 15, marks: tuple[int, ...] = MARKS) -> None:
    """Milliseconds of ask, tell and storing, as a study grows; and the driver's memory."""
    out.mkdir(parents=True, exist_ok=True)
    storage = open_storage(out / f"bookkeeping-{clips}.db")
    encoder = Wide()
    space = make_space(encoder, {})
    lane = Trials(storage, "fake@64", space, 64.0, "tpe", 0)
    costs: list[float] = []
    for _ in itertools.count(lane.finished):
        if lane.finished >= marks[-1]:
            break
        started = time.process_time()
        plan = lane.ask()
        lane.tell(_answer(plan, encoder, clips))
        costs.append(1000 * (time.process_time() - started))
        if lane.finished in marks:
            recent = costs[-MEAN_OF:]
            shares = [
                f"{np.mean(recent) / (10 * each):.2f} % of {each:g} s ({name})"
                for name, each in TRIAL_S.items()
            ]
            print(
                f"bookkeeping: {np.mean(recent):.0f} ms CPU a trial at {lane.finished} trials,"
                f" {clips} clips: {', '.join(shares)}; {_memory_mb():.1f} MB at most so far",
                flush=True,
            )
    close_storage(storage)


def memory(out: Path) -> None:
    """The driver's memory with 1,000 clips, as a study grows to 2,000 trials; a worker's, too."""
    bookkeeping(out, clips=1000, marks=(100, 500, 1000, 2000))
    with tempfile.TemporaryDirectory(dir=out) as folder:
        _worker_memory(Path(folder))


def _worker_memory(folder: Path) -> None:
    """A worker's memory while it scores 1,000 clips with the shipped model."""
    executor = make_executor("local", workers=1, cache_folder=folder / "cache")
    encoder, scorer = FakeEncoder(), InseNetScorer()
    settings = default_settings(encoder)
    rng = np.random.default_rng(0)
    for count in range(1, 1001):
        pcm = (0.1 * rng.standard_normal((2, WORKER_CLIP_S * SAMPLE_RATE))).astype(np.float32)
        path = folder / "clip.npy"
        np.save(path, pcm)
        clip = ClipRef(sample_digest(pcm), str(path), 2, WORKER_CLIP_S)
        executor.submit(Job(encoder, settings, 64.0, clip, (scorer,))).result()
        if count in (100, 250, 500, 1000):
            (worker,) = multiprocessing.active_children()
            status = Path(f"/proc/{worker.pid}/status").read_text()
            kilobytes = next(line.split()[1] for line in status.splitlines() if "VmRSS" in line)
            print(f"worker: {int(kilobytes) / 1024:.0f} MB after {count} clips", flush=True)
    executor.close()


def _answer(plan: Plan, encoder: FakeEncoder, clips: int) -> TrialResult:
    """What evaluating the plan would give: every second trial complete, the others pruned."""
    rng = np.random.default_rng(plan.seed)
    value = encoder.gain_db(plan.settings) + 50.0
    record = make_trial(
        plan.ordinal,
        "pruned" if plan.ordinal % 2 else "complete",
        rate_mode=plan.settings.rate_mode,
        values=plan.settings.as_dict(),
        knob=plan.guess,
        score=value,
    )
    rates = ((plan.guess, 64.0 * float(rng.uniform(0.97, 1.03))),)
    if record.state == "pruned":
        return TrialResult(record, Timing(), rates)
    values = tuple(float(each) for each in value + rng.normal(0, 1, clips))
    ruler = make_ruler([int(each) for each in rng.integers(10_000, 90_000, clips)])
    return TrialResult(record, Timing(), rates, Hearing(plan.ordinal, values, values), ruler)


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

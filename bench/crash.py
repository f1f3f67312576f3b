"""Disturb a run in every phase, again and again, run the same command again, compare.

    python -m bench.crash --out WORK [--times 24] [--how all] [--trials 24] [--fakes] [--seed 0]

Runs the demo's clips twice with the same command: once undisturbed, and once disturbed `--times`
times, a phase of the run after the other: reading, first ask, matching, racing, validation,
ablation, exhibits, report. It is disturbed a moment after the phase begins, which the run tells
(`bench.crash_driver`), not a timer. Where a run's search is over before it was disturbed often
enough, another run begins, which must give the same answer. How:

- kill: SIGKILL of the driver;
- interrupt: Ctrl-C, every third time twice;
- terminate: SIGTERM;
- worker: SIGKILL of a worker; the run then goes on to its end, as a job whose workers died
  twice is given up, and its trial fails, by design;
- stop: a worker stands still for longer than the time limit (`--limit`) of encodes and jobs.

Prints what was lost, which must be nothing: finished trials that are gone, cached entries that
were computed again, answers that differ from the undisturbed run's, processes left behind.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from msgspec import structs

from bench.crash_driver import PHASES
from bench.crash_sessions import POLL_S, Rig, Session, descendants, lives, workers_of
from tuner.records import Answer, Complete, Timing
from tuner.results import read_results

#: Seconds until the processes of a dead driver must be gone.
GRACE_S = 5.0
#: Phases that a session enters many times.
OFTEN = ("matching", "racing")
#: A worker that stands still does so for this many time limits.
STOPPED_LIMITS = 1.5


def entries(run: Path) -> dict[Path, int]:
    """Cache entries with their modification times in ns: one computed again is written again."""
    files = (path for path in (run / "cache").rglob("*") if path.suffix != ".partial")
    return {path: path.stat().st_mtime_ns for path in files if path.is_file()}


def finished(run: Path) -> set[str]:
    """The results of finished trials, as they are stored."""
    if not (run / "optuna.db").exists():
        return set()
    query = "SELECT value_json FROM trial_user_attributes WHERE key = 'result'"
    with contextlib.closing(sqlite3.connect(run / "optuna.db", timeout=60)) as database:
        try:
            return {row[0] for row in database.execute(query)}
        except sqlite3.OperationalError:  # its tables are just made
            return set()


def answer_of(run: Path) -> Answer:
    """The answer of a finished run, without what its sessions cost: that is another each time."""
    (bitrate,) = read_results(run / "results.json").bitrates
    trials = [
        structs.replace(trial, encode_s=0.0) if isinstance(trial, Complete) else trial
        for trial in bitrate.trials
    ]
    return replace(bitrate, trials=trials, timing=Timing())


@dataclass
class Losses:
    """What was lost so far."""

    trials: int = 0
    again: int = 0
    orphans: int = 0
    kept: set[str] = field(default_factory=set)
    cached: dict[Path, int] = field(default_factory=dict)

    def turn_to(self, run: Path) -> None:
        """Look at another run from now on."""
        self.kept, self.cached = finished(run), entries(run)

    def look(self, run: Path) -> None:
        """Compare with the last look."""
        kept, cached = finished(run), entries(run)
        self.trials += len(self.kept - kept)
        self.again += sum(cached.get(path) != at for path, at in self.cached.items())
        self.kept, self.cached = kept, cached


Act = Callable[[Session, random.Random, Rig], None]


def end_with(*signals: signal.Signals) -> Act:
    """Sends these to the driver, a tenth of a second apart, and waits for its end."""

    def act(driver: Session, chance: random.Random, rig: Rig) -> None:
        for number in signals:
            driver.send_signal(number)
            time.sleep(0.1)
        driver.wait()

    return act


def kill_worker(driver: Session, chance: random.Random, rig: Rig) -> None:
    """SIGKILL one worker, in whatever it does; the driver goes on to its end."""
    if workers := workers_of(driver):
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(workers), signal.SIGKILL)
    end(driver)


def stop_worker(driver: Session, chance: random.Random, rig: Rig) -> None:
    """Let one worker stand still for longer than any time limit; the driver goes on."""
    if workers := workers_of(driver):
        stopped = chance.choice(workers)
        with contextlib.suppress(ProcessLookupError):
            os.kill(stopped, signal.SIGSTOP)
            time.sleep(STOPPED_LIMITS * rig.limit_s)
            os.kill(stopped, signal.SIGCONT)


#: How a run can be disturbed.
EVENTS: dict[str, list[Act]] = {
    "kill": [end_with(signal.SIGKILL)],
    "interrupt": [
        *[end_with(signal.SIGINT)] * 2,
        end_with(signal.SIGINT, signal.SIGINT),
    ],
    "terminate": [end_with(signal.SIGTERM)],
    "worker": [kill_worker],
    "stop": [stop_worker],
}


def events(how: list[str], chance: random.Random) -> Iterator[tuple[str, Act]]:
    """What happens, without end: all ways by turns."""
    acts = {name: itertools.cycle(EVENTS[name]) for name in how}
    for name in itertools.cycle(chance.sample(how, len(how))):
        yield name, next(acts[name])


@dataclass
class Disturbed:
    """Runs that are disturbed, one after the other.

    Args:
        rig: what is run.
        chance: of the moments and of the workers.
        within_s: seconds after a phase begins.
        runs: their directories; the last is the one that runs.
        losses: what was lost so far.
        hit: how often each phase was disturbed.
    """

    rig: Rig
    chance: random.Random
    within_s: float
    runs: list[Path] = field(default_factory=list)
    losses: Losses = field(default_factory=Losses)
    hit: Counter[str] = field(default_factory=Counter)

    def start(self) -> Session:
        """A session of another run."""
        self.runs.append(self.rig.folder / f"disturbed-{len(self.runs) + 1}")
        self.losses.turn_to(self.runs[-1])
        return self.rig.start(self.runs[-1])

    def enter(self, driver: Session, phase: str) -> Session:
        """Wait until the session, or one of another run, is in a phase."""
        for _ in range(2):
            if driver.poll() is not None:
                driver = self.rig.start(self.runs[-1])
            if self.rig.wait(driver, phase, self.chance.randint(1, 3) if phase in OFTEN else 1):
                return driver
            end(driver)
            self.losses.look(self.runs[-1])
            driver = self.start()
        raise SystemExit(f"no run enters the phase {phase}")

    def disturb(self, times: int, how: list[str]) -> None:
        """Let all of that happen, then let the last run end."""
        driver = self.start()
        happening = events(how, self.chance)
        for number in range(times):
            phase = list(PHASES)[number * len(PHASES) // times]
            name, act = next(happening)
            driver = self.enter(driver, phase)
            time.sleep(self.chance.uniform(0, self.within_s))
            processes = descendants(driver.pid)
            self.hit[phase] += driver.poll() is None
            act(driver, self.chance, self.rig)
            if driver.poll() is not None:
                self.losses.orphans += count_left(processes)
            self.losses.look(self.runs[-1])
            told = f"{len(self.losses.kept)} trials finished, {len(self.losses.cached)} entries"
            print(f"{number + 1}/{times}: {name} in {phase}: {told}", flush=True)
        driver.wait()
        end(self.rig.start(self.runs[-1]))
        self.losses.look(self.runs[-1])


def end(driver: Session) -> None:
    """Wait for the end of a session that nothing disturbs any more."""
    if status := driver.wait():
        raise SystemExit(f"an undisturbed session failed with exit status {status}")


def count_left(processes: list[int]) -> int:
    """How many of them are still there a while after their driver."""
    deadline = time.monotonic() + GRACE_S
    while any(map(lives, processes)) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return sum(map(lives, processes))


def main() -> None:
    """Run, disturb, run again, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--times", type=int, default=24, help="how often it is disturbed")
    parser.add_argument("--how", default="all", help="all, or some of " + ", ".join(EVENTS))
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--within", type=float, default=1.0, help="seconds after a phase begins")
    parser.add_argument("--limit", type=float, default=20.0, help="time limit of jobs, seconds")
    parser.add_argument("--fakes", action="store_true", help="a fake encoder and fake metrics")
    parser.add_argument("--seed", type=int, default=0, help="of the times and of the workers")
    arguments = parser.parse_args()
    how = list(EVENTS) if arguments.how == "all" else arguments.how.split(",")
    straight = arguments.out / "straight"
    if straight.exists():
        # The end of a session empties the window of trials in flight: a run that was longer in
        # two sessions proposes something else than one that was not interrupted.
        raise SystemExit(f"{arguments.out}: holds earlier runs; name another --out")
    rig = Rig(arguments.out, arguments.trials, arguments.limit, arguments.fakes)
    rig.make_clips()
    if rig.start(straight).wait():
        raise SystemExit(f"the undisturbed run failed; see {arguments.out / 'log.txt'}")
    disturbed = Disturbed(rig, random.Random(arguments.seed), arguments.within)
    disturbed.disturb(arguments.times, how)
    report(straight, disturbed)


def report(straight: Path, disturbed: Disturbed) -> None:
    """Print what was lost, and how the answers compare."""
    losses, hit = disturbed.losses, disturbed.hit
    one, others = answer_of(straight), [answer_of(run) for run in disturbed.runs]
    phases = ", ".join(f"{phase} {count}" for phase, count in hit.items())
    print(f"disturbed: {sum(hit.values())} times, {len(others)} runs; {phases}")
    told = ", ".join(str(len(entries(run))) for run in disturbed.runs)
    print(f"cache entries: {len(entries(straight))} undisturbed; {told} disturbed")
    print(f"finished trials lost: {losses.trials}")
    print(f"cache entries lost or computed again: {losses.again}")
    pairs = [pair for each in others for pair in zip(one.trials, each.trials, strict=True)]
    print(f"trials that differ from the undisturbed run's: {sum(a != b for a, b in pairs)}")
    print(f"answers that differ: {sum(each != one for each in others)}")
    print(f"processes left behind: {losses.orphans}")


if __name__ == "__main__":
    main()

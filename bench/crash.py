"""Disturb a run in every phase, again and again, run the same command again, compare.

    python -m bench.crash --out WORK [--times 24] [--how all] [--trials 24] [--fakes] [--seed 0]

Runs the demo's clips twice with the same command: once undisturbed, and once disturbed `--times`
times, a phase of the run after the other: reading, first ask, matching, racing, validation,
ablation, exhibits, report. It is disturbed a moment after the phase begins, which the run tells
(`bench.crash_driver`), not a timer. How:

- kill: SIGKILL of the driver;
- interrupt: Ctrl-C, every third time twice;
- terminate: SIGTERM;
- worker: SIGKILL of a worker;
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

from bench.crash_driver import PHASES
from bench.crash_sessions import POLL_S, Rig, Session, descendants, lives, workers_of
from tuner.records import BitrateResult, Timing
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


def answer_of(run: Path) -> BitrateResult:
    """The answer of a finished run, without what its sessions cost: that is another each time."""
    (bitrate,) = read_results(run / "results.json").bitrates
    trials = [replace(trial, encode_s=None) for trial in bitrate.trials]
    return replace(bitrate, trials=trials, timing=Timing())


@dataclass
class Losses:
    """What was lost so far."""

    trials: int = 0
    again: int = 0
    orphans: int = 0
    kept: set[str] = field(default_factory=set)
    cached: dict[Path, int] = field(default_factory=dict)

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
    """SIGKILL one worker, in whatever it does; the driver goes on."""
    if workers := workers_of(driver):
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(workers), signal.SIGKILL)


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


def disturb(
    rig: Rig, run: Path, times: int, how: list[str], within_s: float, chance: random.Random
) -> tuple[Losses, Counter[str]]:
    """Let all of that happen to a run, then let it end.

    Returns:
        What was lost, and how often each phase was disturbed.
    """
    losses, hit = Losses(), Counter[str]()
    driver = rig.start(run)
    happening = events(how, chance)
    for number in range(times):
        phase = list(PHASES)[number * len(PHASES) // times]
        name, act = next(happening)
        if driver.poll() is not None:
            driver = rig.start(run)
        if not rig.wait(driver, phase, chance.randint(1, 3) if phase in OFTEN else 1):
            print(f"{number + 1}/{times}: the run ended without {phase}", flush=True)
            continue
        time.sleep(chance.uniform(0, within_s))
        processes = descendants(driver.pid)
        hit[phase] += driver.poll() is None
        act(driver, chance, rig)
        if driver.poll() is not None:
            deadline = time.monotonic() + GRACE_S
            while any(map(lives, processes)) and time.monotonic() < deadline:
                time.sleep(POLL_S)
            losses.orphans += sum(map(lives, processes))
        losses.look(run)
        told = f"{len(losses.kept)} trials finished, {len(losses.cached)} cache entries"
        print(f"{number + 1}/{times}: {name} in {phase}: {told}", flush=True)
    driver.wait()
    driver = rig.start(run)
    if driver.wait():
        raise SystemExit(f"the last session failed with exit status {driver.returncode}")
    losses.look(run)
    return losses, hit


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
    straight, disturbed = arguments.out / "straight", arguments.out / "disturbed"
    if straight.exists() or disturbed.exists():
        # The end of a session empties the window of trials in flight: a run that was longer in
        # two sessions proposes something else than one that was not interrupted.
        raise SystemExit(f"{arguments.out}: holds earlier runs; name another --out")
    rig = Rig(arguments.out, arguments.trials, arguments.limit, arguments.fakes)
    rig.make_clips()
    if rig.start(straight).wait():
        raise SystemExit(f"the undisturbed run failed; see {arguments.out / 'log.txt'}")
    chance = random.Random(arguments.seed)
    losses, hit = disturb(rig, disturbed, arguments.times, how, arguments.within, chance)
    one, other = answer_of(straight), answer_of(disturbed)
    print(f"disturbed: {sum(hit.values())} times; " + ", ".join(f"{p} {n}" for p, n in hit.items()))
    told = len(entries(straight)), len(entries(disturbed))
    print(f"cache entries: {told[0]} undisturbed, {told[1]} disturbed")
    print(f"finished trials lost: {losses.trials}")
    print(f"cache entries lost or computed again: {losses.again}")
    pairs = zip(one.trials, other.trials, strict=True)
    print(f"trials that differ from the undisturbed run's: {sum(a != b for a, b in pairs)}")
    print(f"answers that differ: {int(one != other)}")
    print(f"processes left behind: {losses.orphans}")


if __name__ == "__main__":
    main()

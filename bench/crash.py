"""Kill what a run consists of, again and again, run the same command again, compare.

    python -m bench.crash --out WORK [--trials 24] [--within 5] [--seed 0]

Runs the demo's clips twice with the same command: once undisturbed, and once with SIGKILL of
a worker, SIGINT, a second SIGINT at once, SIGTERM and SIGKILL of the driver; each some seconds,
up to `--within`, after one more trial was finished. Prints what was lost, which must be nothing:
finished trials that are gone, cached entries that were computed again, trials that differ from
the undisturbed run's, processes left behind.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tuner.results import TrialRecord, read_results
from tuner.synth import write_demo_clips

#: Seconds until the processes of a dead driver must be gone.
GRACE_S = 5.0
#: Seconds between two looks for a finished trial.
POLL_S = 0.2


def command(clips: Path, run: Path, trials: int) -> list[str]:
    """The command that is run, killed, and run again."""
    return [
        *(sys.executable, "-m", "tuner", "run", "--encoder", "lame", "--bitrates", "64"),
        *("--clips", str(clips), "--trials", str(trials), "--workers", "2", "--out", str(run)),
    ]


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


def trials_of(run: Path) -> list[TrialRecord]:
    """The trials of a finished run."""
    (bitrate,) = read_results(run / "results.json").bitrates
    # The CPU time of an encode is another one each time.
    return [replace(trial, encode_s=None) for trial in bitrate.trials]


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and theirs."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, children.read_text().split()):
                found += [child, *descendants(child)]
    return found


def is_worker(pid: int) -> bool:
    """Whether a process is a worker of the local executor."""
    with contextlib.suppress(OSError):
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def runs(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


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


def kill_worker(driver: subprocess.Popen[bytes], chance: random.Random) -> None:
    """SIGKILL one worker, in whatever it does; the driver goes on."""
    workers = [pid for pid in descendants(driver.pid) if is_worker(pid)]
    if workers:
        os.kill(chance.choice(workers), signal.SIGKILL)


def stop(*signals: signal.Signals) -> Callable[[subprocess.Popen[bytes], random.Random], None]:
    """Sends these to the driver, a tenth of a second apart, and waits for its end."""

    def act(driver: subprocess.Popen[bytes], chance: random.Random) -> None:
        for number in signals:
            driver.send_signal(number)
            time.sleep(0.1)
        driver.wait()

    return act


#: What happens, in this order.
EVENTS = {
    "a worker killed": kill_worker,
    "Ctrl-C": stop(signal.SIGINT),
    "Ctrl-C twice": stop(signal.SIGINT, signal.SIGINT),
    "the driver terminated": stop(signal.SIGTERM),
    "another worker killed": kill_worker,
    "the driver killed": stop(signal.SIGKILL),
}


def disturb(line: list[str], run: Path, within_s: float, chance: random.Random) -> Losses:
    """Let all of that happen to a run, then let it end."""
    losses = Losses()
    driver = subprocess.Popen(line)
    for name, act in EVENTS.items():
        if driver.poll() is not None:
            driver = subprocess.Popen(line)
        while len(finished(run)) <= len(losses.kept) and driver.poll() is None:
            time.sleep(POLL_S)
        time.sleep(chance.uniform(0, within_s))
        if driver.poll() is not None:
            print(f"the run ended before {name!r} and what follows: give more --trials", flush=True)
            break
        processes = descendants(driver.pid)
        act(driver, chance)
        if driver.poll() is not None:
            time.sleep(GRACE_S)
            losses.orphans += sum(map(runs, processes))
        losses.look(run)
        told = f"{len(losses.kept)} trials finished, {len(losses.cached)} cache entries"
        print(f"{name}: {told}", flush=True)
    if driver.poll() is not None:
        driver = subprocess.Popen(line)
    if driver.wait():
        raise SystemExit(f"the last session failed with exit status {driver.returncode}")
    losses.look(run)
    return losses


def main() -> None:
    """Run, disturb, run again, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--within", type=float, default=5.0, help="seconds after a trial")
    parser.add_argument("--seed", type=int, default=0, help="of the times and of the workers")
    arguments = parser.parse_args()
    clips = arguments.out / "clips"
    write_demo_clips(clips)
    straight, disturbed = arguments.out / "straight", arguments.out / "disturbed"
    if straight.exists() or disturbed.exists():
        # The end of a session empties the window of trials in flight: a run that was longer in
        # two sessions proposes something else than one that was not interrupted.
        raise SystemExit(f"{arguments.out}: holds earlier runs; name another --out")
    subprocess.run(command(clips, straight, arguments.trials), check=True)
    line = command(clips, disturbed, arguments.trials)
    losses = disturb(line, disturbed, arguments.within, random.Random(arguments.seed))
    pairs = zip(trials_of(straight), trials_of(disturbed), strict=True)
    print(
        f"cache entries: {len(entries(straight))} undisturbed, {len(entries(disturbed))} disturbed"
    )
    print(f"finished trials lost: {losses.trials}")
    print(f"cache entries lost or computed again: {losses.again}")
    print(f"trials that differ from the undisturbed run's: {sum(a != b for a, b in pairs)}")
    print(f"processes left behind: {losses.orphans}")


if __name__ == "__main__":
    main()

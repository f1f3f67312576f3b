"""SIGKILL the driver in the middle of a run, run the same command again, compare.

    python -m bench.crash --out WORK [--trials 6] [--kill-after 25]

Runs the demo's clips twice with the same command: once undisturbed, once killed and run again.
Prints the number of trials of each, how many encodes each computed, and how many of the
encodes that were in the cache at the kill were computed again (must be 0).
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tuner.results import read_results
from tuner.synth import write_demo_clips


def entries(run: Path) -> dict[Path, int]:
    """Cached encodes with their modification times in ns: one computed again is written again."""
    return {p: p.stat().st_mtime_ns for p in (run / "cache" / "encodes").rglob("*") if p.is_file()}


def command(clips: Path, run: Path, trials: int) -> list[str]:
    """The command that is run, killed, and run again."""
    return [
        *(sys.executable, "-m", "tuner", "run", "--encoder", "lame", "--bitrates", "64"),
        *("--clips", str(clips), "--trials", str(trials), "--workers", "2", "--out", str(run)),
    ]


def print_run(name: str, run: Path) -> None:
    """Trials and encodes of a finished run."""
    (bitrate,) = read_results(run / "results.json").bitrates
    print(f"{name}: {len(bitrate.trials)} trials, {len(entries(run))} encodes in the cache")


def main() -> None:
    """Run, kill, run again, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--kill-after", type=float, default=25.0, help="seconds")
    arguments = parser.parse_args()
    clips = arguments.out / "clips"
    write_demo_clips(clips)
    straight, killed = arguments.out / "straight", arguments.out / "killed"
    subprocess.run(command(clips, straight, arguments.trials), check=True)
    print_run("undisturbed", straight)
    driver = subprocess.Popen(command(clips, killed, arguments.trials))
    time.sleep(arguments.kill_after)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    time.sleep(1)  # the workers die with the driver; what they were writing is not in the cache
    before = entries(killed)
    print(f"killed after {arguments.kill_after:g} s: {len(before)} encodes in the cache")
    subprocess.run(command(clips, killed, arguments.trials), check=True)
    print_run("killed and run again", killed)
    after = entries(killed)
    again = sum(after.get(path) != written for path, written in before.items())
    print(f"computed again although cached: {again}")


if __name__ == "__main__":
    main()

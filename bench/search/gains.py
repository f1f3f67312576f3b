"""What whole runs find, holdout clips and judges included.

aac at 64 and 96 kb/s, twolame at 128, ac3 at 96, LAME's interface at 128, Opus at 48 (the control):
those whose first winners were looked at from outside. Prints default, tuned, gain and interval by
the model and all judges on the holdout side, and the seconds of pure encode and decode against wall
time.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from tuner.records import Answer, Results
from tuner.results import read_results

#: Trials per bitrate.
TRIALS = 40
STUDIES = (
    ("aac", "64,96"),
    ("twolame", "128"),
    ("ac3", "96"),
    ("opus", "48"),
    ("lame-api", "128"),
)


def print_bitrate(results: Results, bitrate: Answer, workers: int) -> None:
    """One bitrate's figures."""
    name = f"{results.provenance.encoder}@{bitrate.target_kbps:g}"
    states = [t.state for t in bitrate.trials]
    print(
        f"== {name}: {len(states)} trials ({states.count('infeasible')} infeasible,"
        f" {states.count('failed')} failed): {bitrate.verdict.kind}"
    )
    print(f"   {bitrate.verdict.sentence}")
    default = bitrate.candidates[0]
    best = bitrate.candidates[1] if len(bitrate.candidates) > 1 else default
    for side in ("tune", "holdout"):
        if side not in best.sides or side not in default.sides:
            print(f"   {side}: {best.problem or default.problem}")
            continue
        a, b = default.sides[side], best.sides[side]
        print(f"   {side}: default {a.bitrate_kbps:.2f} kb/s, best {b.bitrate_kbps:.2f} kb/s")
        for metric, gain in b.gains.items():
            before = np.mean(list(a.scores[metric].values()))
            after = np.mean(list(b.scores[metric].values()))
            print(
                f"     {metric:10s} default {before:5.1f}, best {after:5.1f},"
                f" gain {gain.value:+.2f} ({gain.low:+.2f} to {gain.high:+.2f})"
            )
    print(f"   command: {best.shown}")
    t = bitrate.timing
    pure = t.encode_s + t.decode_s
    print(
        f"   wall {t.wall_s:.0f} s; CPU: encode {t.encode_s:.0f}, decode {t.decode_s:.0f},"
        f" score {t.score_s:.0f} s; {t.encodes} encodes, {t.scores} scores;"
        f" (encode + decode) / {workers} workers = {pure / workers:.0f} s"
    )


def gains(clips: Path, out: Path, workers: int) -> None:
    """Run what is not finished, print everything."""
    for encoder, bitrates in STUDIES:
        run = out / encoder
        command = [sys.executable, "-m", "tuner", "run", "--encoder", encoder]
        command += ["--clips", str(clips), "--bitrates", bitrates]
        command += ["--trials", str(TRIALS), "--workers", str(workers)]
        subprocess.run([*command, "--out", str(run)], check=True, stdout=subprocess.DEVNULL)
        results = read_results(run / "results.json")
        for bitrate in results.bitrates:
            print_bitrate(results, bitrate, workers)
        pure = sum(b.timing.encode_s + b.timing.decode_s for b in results.bitrates)
        wall = sum(b.timing.wall_s for b in results.bitrates)
        print(
            f"   {encoder}: search wall {wall:.0f} s, {wall / (pure / workers):.2f} x"
            " the pure encode and decode time per worker"
        )

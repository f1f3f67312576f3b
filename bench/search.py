"""The searches that the project is measured by, on the shared clips.

    python -m bench.search --clips CLIPS --out RUNS [--trials 60] [--workers 2]

aac at 64 and 96 kb/s (much to find), LAME at 64, Opus at 48 (the control). Prints default,
tuned, gain and interval by the model and both judges on the holdout side, and the seconds of
pure encode and decode against wall time. A killed bench goes on where it stopped.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

from tuner.results import BitrateResult, Results, read_results

STUDIES = (("aac", "64,96"), ("lame-ffmpeg", "64"), ("opus-ffmpeg", "48"))


def print_bitrate(results: Results, bitrate: BitrateResult, workers: int) -> None:
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
    print(f"   command: {' '.join(best.command)}")
    t = bitrate.timing
    pure = t.encode_s + t.decode_s
    print(
        f"   wall {t.wall_s:.0f} s; CPU: encode {t.encode_s:.0f}, decode {t.decode_s:.0f},"
        f" score {t.score_s:.0f} s; {t.encodes} encodes, {t.scores} scores;"
        f" (encode + decode) / {workers} workers = {pure / workers:.0f} s"
    )


def main() -> None:
    """Run what is not finished, print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    for encoder, bitrates in STUDIES:
        run = arguments.out / encoder
        command = [sys.executable, "-m", "tuner", "run", "--encoder", encoder]
        command += ["--clips", str(arguments.clips), "--bitrates", bitrates]
        command += ["--trials", str(arguments.trials), "--workers", str(arguments.workers)]
        subprocess.run([*command, "--out", str(run)], check=True, stdout=subprocess.DEVNULL)
        results = read_results(run / "results.json")
        for bitrate in results.bitrates:
            print_bitrate(results, bitrate, arguments.workers)
        pure = sum(b.timing.encode_s + b.timing.decode_s for b in results.bitrates)
        wall = sum(b.timing.wall_s for b in results.bitrates)
        print(
            f"   {encoder}: search wall {wall:.0f} s, {wall / (pure / arguments.workers):.2f} x"
            " the pure encode and decode time per worker"
        )


if __name__ == "__main__":
    main()

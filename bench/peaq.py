"""PEAQ against reference values, and what it costs.

    python -m bench.peaq --data PEAQ

PEAQ holds ``gstpeaq.csv`` and the audio files it names. Prints, per variable, how far ours is
from the table at the median and at worst, and seconds of one core for 10 s of stereo.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np

from tuner.metrics import peaq_basic as peaq
from tuner.sound.audio import SAMPLE_RATE, read_audio

TABLE = "gstpeaq.csv"
#: Variables of 0 to 1 and the grades: their difference is told, not its share.
ABSOLUTE = ("MFPDB", "RelDistFramesB", "DI", "ODG")


def deviations(folder: Path) -> dict[str, list[float]]:
    """Ours minus the table's value of each pair, by variable; a share of it unless `ABSOLUTE`."""
    found: dict[str, list[float]] = {}
    with (folder / TABLE).open(newline="") as stream:
        for row in csv.DictReader(stream):
            pair = (read_audio(folder / row[name])[0] for name in ("reference", "coded"))
            for name, value in _values(*pair).items():
                expected = float(row[name])
                scale = 1.0 if name in ABSOLUTE else abs(expected)
                found.setdefault(name, []).append((value - expected) / scale)
    return found


def _values(reference: peaq.Signals, coded: peaq.Signals) -> dict[str, float]:
    measured = peaq.stereo(reference, coded)
    values = {name: float(value[0]) for name, value in vars(measured).items()}
    values["DI"] = float(peaq.distortion_index(measured)[0])
    values["ODG"] = float(peaq.odg(measured)[0])
    return values


def seconds(runs: int = 20) -> float:
    """Processor time for 10 s of stereo noise, one core; the least, as other work only adds."""
    import torch

    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    reference = 0.1 * random.standard_normal((2, 10 * SAMPLE_RATE)).astype(np.float32)
    coded = reference + 0.01 * random.standard_normal(reference.shape).astype(np.float32)
    peaq.stereo(reference, coded)
    taken = []
    for _ in range(runs):
        start = time.process_time()
        peaq.stereo(reference, coded)
        taken.append(time.process_time() - start)
    return min(taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    for name, each in deviations(parser.parse_args().data).items():
        unit = "" if name in ABSOLUTE else " (relative)"
        worst = max(each, key=abs)
        print(f"{name:16} median {np.median(np.abs(each)):.1e}, worst {worst:+.1e}{unit}")
    print(f"{seconds():.3f} s for 10 s of stereo")


if __name__ == "__main__":
    main()

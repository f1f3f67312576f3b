"""MOS of the 3.5 and 7 kHz low-pass anchors by both teachers, on the `train` clips.

    python -m bench.anchors --clips CLIPS

Their medians are where `VISQOL_SCALE` and `ZIMTOHRLI_SCALE` in `tuner.metrics.scales` belong.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tuner.cli.commands.dataset import train_side
from tuner.metrics.scales import visqol_mos, zimtohrli_mos
from tuner.sound.audio import SAMPLE_RATE, lowpass, read_audio, resample
from tuner.sound.stereo import mid_and_side


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True)
    rows = []
    for path in train_side(parser.parse_args().clips)[::2]:
        pcm, rate = read_audio(path)
        pcm = resample(pcm, rate)[:, : 4 * SAMPLE_RATE]
        reference, _ = mid_and_side(pcm)
        anchors = [mid_and_side(lowpass(pcm, cutoff))[0] for cutoff in (3500.0, 7000.0)]
        metrics = (visqol_mos, zimtohrli_mos)
        rows.append([metric(reference, anchor) for metric in metrics for anchor in anchors])
        print(path.name, *(f"{mos:.2f}" for mos in rows[-1]), flush=True)
    print(
        "median: visqol 3.5 and 7 kHz, zimtohrli 3.5 and 7 kHz:", np.median(rows, axis=0).round(2)
    )


if __name__ == "__main__":
    main()

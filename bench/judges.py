"""What judging one finalist costs, and how far our ViSQOL is from the published one.

``python -m bench.judges [--clips FOLDER] [--count 15]``: clips of 8 s (made up without a folder)
through ffmpeg's AAC at 64 kb/s, scored by each judge after a first clip that loads and compiles;
CPU seconds of one process. Then ViSQOL's MOS of the mid signals by visqol-python as published
(its own alignments, its own filters) against ours.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from encoders.aac import Aac
from tuner.encoder import default_settings
from tuner.metrics.registry import load_metric
from tuner.sound.audio import SAMPLE_RATE, Pcm, align, read_audio, resample
from tuner.sound.stereo import mid_and_side
from tuner.sound.synth import synthesize

JUDGES = ("visqol", "zimtohrli", "2f", "peaq")
CLIP_S = 8.0
KBPS = 64.0
#: What judging a finalist on so many clips of `CLIP_S` may cost, CPU seconds.
COUNT, GOAL_S = 15, 20.0
SYNTHETIC = ("drums", "bells", "applause", "plucked", "sung", "bowed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--published", type=int, default=15, help="clips compared with published")
    asked = parser.parse_args()
    pairs = [_coded(pcm) for pcm in _references(asked.clips, asked.count)]
    sound_s = sum(reference.shape[1] for reference, _ in pairs) / SAMPLE_RATE
    print(f"{len(pairs)} clips, {sound_s:.1f} s of sound", flush=True)
    total = 0.0
    for name in JUDGES:
        metric = load_metric(name)
        metric.score(*pairs[0])  # loads and compiles; its reference is remembered, as in a run
        start = time.process_time()
        scores = [metric.score(*pair).mean for pair in pairs]
        spent = time.process_time() - start
        total += spent
        print(f"{name:10} {spent:6.1f} s CPU, mean score {np.mean(scores):.1f}", flush=True)
    told = f"goal: {GOAL_S:.0f} s for {COUNT} clips of {CLIP_S:.0f} s"
    print(f"{'all':10} {total:6.1f} s CPU ({told})", flush=True)
    _compare(pairs[: asked.published])


def _references(folder: Path | None, count: int) -> Iterator[Pcm]:
    length = round(CLIP_S * SAMPLE_RATE)
    if folder is None:
        for seed in range(count):
            yield synthesize(SYNTHETIC[seed % len(SYNTHETIC)], seed=seed, duration_s=CLIP_S)
        return
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".wav", ".flac"))
    for path in files[:: max(len(files) // count, 1)][:count]:
        pcm, rate = read_audio(path)
        yield resample(pcm, rate)[:, :length]


def _coded(reference: Pcm) -> tuple[Pcm, Pcm]:
    encoder = Aac()
    encoded = encoder.encode(reference, SAMPLE_RATE, default_settings(encoder), KBPS)
    decoded, rate = encoder.decode(encoded)
    return reference, align(reference, resample(decoded, rate))[0]


def _compare(pairs: list[tuple[Pcm, Pcm]]) -> None:
    """Differences in MOS; the published one first, before ours replaces its filters."""
    from visqol.api import VisqolApi

    mids = [tuple(mid_and_side(pcm)[0] for pcm in pair) for pair in pairs]
    published = VisqolApi()
    published.create(mode="audio")
    theirs = [published.measure_from_arrays(*mid, SAMPLE_RATE).moslqo for mid in mids]
    from tuner.metrics.visqol_aligned import mono_mos

    ours = [mono_mos(*mid) for mid in mids]
    apart = np.abs(np.array(theirs) - ours)
    print(f"ViSQOL of {len(mids)} mids: {apart.mean():.4f} MOS apart, at most {apart.max():.4f}")


if __name__ == "__main__":
    main()

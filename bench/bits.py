"""What bits are worth: points that encoders' defaults gain from one bitrate to the next.

    python -m bench.bits --clips CLIPS [--count 5]

Prints, for each encoder, measured kb/s and mean score at 32 to 192 kb/s, and the points for
twice the bits between neighbours: where `MOST_WORTH` and `USUAL_WORTH` of
`tuner.search.race` come from. On clips of the tune side.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np

from bench.search.rig import tune_clips
from tuner.encoder import Encoder, Settings, default_settings
from tuner.errors import EncoderError
from tuner.model.scorer import InseNetScorer
from tuner.plugins import load_encoder
from tuner.sound.audio import SAMPLE_RATE, align, resample

ENCODERS = (
    ("lame-ffmpeg", "abr"),
    ("aac", "abr"),
    ("opus-ffmpeg", "vbr"),
    ("twolame-ffmpeg", "cbr"),
    ("ac3", "cbr"),
)
KBPS = (32, 48, 64, 96, 128, 192)


def measure(
    encoder: Encoder, settings: Settings, knob: float, paths: list[Path], scorer: InseNetScorer
) -> tuple[float, float]:
    """Measured kb/s over all clips and their mean score."""
    bits, seconds, scores = 0, 0.0, []
    for path in paths:
        pcm = np.load(path)
        encoded = encoder.encode(pcm, SAMPLE_RATE, settings, knob)
        decoded, rate = encoder.decode(encoded)
        scores.append(scorer.score(pcm, align(pcm, resample(decoded, rate))[0]).mean)
        bits += encoded.payload_bits
        seconds += pcm.shape[1] / SAMPLE_RATE
    return bits / seconds / 1000, float(np.mean(scores))


def main() -> None:
    """Print all encoders."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--count", type=int, default=5)
    arguments = parser.parse_args()
    scorer = InseNetScorer()
    with tempfile.TemporaryDirectory() as store:
        clips = tune_clips(arguments.clips, Path(store))[: arguments.count]
        paths = [Path(clip.path) for clip in clips]
        for name, mode in ENCODERS:
            encoder = load_encoder(name, None)
            settings, points = default_settings(encoder, mode), []
            for kbps in KBPS:
                try:
                    points.append(measure(encoder, settings, kbps, paths, scorer))
                except EncoderError as error:
                    print(f"{name} at {kbps}: left out ({str(error).splitlines()[0]})")
            worth = [(d - b) / math.log2(c / a) for (a, b), (c, d) in pairwise(points)]
            print(
                f"{name}: {', '.join(f'{kbps:.1f} kb/s {score:.1f}' for kbps, score in points)};"
                f" points for twice the bits: {', '.join(f'{each:.1f}' for each in worth)}",
                flush=True,
            )


if __name__ == "__main__":
    main()

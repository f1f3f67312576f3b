"""Times real time on one core, beside the teachers in the same run."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from bench.truth.listening import Listening
from bench.truth.references import Reference
from bench.truth.table import Row
from tuner.audio import SAMPLE_RATE, lowpass

#: How many stereo references are timed.
TIMED = 8


def speed(references: Sequence[Reference], listening: Listening) -> list[Row]:
    """Rows for references never met before, and for known ones, as a search meets them.

    Model and ViSQOL remember a reference's spectrograms.
    """
    import torch

    torch.set_num_threads(1)
    stereo = [r.pcm for r in references if r.pcm.shape[0] == 2][:TIMED]
    seconds = sum(pcm.shape[1] / SAMPLE_RATE for pcm in stereo)
    rows = []
    for what, cutoff in (("new", 15_000.0), ("known", 14_000.0)):
        unmet = [(pcm * 0.99).astype(np.float32) for pcm in stereo]
        coded = [lowpass(pcm, cutoff) for pcm in unmet]
        rates = []
        for scorer in listening.scorers:
            scorer.score(stereo[0], stereo[0])  # loads, compiles
            start = time.process_time()
            for reference, signal in zip(unmet, coded, strict=True):
                scorer.score(reference, signal)
            rates.append(seconds / (time.process_time() - start))
        ours, visqol, zimtohrli = rates
        goal = (
            f">= 100x, >= 10x ViSQOL (is {ours / visqol:.1f}), >= 3x Zimtohrli"
            f" (is {ours / zimtohrli:.1f})"
        )
        told = tuple(f"{rate:.1f}x real time" for rate in rates)
        rows.append(Row(f"speed, {what} references", goal, told))
    return rows

"""Bandwidth at equal bitrate: where each would put the low-pass, and what it says of more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bench.truth.listening import Listening
from bench.truth.matched import consensus, means, scores
from bench.truth.mixes import dense_mixes
from bench.truth.references import Reference
from bench.truth.table import COLUMNS, Row
from tuner.encoder import Encoder, settings_of
from tuner.plugins import load_encoder

#: Encoder -> its low-pass; kb/s that are asked.
QUESTIONS = {"aac": "cutoff_hz", "lame-ffmpeg": "lowpass_hz"}
BITRATES = (64.0, 96.0, 128.0)
CUTOFFS_HZ = (11_000, 12_000, 13_000, 14_000, 15_000, 16_000, 18_000, 20_000)
#: A gain of more than this where both the 2f-model and Zimtohrli see a loss is a fault.
MOST_GAIN = 2.0
#: The cut-off to which the best one is compared.
WIDE_HZ = 18_000
TWO_F, ZIMTOHRLI = COLUMNS.index("2f-model"), COLUMNS.index("Zimtohrli")


def bandwidth(references: Sequence[Reference], listening: Listening) -> list[Row]:
    """A row for each encoder and bitrate: the best cut-off by each, kHz; a line for each sweep."""
    sounds = dense_mixes(references)
    return [
        row
        for name, lowpass in QUESTIONS.items()
        for kbps in BITRATES
        for row in _sweep(load_encoder(name), lowpass, kbps, sounds, listening)
    ]


def _sweep(
    encoder: Encoder,
    lowpass: str,
    kbps: float,
    sounds: Sequence[Reference],
    listening: Listening,
) -> Iterator[Row]:
    told, agreed, reached = [], [], []
    for hz in CUTOFFS_HZ:
        mode = encoder.rate_modes[0].name
        settings = settings_of(encoder.parameters, mode, **{lowpass: hz})
        found = scores(encoder, settings, kbps, sounds, listening)
        if found is not None:
            told.append(means(found))
            agreed.append(consensus(found))
            reached.append(hz)
            line = " ".join(f"{x:.1f}" for x in (*told[-1], agreed[-1]))
            print(f"{encoder.name}@{kbps:g}, {hz} Hz: {line} (last: consensus)", flush=True)
    if len(reached) < 3 or WIDE_HZ not in reached:
        print(f"{encoder.name}@{kbps:g}: too few cut-offs reach it; left out")
        return
    table, wide = np.array(told), reached.index(WIDE_HZ)
    best = [reached[int(n)] / 1000 for n in table.argmax(axis=0)]
    start = int(np.argmin(np.abs(np.array(reached) - 14_000)))
    moved = table[wide] - table[start]
    fault = moved[TWO_F] < 0 and moved[ZIMTOHRLI] < 0 and moved[0] > MOST_GAIN
    goal = "12.5 to 15" if (encoder.name, kbps) == ("aac", 64.0) else NO_GOAL
    chosen = reached[int(np.argmax(agreed))] / 1000
    yield Row(
        f"{encoder.name}@{kbps:g}: best cut-off, kHz (ours by consensus: {chosen:g})",
        goal,
        tuple(f"{khz:g}" for khz in best),
    )
    yield Row(
        f"{encoder.name}@{kbps:g}: points from 14 to 18 kHz (consensus"
        f" {agreed[wide] - agreed[start]:+.1f})",
        f"<= +{MOST_GAIN:g} where 2f-model and Zimtohrli lose: {'no' if fault else 'yes'}",
        tuple(f"{points:+.1f}" for points in moved),
    )


NO_GOAL = "–"

"""What LAME can be made to do wrong: no short blocks on attacks, mono where there is a side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.truth.listening import Listening
from bench.truth.references import Reference
from bench.truth.table import Row, falls, row_of, share
from tuner.encoder import Encoder, Value, settings_of
from tuner.plugins import load_encoder
from tuner.sound.audio import SAMPLE_RATE, Pcm, align, resample
from tuner.sound.stereo import SIDE_INAUDIBLE_DB, side_level_db
from tuner.training.degrade import narrow

BLOCK_KBPS = (96.0, 128.0, 192.0)
MONO_KBPS = 64.0
#: Side over mid, dB, from which on stereo is called wide.
WIDE_DB = -10.0
#: Less than this is no mark-down: what gain and polarity may move.
LEAST_FALL = 1.0


def blocks(references: Sequence[Reference], listening: Listening) -> list[Row]:
    """LAME with and without short blocks on transients: castanets, and real clips of attacks."""
    encoder = load_encoder("lame-api")
    chosen = [
        r
        for r in references
        if (r.transient if r.side != "synthetic" else r.name.startswith("castanets"))
    ]
    rows = []
    for kbps in BLOCK_KBPS:
        right = []
        for reference in chosen:
            with_, without = (
                code(encoder, reference.pcm, kbps, short_blocks=value) for value in ("auto", "off")
            )
            if np.array_equal(with_, without):
                print(f"short blocks at {kbps:g}: {reference.name}: LAME used none")
                continue
            gain = listening.scores(reference, with_) - listening.scores(reference, without)
            right.append(gain > 0)
            print(f"short blocks at {kbps:g}: {reference.name}: gain", _told(gain), flush=True)
        if right:
            rows.append(row_of(f"short blocks at {kbps:g} kb/s", "all", np.array(right), share))
    return rows


def mono(references: Sequence[Reference], listening: Listening) -> list[Row]:
    """A mono downmix, plain and by LAME, of everything that has a side."""
    encoder = load_encoder("lame")
    levels, downmixed, gains = [], [], []
    for reference in references:
        side_db = side_level_db(reference.pcm)
        if side_db <= SIDE_INAUDIBLE_DB:
            continue
        levels.append(side_db)
        downmixed.append(listening.scores(reference, narrow(reference.pcm, 0.0)))
        joint, single = (
            listening.scores(reference, code(encoder, reference.pcm, MONO_KBPS, stereo_mode=mode))
            for mode in ("joint", "mono")
        )
        gains.append(joint - single)
        print(
            f"mono: {reference.name} (side {side_db:.0f} dB): downmix {_told(downmixed[-1])},"
            f" joint over mono {_told(gains[-1])}",
            flush=True,
        )
    rows = []
    for name, keep in (
        ("with a side", np.array(levels) > SIDE_INAUDIBLE_DB),
        ("wide", np.array(levels) > WIDE_DB),
    ):
        if keep.any():
            right = np.array(gains)[keep] > 0
            scores = np.array(downmixed)[keep]
            rows.append(row_of(f"mono downmix, {name}", "falls on all", scores, falls(LEAST_FALL)))
            rows.append(row_of(f"lame joint over mono at 64, {name}", "all", right, share))
    return rows


def code(encoder: Encoder, pcm: Pcm, kbps: float, **values: Value) -> Pcm:
    """A signal through an encoder's first mode at its defaults but for `values`, aligned."""
    mode = encoder.rate_modes[0].name
    settings = settings_of(encoder.parameters, mode, **values)
    decoded, rate = encoder.decode(encoder.encode(pcm, SAMPLE_RATE, settings, kbps))
    return align(pcm, resample(decoded, rate))[0]


def _told(values: np.ndarray) -> str:
    return " / ".join(f"{value:.1f}" for value in values)

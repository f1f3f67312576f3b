"""What is missing for a moment, and what nobody hears: gaps, a constant, infrasound."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bench.truth.listening import Listening
from bench.truth.references import Reference
from bench.truth.table import Row, Values, row_of
from tuner.sound.audio import SAMPLE_RATE, Pcm

#: Length that the gaps are told of, seconds: a shorter excerpt is repeated.
LENGTH_S = 6.0
CONSTANT = 0.01
INFRASOUND_HZ = 8.0


def gaps(references: Sequence[Reference], listening: Listening) -> list[Row]:
    """A second of six muted, every other second, and what must not move a score."""
    long = [
        Reference(f"{r.name}, 6 s", r.side, _repeated(r.pcm))
        for r in references
        if float(np.sqrt(np.mean(np.square(r.pcm)))) > 1e-3
    ]
    cases: tuple[tuple[str, str, Callable[[Pcm], Pcm], Callable[[Values], str]], ...] = (
        ("a second of six muted", "<= 40", _one_second, _most),
        ("every other second muted", "<= 20", _every_other, _most),
        ("a constant of 1 % of full scale", "within 1", lambda pcm: pcm + CONSTANT, _moved),
        ("8 Hz at 1 % of full scale", "within 1", _infrasound, _moved),
    )
    rows = []
    for name, goal, change, tell in cases:
        scores = [listening.scores(r, change(r.pcm).astype(np.float32)) for r in long]
        rows.append(row_of(name, goal, np.array(scores), tell))
    return rows


def _repeated(pcm: Pcm) -> Pcm:
    length = round(LENGTH_S * SAMPLE_RATE)
    return np.ascontiguousarray(np.tile(pcm, -(-length // pcm.shape[1]))[:, :length])


def _one_second(pcm: Pcm) -> Pcm:
    out = pcm.copy()
    out[:, 2 * SAMPLE_RATE : 3 * SAMPLE_RATE] = 0
    return out


def _every_other(pcm: Pcm) -> Pcm:
    out = pcm.copy()
    for second in range(1, int(LENGTH_S), 2):
        out[:, second * SAMPLE_RATE : (second + 1) * SAMPLE_RATE] = 0
    return out


def _infrasound(pcm: Pcm) -> Pcm:
    places = np.arange(pcm.shape[1]) / SAMPLE_RATE
    return np.asarray(pcm + CONSTANT * np.sin(2 * np.pi * INFRASOUND_HZ * places), np.float32)


def _most(scores: Values) -> str:
    return f"worst {np.nanmax(scores):.0f}, median {np.nanmedian(scores):.0f}"


def _moved(scores: Values) -> str:
    return f"worst {np.nanmax(100 - scores):.1f}"

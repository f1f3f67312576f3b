"""Three examples of perception: what is heard follows neither waveform nor magnitudes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from bench.truth import illusions
from bench.truth.listening import Listening
from bench.truth.references import SEEDS, Reference
from bench.truth.table import Row, falls, holds, row_of
from tuner.sound.audio import Pcm
from tuner.training.material import stationary_noise

LEAST_FALL, MOST_FALL = 10.0, 5.0
#: White, pink and brown noise, dB an octave.
NOISE_SLOPES_DB = (0.0, 3.0, 6.0)

Pair = tuple[Reference, Pcm]


def perception(references: Sequence[Reference], listening: Listening) -> list[Row]:
    """A row for each illusion, over the references on which it is one."""

    def pairs(change: Callable[[Pcm], Pcm | None]) -> Iterator[Pair]:
        for reference in references:
            coded = change(reference.pcm)
            if coded is not None:
                yield reference, coded

    heard: dict[str, Iterator[Pair]] = {
        "near waveform, whistle": pairs(illusions.whistle),
        "near waveform, clicks": pairs(illusions.clicks),
        "same magnitudes, smeared attacks": (
            (r, illusions.disperse(r.pcm, r.seed)) for r in references if r.transient
        ),
    }
    unheard: dict[str, Iterator[Pair]] = {
        "other noise of the same spectrum": _noises(references),
        "phase rotated by 90 degrees": pairs(illusions.rotate_phase),
        "polarity": pairs(np.negative),
        "0.3 ms later": pairs(illusions.delay),
    }
    return [
        *_rows(heard, f"falls >= {LEAST_FALL:g}", falls(LEAST_FALL), listening),
        *_rows(unheard, f"falls <= {MOST_FALL:g}", holds(MOST_FALL), listening),
    ]


def _noises(references: Sequence[Reference]) -> Iterator[Pair]:
    for slope_db, seed in zip(NOISE_SLOPES_DB, SEEDS, strict=True):
        pcm = stationary_noise(slope_db, references[0].duration_s, seed)
        noise = Reference(f"noise of {slope_db:g} dB/octave", "synthetic", pcm)
        yield noise, illusions.other_noise(pcm, noise.seed)


def _rows(
    examples: dict[str, Iterator[Pair]],
    goal: str,
    tell: Callable[[np.ndarray], str],
    listening: Listening,
) -> Iterator[Row]:
    for name, pairs in examples.items():
        scores = []
        for reference, coded in pairs:
            scores.append(listening.scores(reference, coded))
            told = ", ".join(f"{score:.1f}" for score in scores[-1])
            print(f"{name}: {reference.name} ({reference.side}): {told}", flush=True)
        if scores:
            yield row_of(name, goal, np.array(scores), tell)

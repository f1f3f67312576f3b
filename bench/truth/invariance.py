"""What must not move the score: the signal itself, a little gain, polarity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.truth.listening import Listening
from bench.truth.references import Reference
from bench.truth.table import Row, holds, row_of

#: Name, factor, most points that the score may move.
CHANGES = (
    ("identity", 1.0, 0.5),
    ("gain +1 dB", 10 ** (1 / 20), 1.0),
    ("gain -1 dB", 10 ** (-1 / 20), 1.0),
    ("polarity", -1.0, 1.0),
)


def invariance(references: Sequence[Reference], listening: Listening) -> list[Row]:
    """A row for each change."""
    return [
        row_of(
            name,
            f"within {most:g}",
            np.array(
                [listening.scores(r, (r.pcm * factor).astype(np.float32)) for r in references]
            ),
            holds(most),
        )
        for name, factor, most in CHANGES
    ]

"""Dense mixes of sounds that the model never met: several recordings at once, limited."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.truth.references import Reference
from tuner.sound.audio import SAMPLE_RATE, resample
from tuner.training.material import limit

#: How many mixes of each side.
MIXES = 4
#: Most music is at this rate, Hz: the mixes hold nothing over half of it.
RATE = 44_100
DRIVE_DB = 6.0


def dense_mixes(references: Sequence[Reference]) -> list[Reference]:
    """Sums of three to five recordings of one side at several levels, limited as a master is.

    Args:
        references: of the tune and the holdout side; synthetic ones are passed over.
    """
    mixes = []
    for side in ("tune", "holdout"):
        recorded = [r for r in references if r.side == side and r.pcm.shape[0] == 2]
        for number in range(MIXES if len(recorded) >= 3 else 0):
            rng = np.random.default_rng([number, len(side)])
            count = min(int(rng.integers(3, 6)), len(recorded))
            chosen = rng.choice(len(recorded), count, replace=False)
            length = min(recorded[n].pcm.shape[1] for n in chosen)
            mix = np.zeros((2, length))
            for n in chosen:
                pcm = recorded[n].pcm[:, :length]
                level = np.sqrt(np.mean(np.square(pcm, dtype=np.float64)))
                mix += pcm / max(level, 1e-6) * 10 ** (rng.uniform(-6, 0) / 20)
            mix *= 10 ** (DRIVE_DB / 20) / np.abs(mix).max()
            pcm = resample(resample(limit(mix), SAMPLE_RATE, RATE), RATE)
            mixes.append(Reference(f"mix {number}", side, np.ascontiguousarray(pcm)))
    return mixes

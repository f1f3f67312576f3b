"""Samples in memory: what an array of them means, everywhere in the project.

Conventions: float32 ``[C, T]``, C = 1 or 2, nominal range ±1; 48 kHz wherever signals are scored.
Decoded peaks above 1 are kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.float32]

#: All scoring happens at this rate, Hz.
SAMPLE_RATE = 48_000
#: Signals whose peak stays under this count as silent (-90 dBFS).
SILENCE_PEAK = 3.2e-5

"""Mid and side as monaural metrics hear them, and what a changed stereo width costs.

A trace of the other signal is left in each, as a room would leave it: it masks what is 30 dB under
it, and keeps a silent side from giving NaN. Metrics that match levels cannot hear a side that is
merely too quiet; that change is counted here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tuner.pcm import Pcm

Signal = npt.NDArray[np.float64]

#: Amplitude of the mid left in the side signal and the other way round: -30 dB.
BLEED = 10 ** (-30 / 20)
#: The side's weight grows from 0 at this level below the mid …
SIDE_INAUDIBLE_DB = -30.0
#: … to this weight at equal level.
SIDE_FULL_WEIGHT = 0.5
#: Of a width that is off by 6 dB 0.4 is lost, of a mono downmix all.
WIDTH_DECAY_DB = 12.0
#: Share of the points that the loss of all width costs where the side is as loud as the mid.
WIDTH_FULL_COST = 0.7
#: Below this audibility the side is not heard at all (saves half the time on near-mono clips).
SIDE_LEAST_AUDIBLE = 0.04


def mid_and_side(pcm: Pcm) -> tuple[Signal, Signal]:
    """Mid and side as the teachers hear them, float64 ``[T]`` each, bleed included.

    Args:
        pcm: float32 ``[C, T]``; a mono signal has a side of bleed alone.
    """
    left, right = pcm[0].astype(np.float64), pcm[-1].astype(np.float64)
    mid, side = (left + right) / 2, (left - right) / 2
    return mid + BLEED * side, side + BLEED * mid


def side_level_db(pcm: Pcm) -> float:
    """Level of the side signal against the mid, dB, not below -60."""
    mid, side = (float(np.dot(s, s)) / s.size for s in (pcm[0] + pcm[-1], pcm[0] - pcm[-1]))
    return float(10 * np.log10((side + 1e-6 * mid + 1e-15) / (mid + 1e-15)))


def blend(mid: float, side: float | None, side_db: tuple[float, float]) -> float:
    """One opinion of a stereo signal, 0 to 100.

    Args:
        mid, side: the metric's opinions of the two signals, 0 to 100; None where not measured.
        side_db: level of the side against the mid: of the reference, of the coded signal.
    """
    audible = side_audibility(side_db)
    if side is None or not audible:
        return mid
    weight = SIDE_FULL_WEIGHT * audible
    lost = lost_width(side_db)
    return ((1 - weight) * mid + weight * side) * (1 - WIDTH_FULL_COST * lost)


def lost_width(side_db: tuple[float, float]) -> float:
    """0 for a side of the right level, 1 where one as loud as the mid is gone."""
    lost = 1 - float(np.exp(-abs(side_db[0] - side_db[1]) / WIDTH_DECAY_DB))
    return side_audibility(side_db) * lost


def side_audibility(side_db: tuple[float, float]) -> float:
    """1 for a side as loud as the mid, 0 for one that is not heard or need not be measured."""
    audible = float(np.clip(1 - max(side_db) / SIDE_INAUDIBLE_DB, 0.0, 1.0))
    return audible if audible >= SIDE_LEAST_AUDIBLE else 0.0

"""Constants (DC): nobody hears them, and encoders take them away; so neither side keeps one."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from tuner.pcm import SAMPLE_RATE, Pcm

#: Corner and order of the high-pass, far under what is heard. At 20 Hz it takes 0.02 dB; scores of
#: signals without a constant move by under 0.04 points.
CORNER_HZ, ORDER = 5.0, 2


def remove_constant(pcm: Pcm) -> Pcm:
    """A signal without its constant, as it sounds when it begins after silence.

    A Butterworth high-pass that starts from rest: the step with which a constant begins is heard,
    in the reference as in a coded signal whose encoder took the constant away by such a filter.

    Args:
        pcm: float32 ``[C, T]`` at 48 kHz.
    """
    from scipy import signal

    return np.asarray(signal.sosfilt(_sections(), pcm, axis=1), dtype=np.float32)


@functools.cache
def _sections() -> npt.NDArray[np.float64]:
    from scipy import signal

    return np.asarray(signal.butter(ORDER, CORNER_HZ, "high", fs=SAMPLE_RATE, output="sos"))

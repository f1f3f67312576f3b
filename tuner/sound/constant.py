"""Constants (DC): nobody hears them, and encoders take them away; so neither side keeps one."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from tuner.pcm import SAMPLE_RATE, Pcm
from tuner.unchanging import Remembered, freeze

#: Corner and order of the high-pass, far under what is heard: at 20 Hz it takes 0.02 dB.
CORNER_HZ, ORDER = 5.0, 2
#: A constant so far under the signal is left, as a ratio of energies (-40 dB): it moves scores by
#: under 0.01 points, and two signals without one need no filter.
NO_CONSTANT = 1e-4


def remove_constants(reference: Pcm, coded: Pcm) -> tuple[Pcm, Pcm]:
    """Both signals without their constants, where a channel of one has any to speak of.

    Args:
        reference, coded: float32 ``[C, T]`` at 48 kHz, of any length.
    """
    if has_constant(reference) or has_constant(coded):
        return remove_constant(reference), remove_constant(coded)
    return reference, coded


def _has_constant(pcm: Pcm) -> bool:
    if not pcm.size:
        return False
    power = np.einsum("ct,ct->c", pcm, pcm) / pcm.shape[1]
    return bool(np.any(pcm.mean(axis=1) ** 2 > NO_CONSTANT * power))


def _remove_constant(pcm: Pcm) -> Pcm:
    """A signal as it sounds when it begins after silence; read-only if it was.

    A Butterworth high-pass that starts from rest: the step with which a constant begins is heard,
    in the reference as in a coded signal whose encoder took the constant away by such a filter.
    """
    from scipy import signal

    without = signal.sosfilt(_sections(), pcm, axis=1).astype(np.float32)
    return without if pcm.flags.writeable else freeze(without)


# Of a reference known as long as it lives, as all that is remembered of what they give.
has_constant: Remembered[bool] = Remembered(_has_constant)
remove_constant: Remembered[Pcm] = Remembered(_remove_constant)


@functools.cache
def _sections() -> npt.NDArray[np.float64]:
    from scipy import signal

    return np.asarray(signal.butter(ORDER, CORNER_HZ, "high", fs=SAMPLE_RATE, output="sos"))

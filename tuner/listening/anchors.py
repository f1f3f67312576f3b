"""The low-pass anchors of a MUSHRA test, as ITU-R BS.1534-3 (5.1) wants the one at 3.5 kHz.

At most ±0.1 dB of ripple up to the cut-off, at least 25 dB of attenuation at 4 kHz and 50 dB at
4.5 kHz. The anchor at 7 kHz, of which the standard says no more, has the same mask at twice the
frequencies. The filter is symmetric, so that the anchor stays aligned.
"""

from __future__ import annotations

import numpy as np

from tuner.sound.audio import SAMPLE_RATE, Pcm

#: From the cut-off to full attenuation, as a ratio of frequencies: 3.5 to 4 kHz.
STOP_RATIO = 4.0 / 3.5
#: Attenuation beyond, and the inverse of the ripple before, dB; Kaiser's window gives both alike.
ATTENUATION_DB = 60.0


def anchor(pcm: Pcm, cutoff_hz: float) -> Pcm:
    """The low-passed signal, without delay.

    Args:
        pcm: float32 ``[C, T]`` at 48 kHz.
        cutoff_hz: end of the pass band.
    """
    from scipy import signal

    stop_hz = STOP_RATIO * cutoff_hz
    width = (stop_hz - cutoff_hz) / (SAMPLE_RATE / 2)
    taps, beta = signal.kaiserord(ATTENUATION_DB, width)
    middle = (cutoff_hz + stop_hz) / 2
    response = signal.firwin(taps | 1, middle, window=("kaiser", beta), fs=SAMPLE_RATE)
    filtered = signal.fftconvolve(pcm, response[None], mode="same", axes=1)
    return np.asarray(filtered, dtype=np.float32)

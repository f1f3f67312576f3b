"""A reference and a coded signal from anywhere, brought to one rate and aligned for scoring."""

from __future__ import annotations

import numpy as np

from tuner.errors import ClipError
from tuner.layout import LAYOUTS, MOST_CHANNELS
from tuner.pcm import LOUDEST
from tuner.sound.alignment import Alignment, align_fully, has_side
from tuner.sound.audio import Pcm, resample


def check_signal(pcm: Pcm, name: str) -> None:
    """Refuse what cannot be scored.

    Args:
        pcm: ``[C, T]``.
        name: for the message.

    Raises:
        ClipError: more than eight channels, no samples, NaN, infinity or samples above +200 dBFS.
    """
    if pcm.shape[0] not in LAYOUTS or not pcm.shape[1] or not (np.abs(pcm) <= LOUDEST).all():
        raise ClipError(
            f"needs one to {MOST_CHANNELS} channels of finite samples below +200 dBFS", where=name
        )


def align_signals(
    reference: tuple[Pcm, float], coded: tuple[Pcm, float]
) -> tuple[Pcm, Pcm, Alignment]:
    """Two checked signals at 48 kHz, aligned: both float32 ``[C, T]``, and how they lay.

    A mono reference of a stereo signal counts as the same signal in both channels.

    Args:
        reference, coded: samples, float32 ``[C, T]``, and their rate in Hz.

    Raises:
        EncoderError: the coded signal is not the reference's, or of other length or channels.
    """
    original, decoded = (resample(pcm, rate) for pcm, rate in (reference, coded))
    if len(original) == 1 and len(decoded) == 2 and has_side(decoded):
        original = np.repeat(original, len(decoded), axis=0)
    aligned, alignment = align_fully(original, decoded)
    return original, aligned, alignment

"""Bitrates that an encoder cannot reach by its own declaration, before anything is encoded."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.encoder import Encoder, Value
from tuner.errors import StudyError

#: An encoder may spend so many times what it is asked for, or so much less: Opus's VBR spends
#: 1.25 times, and single clips more.
SLACK = 1.5


def check_bitrates(
    encoder: Encoder, rate_mode: Value | None, bitrates_kbps: Sequence[float]
) -> None:
    """Refuse targets that no rate mode comes near.

    Modes whose rate parameter is no bitrate (VBR qualities) say nothing of what they spend: with
    one of them all targets pass, and rate matching finds out.

    Args:
        encoder: the adapter.
        rate_mode: the one that is fixed, or None.
        bitrates_kbps: the targets, kb/s.

    Raises:
        StudyError: naming the targets, and the range that the encoder declares.
    """
    modes = [mode for mode in encoder.rate_modes if rate_mode in (None, mode.name)]
    if not modes or not all(mode.nominal for mode in modes):
        return
    low, high = min(mode.low for mode in modes), max(mode.high for mode in modes)
    beyond = [kbps for kbps in bitrates_kbps if not low / SLACK <= kbps <= high * SLACK]
    if beyond:
        told = ", ".join(f"{kbps:g}" for kbps in beyond)
        raise StudyError(
            f"{encoder.name} cannot reach {told} kb/s: it takes {low:g} to {high:g} kb/s"
            " (`tuner encoders` lists them)"
        )

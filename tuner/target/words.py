"""What a run says of a target of quality, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tuner.metric import FAMILY_WORDS
from tuner.records import Missed, NeededBits, QualityTarget


def say(target: QualityTarget, clips: int, families: Mapping[str, Sequence[str]]) -> QualityTarget:
    """The target with its sentence, and whether the best settings are recommended.

    They are where they need fewer bits for sure, and no family of judges hears a loss for sure.

    Args:
        target: with everything measured.
        clips: held-out clips.
        families: family -> names of its judges.
    """
    where = f"For {target.goal} on {clips} held-out clips"
    best, default = target.best, target.default
    if best is None:
        told = f"{where} {_needs('the default', default)}. No settings need fewer bits."
        return replace(target, sentence=told)
    told = f"{where} {_needs('the best settings found', best)}, {_needs('the default', default)}"
    if isinstance(best, Missed) or isinstance(default, Missed):
        return replace(target, sentence=f"{told}.")
    bits = target.bits
    span = f" (95 % interval {_change(bits.low)} to {_change(bits.high)} %)" if bits else ""
    told += f": {_change(best.kbps / default.kbps)} % bits at equal quality{span}"
    if target.time_ratio is not None:
        told += f", {target.time_ratio:.2f} times the encode time"
    losers = [family for family, gain in target.judges.items() if gain.high < 0]
    sure = bits is not None and bits.high < 1
    if losers:
        names = ", ".join(FAMILY_WORDS.get(family, family) for family in losers)
        told += f". Judges of {names} hear a loss at these bitrates: keep the default."
    elif not sure:
        told += ". The saving is not certain: keep the default."
    elif not target.judges:
        told += ". No judge was used."
    else:
        told += ". No family of judges hears a certain loss."
    return replace(target, sentence=told, recommended=sure and not losers)


def _needs(who: str, needed: NeededBits) -> str:
    several = who.endswith("found")
    if isinstance(needed, Missed):
        return f"{who} {'do' if several else 'does'} not reach it ({needed.reason})"
    span = ""
    if needed.low_kbps is not None and needed.high_kbps is not None:
        span = f" (95 % interval {needed.low_kbps:.1f} to {needed.high_kbps:.1f})"
    verb = "need" if several else "needs"
    return f"{who} {verb} {needed.kbps:.1f} kb/s{span}"


def _change(ratio: float) -> str:
    """A ratio of bits as a change in per cent: "-12", "+3", "0"."""
    rounded = round(100 * (ratio - 1))
    return f"{rounded:+d}" if rounded else "0"

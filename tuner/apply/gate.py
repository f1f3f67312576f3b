"""What a comparison says: a sentence for people, and whether a change may pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.apply.compare import Comparison
from tuner.records import METRIC_LABELS, Estimate

#: What rounds to 0.0 points is no difference.
RESOLUTION = 0.05


@dataclass(frozen=True)
class Failure:
    """Why the gate stays shut at a target bitrate, kb/s; as text, both."""

    target_kbps: float
    reason: str

    def __str__(self) -> str:
        return f"{self.target_kbps:g} kb/s: {self.reason}"


def find_failures(
    comparisons: Sequence[Comparison], threshold: float, *, strict: bool
) -> list[Failure]:
    """Why the gate stays shut, at each bitrate where it does; empty when B may pass.

    Args:
        comparisons: of all bitrates.
        threshold: least gain of B over A by the first metric, points.
        strict: B must be proven to gain that much, rather than not proven to gain less.
    """
    found = [(each.target_kbps, _reason(each, threshold, strict=strict)) for each in comparisons]
    return [Failure(kbps, reason) for kbps, reason in found if reason]


def _reason(comparison: Comparison, threshold: float, *, strict: bool) -> str:
    if comparison.problem is not None:
        return f"not compared: {comparison.problem}"
    gain = comparison.lead
    told = f"the gain of B is {_span(gain)}"
    if gain.high < threshold - RESOLUTION:
        return f"{told}, certainly below {threshold:g}"
    if strict and gain.low < threshold - RESOLUTION:
        return f"{told}, not proven to reach {threshold:g}"
    return ""


def summarise(comparison: Comparison, labels: tuple[str, str]) -> str:
    """The answer at one bitrate, as a sentence."""
    where = f"At {comparison.target_kbps:g} kb/s"
    if comparison.problem is not None:
        return f"{where} no comparison was possible: {comparison.problem}."
    gain = comparison.lead
    names = f"B ({labels[1]})", f"A ({labels[0]})"
    if gain.low > -RESOLUTION and gain.high < RESOLUTION:
        answer = f"{names[0]} scores the same as {names[1]}"
    elif gain.low > 0:
        answer = f"{names[0]} sounds better than {names[1]}: {_span(gain)}"
    elif gain.high < 0:
        answer = f"{names[0]} sounds worse than {names[1]}: {_span(gain)}"
    else:
        answer = f"{names[0]} and {names[1]} are statistically tied: {_span(gain)}"
    judges = "".join(f"; {_judge(name, each)}" for name, each in [*comparison.gains.items()][1:])
    ratio = comparison.time_ratio
    time = f" B takes {ratio:.2f} times A's encode time." if ratio else ""
    without = len(comparison.left_out)
    less = f" ({without} left out, as neither side can be scored)" if without else ""
    return f"{where} {answer} on {len(comparison.by_clip)} clips{less}{judges}.{time}"


def _judge(name: str, gain: Estimate) -> str:
    """What one judge says of B: "ViSQOL hears +1.5", "ViSQOL is undecided (+0.2)"."""
    label = METRIC_LABELS.get(name, name)
    if gain.low > 0 or gain.high < 0:
        return f"{label} hears {_signed(gain.value)}"
    return f"{label} is undecided ({_signed(gain.value)})"


def _span(gain: Estimate) -> str:
    value, low, high = map(_signed, (gain.value, gain.low, gain.high))
    return f"{value} points (95 % interval {low} to {high})"


def _signed(value: float) -> str:
    rounded = round(value, 1)
    return f"{rounded:+.1f}" if rounded else "0.0"

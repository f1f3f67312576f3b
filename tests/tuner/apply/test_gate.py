"""Words and gate of a comparison, from its figures."""

from __future__ import annotations

import pytest

from tuner.apply.compare import Comparison
from tuner.apply.gate import find_failures, summarise
from tuner.records import MODEL, Estimate


def compared(low: float, high: float, **judges: tuple[float, float]) -> Comparison:
    spans = {MODEL: (low, high), **judges}
    gains = {name: Estimate((a + b) / 2, a, b) for name, (a, b) in spans.items()}
    clips = {digest: dict.fromkeys(gains, 0.0) for digest in "abc"}
    return Comparison(96.0, None, None, gains, {}, 1.5, clips, {})


@pytest.mark.parametrize(
    ("low", "high", "threshold", "loose", "strict"),
    [
        (1.0, 3.0, 0.0, True, True),
        (-1.0, 3.0, 0.0, True, False),
        (-3.0, -1.0, 0.0, False, False),
        (-3.0, -1.0, -2.0, True, False),
        (-3.0, -1.0, -4.0, True, True),
        (0.0, 0.0, 0.0, True, True),
        (-0.04, -0.01, 0.0, True, True),
        (1.0, 3.0, 2.0, True, False),
        (1.0, 3.0, 3.2, False, False),
    ],
)
def test_gate(low: float, high: float, threshold: float, loose: bool, strict: bool) -> None:
    """Loose: not certainly below; strict: certainly not below. What rounds to 0.0 is nothing."""
    comparison = compared(low, high)
    assert (find_failures([comparison], threshold, strict=False) == []) is loose
    assert (find_failures([comparison], threshold, strict=True) == []) is strict


def test_every_bitrate_counts() -> None:
    """One that fails is enough, and each is told."""
    failures = find_failures([compared(1, 2), compared(-2, -1), compared(-9, -7)], 0, strict=False)
    assert list(map(str, failures)) == [
        "96 kb/s: the gain of B is -1.5 points (95 % interval -2.0 to -1.0), certainly below 0",
        "96 kb/s: the gain of B is -8.0 points (95 % interval -9.0 to -7.0), certainly below 0",
    ]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (1.0, 3.0, "B (b) sounds better than A (a): +2.0 points (95 % interval +1.0 to +3.0)"),
        (-3.0, -1.0, "B (b) sounds worse than A (a): -2.0 points (95 % interval -3.0 to -1.0)"),
        (
            -1.0,
            2.0,
            "B (b) and A (a) are statistically tied: +0.5 points (95 % interval -1.0 to +2.0)",
        ),
        (-0.01, 0.02, "B (b) scores the same as A (a) on 3 clips"),
    ],
)
def test_sentence(low: float, high: float, words: str) -> None:
    """Certainly better or worse, undecided, or the same; then judges and time."""
    sentence = summarise(compared(low, high, visqol=(1, 2), other=(-1, 2)), ("a", "b"))
    assert sentence.startswith(f"At 96 kb/s {words}")
    assert sentence.endswith(
        "on 3 clips; ViSQOL hears +1.5; other is undecided (+0.5). B takes 1.50 times A's encode"
        " time."
    )

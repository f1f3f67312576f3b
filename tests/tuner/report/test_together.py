"""Intervals for all finalists at all bitrates at once."""

from dataclasses import replace

from tuner.report.data import build_page
from tuner.report.together import find_together


def test_they_are_wider_than_alone(rising_results):
    """All of them, around the same gains; a finalist without held-out scores has none."""
    together = find_together(rising_results)
    assert len(together) == 7  # three at each of three bitrates, less two that failed there
    for (target, index), wide in together.items():
        bitrate = next(b for b in rising_results.bitrates if b.target_kbps == target)
        side = bitrate.candidates[index].sides["holdout"]
        alone = side.gains[side.climbed]
        assert wide.value == alone.value
        assert wide.low < alone.low and wide.high > alone.high


def test_one_finalist_had_one_chance(small_results):
    """Nothing to correct."""
    bitrate = small_results.bitrates[0]
    alone = replace(bitrate, candidates=bitrate.candidates[:2])
    assert find_together(replace(small_results, bitrates=[alone])) == {}


def test_the_page_shows_them_with_the_finalists(rising_results, as_runs):
    """In words, beside each finalist."""
    page = build_page(as_runs(rising_results))
    finalists = page.runs[0].bitrates[0].finalists
    assert finalists[0].together is None
    assert " to " in finalists[1].together

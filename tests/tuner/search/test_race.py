"""The race between a trial and the best so far."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.search.race import (
    MARGIN,
    MAX_LOOKS,
    MIN_BLOCK,
    P_THRESHOLD,
    estimate,
    make_blocks,
    p_worse,
)


@pytest.mark.parametrize("clips", [1, 4, 5, 6, 15, 30, 1000])
def test_blocks_hold_every_clip_once(clips: int) -> None:
    """Blocks are a shuffle of the clips, and few."""
    blocks = make_blocks(clips, 3)
    assert sorted(index for block in blocks for index in block) == list(range(clips))
    assert len(blocks) <= MAX_LOOKS
    assert all(len(block) >= MIN_BLOCK for block in blocks[:-1])


def test_order_follows_the_seed() -> None:
    """The same seed gives the same order, another one another."""
    assert make_blocks(30, 1) == make_blocks(30, 1) != make_blocks(30, 2)


def test_a_clear_loser_is_seen_in_one_block() -> None:
    """Five clips of five worse: one chance in 32."""
    rival = [60.0, 61.0, 62.0, 63.0, 64.0]
    assert p_worse({i: v - 2 - i for i, v in enumerate(rival)}, rival) == pytest.approx(1 / 32)


def test_who_leads_is_no_loser() -> None:
    """One that is ahead on average has p = 1; one that is ahead by a trifle everywhere has lost."""
    rival = [60.0] * 6
    assert p_worse({i: 59.5 for i in range(5)} | {5: 70.0}, rival) == 1.0
    assert p_worse(dict.fromkeys(range(6), 60.0 + MARGIN), rival) == 1.0
    assert p_worse(dict.fromkeys(range(6), 60.0 + MARGIN / 2), rival) < P_THRESHOLD


def test_what_is_worth_having_is_seldom_pruned() -> None:
    """Of trials just worth having, three looks lose no more than twice `P_THRESHOLD`."""
    rng = np.random.default_rng(4)
    lost = 0
    for _ in range(300):
        rival, own = rng.normal(60, 5, 15), rng.normal(0, 1, 15)
        looks = [dict(enumerate((rival + own + MARGIN)[:n])) for n in (4, 8, 12)]
        lost += any(p_worse(look, list(rival)) < P_THRESHOLD for look in looks)
    assert lost / 300 < 2 * P_THRESHOLD


def test_estimate_is_paired() -> None:
    """Hard clips first make no worse estimate: only differences count."""
    rival = [20.0, 30.0, 80.0, 90.0]
    assert estimate({0: 18.0, 1: 28.0}, rival) == pytest.approx(53.0)

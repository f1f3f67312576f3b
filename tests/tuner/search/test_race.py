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


def test_a_loser_is_seen_the_sooner_the_fewer_clips_are_left() -> None:
    """Worse by 1, 2, 3 and 4 points: t = -4.0 (three degrees of freedom), where many are left."""
    behind = {0: -1.0, 1: -2.0, 2: -3.0, 3: -4.0}
    credited = [p_worse(behind, [0.0] * clips, MARGIN) for clips in (100_000, 8, 5)]
    assert credited[0] == pytest.approx(0.0152, abs=0.0002)
    assert credited[0] > credited[1] > credited[2] > 0


def test_who_leads_is_no_loser() -> None:
    """One that is ahead on average has p = 1; one that is ahead by a trifle everywhere has lost."""
    rival = [60.0] * 8
    assert p_worse({i: 59.5 for i in range(5)} | {5: 70.0}, rival) == 1.0
    assert p_worse(dict.fromkeys(range(6), 60.0 + MARGIN), rival) == 1.0
    assert p_worse(dict.fromkeys(range(6), 60.0 + MARGIN / 2), rival) < P_THRESHOLD


@pytest.mark.parametrize(("lead", "most"), [(MARGIN, 3 * P_THRESHOLD), (1.0, 0.02)])
def test_what_is_worth_having_is_seldom_pruned(lead: float, most: float) -> None:
    """Three looks lose no more than `P_THRESHOLD` each of those that would lead by a trifle."""
    rng = np.random.default_rng(4)
    lost = 0
    for _ in range(300):
        rival, own = rng.normal(60, 5, 15), rng.normal(0, 1, 15)
        worth_having = rival + own - own.mean() + lead
        looks = [dict(enumerate(worth_having[:n])) for n in (4, 8, 12)]
        lost += any(p_worse(look, list(rival)) < P_THRESHOLD for look in looks)
    assert lost / 300 <= most


def test_estimate_is_paired() -> None:
    """Hard clips first make no worse estimate: only differences count."""
    rival = [20.0, 30.0, 80.0, 90.0]
    assert estimate({0: 18.0, 1: 28.0}, rival) == pytest.approx(53.0)

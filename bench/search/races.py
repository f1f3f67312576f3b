"""What a race costs by what it hears of each clip: searches without pruning, raced again.

The trials of `prune-<encoder>` that nothing pruned are taken in their order, each against the best
before it, with the rule of `tuner.search.race`; clips in `ORDERS` shuffled orders. Heard of each
clip are all windows by all networks, as in a search, or less: a cheap first look.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bench.search.parts import FINDABLE, PRUNED, Site
from bench.search.rig import Setup, cores, run
from tuner.jobs.executor import make_executor
from tuner.jobs.passes import Passes
from tuner.plugins import load_encoder
from tuner.records import Complete
from tuner.scorer import Score
from tuner.search.race import P_THRESHOLD, make_blocks, p_worse

ORDERS = 40

Points = npt.NDArray[np.float64]
"""Of each trial on each clip, ``[trials, clips]``."""


def races(site: Site) -> None:
    """Print the share of the clips that races take, and what they lose."""
    for encoder in PRUNED:
        setup = site.setup(encoder, FINDABLE[encoder], 100, f"prune-{encoder}-False")
        scores = _scores(replace(setup, prune=False, cache=site.out / "prune-cache"))
        whole = _points(scores, lambda score: score.mean)
        looks = {
            "everything": whole,
            "the middle window": _points(scores, lambda s: s.windows[len(s.windows) // 2]),
            "the first half": _points(
                scores, lambda s: statistics.fmean(s.windows[: (len(s.windows) + 1) // 2])
            ),
            "one network": _points(scores, lambda score: score.members[0]),
        }
        for name, heard in looks.items():
            found = [_race(whole, heard, seed) for seed in range(ORDERS)]
            shares, losses = zip(*found, strict=True)
            print(
                f"races, {encoder}, by {name}: {np.mean(shares):.3f} of the clips, the best found"
                f" {np.mean(losses):.2f} points under the best there is (worst {max(losses):.2f})",
                flush=True,
            )


def _scores(setup: Setup) -> list[list[Score]]:
    """Of each complete trial every clip's score, from the cache."""
    encoder = load_encoder(setup.encoder, None)
    records = [result.record for result in run(setup).results]
    assert setup.cache is not None
    executor = make_executor("local", workers=cores(), cache_folder=setup.cache)
    found = []
    for record in records:
        if isinstance(record, Complete):
            passes = Passes(encoder, executor, setup.clips, lambda _: None, setup.target_kbps)
            outcomes = passes.run(record.settings, record.knob, (setup.scorer,))
            found.append([each.scores[setup.scorer.name] for each in outcomes.values()])
    executor.close()
    return found


def _points(scores: list[list[Score]], hear: Callable[[Score], float]) -> Points:
    return np.array([[hear(score) for score in trial] for trial in scores])


def _race(whole: Points, heard: Points, seed: int) -> tuple[float, float]:
    """Share of the clips that are taken, and points by which the best is missed."""
    trials, clips = whole.shape
    means, best, taken = whole.mean(axis=1), 0, clips
    for trial in range(1, trials):
        blocks = make_blocks(clips, 1000 * seed + trial)
        values: Mapping[int, float] = {}
        for block in blocks[:-1]:
            values = {**values, **{index: float(heard[trial, index]) for index in block}}
            if p_worse(values, list(heard[best])) < P_THRESHOLD:
                taken += len(values)
                break
        else:
            taken += clips
            best = trial if means[trial] > means[best] else best
    return taken / whole.size, float(means.max() - means[best])

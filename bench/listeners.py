"""Simulated listeners: does the analysis find what is true, and do its intervals hold it?

Each simulated test draws clips and subjects anew: every clip has its own effect on every
condition, every subject a bias common to all conditions and one for each condition, every rating
noise; ratings are rounded and clipped to 0 to 100. The truth of a condition is its expected
rating over all clips, subjects and noise after clipping, from a large draw of the same model.
Careless subjects rate at random and so miss the hidden reference.

    python -m bench.listeners [--tests 500] [--json]
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import numpy.typing as npt

from tuner.listening.analysis import analyse
from tuner.listening.plan import ANCHORS, REFERENCE, Plan, Stimulus, Trial

#: Mean rating of each condition before effects. The reference is rated 100 less a small slip.
CONDITIONS = {"tuned": 72.0, "default": 64.0, "anchor70": 42.0, "anchor35": 22.0}
SUBJECTS, CARELESS, CLIPS = 20, 3, 10
#: Standard deviations in points: spreads of this size are usual in published MUSHRA data.
CLIP_SD, SUBJECT_SD, TASTE_SD, NOISE_SD, SLIP_SD = 6.0, 5.0, 3.0, 8.0, 3.0
#: Draws of the truth: its own standard error is below 0.03 points.
TRUTH_DRAWS = 400_000


def make_plan() -> Plan:
    names = (REFERENCE, *CONDITIONS)
    assert set(ANCHORS) < set(names)
    stimuli = tuple(Stimulus(name, f"{name}.flac") for name in names)
    trials = tuple(Trial(f"{n:03d}", f"clip {n}", 96.0, "r.flac", stimuli) for n in range(CLIPS))
    return Plan("mushra", "simulated", 0, "default", trials)


def ratings(
    rng: np.random.Generator, subjects: int, clips: int
) -> dict[str, npt.NDArray[np.float64]]:
    """Condition -> ratings ``[S, C]`` of careful subjects."""
    strict = rng.normal(0, SUBJECT_SD, (subjects, 1))
    found = {}
    for name, level in CONDITIONS.items():
        effects = rng.normal(0, CLIP_SD, (1, clips)) + rng.normal(0, TASTE_SD, (subjects, 1))
        noise = rng.normal(0, NOISE_SD, (subjects, clips))
        found[name] = np.clip(np.round(level + strict + effects + noise), 0, 100)
    slips = np.abs(rng.normal(0, SLIP_SD, (subjects, clips)))
    found[REFERENCE] = np.clip(np.round(100 - slips), 0, 100)
    return found


def true_means(rng: np.random.Generator) -> dict[str, float]:
    """Expected ratings: clips, subjects and noise all drawn once per rating."""
    spread = np.sqrt(CLIP_SD**2 + SUBJECT_SD**2 + TASTE_SD**2 + NOISE_SD**2)
    draws = rng.normal(0, spread, TRUTH_DRAWS)
    return {n: float(np.clip(np.round(v + draws), 0, 100).mean()) for n, v in CONDITIONS.items()}


def answers(plan: Plan, rng: np.random.Generator) -> dict[str, dict[str, dict[str, object]]]:
    careful = ratings(rng, SUBJECTS - CARELESS, CLIPS)
    given = {
        f"careful {s}": {
            t.name: {"answer": {n: values[s, c] for n, values in careful.items()}}
            for c, t in enumerate(plan.trials)
        }
        for s in range(SUBJECTS - CARELESS)
    }
    for s in range(CARELESS):
        given[f"careless {s}"] = {
            t.name: {"answer": {n: float(rng.integers(0, 101)) for n in careful}}
            for t in plan.trials
        }
    return given  # type: ignore[return-value]


def run(tests: int, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    plan, truth = make_plan(), true_means(rng)
    order = [REFERENCE, *sorted(truth, key=truth.__getitem__, reverse=True)]
    held = dict.fromkeys([*truth, "tuned less default"], 0)
    ordered = caught = lost = significant = 0
    for _ in range(tests):
        analysis = analyse(plan, answers(plan, rng))
        means = sorted(analysis.means, key=lambda m: -m.mean.value)
        ordered += [m.condition for m in means] == order
        caught += sum(name.startswith("careless") for name in analysis.screened)
        lost += sum(name.startswith("careful") for name in analysis.screened)
        for row in means:
            if row.condition in truth and row.mean.low is not None and row.mean.high is not None:
                held[row.condition] += row.mean.low <= truth[row.condition] <= row.mean.high
        [comparison] = analysis.comparisons
        difference, real = comparison.difference, truth["tuned"] - truth["default"]
        assert difference.low is not None and difference.high is not None
        assert comparison.p is not None
        held["tuned less default"] += difference.low <= real <= difference.high
        significant += comparison.p < 0.05
    return {
        "true order found": ordered / tests,
        "careless screened": caught / (tests * CARELESS),
        "careful screened": lost / (tests * (SUBJECTS - CARELESS)),
        "difference significant": significant / tests,
        **{f"interval holds: {name}": count / tests for name, count in held.items()},
        "intervals hold, all": sum(held.values()) / (tests * len(held)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tests", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = run(arguments.tests, arguments.seed)
    if arguments.json:
        print(json.dumps(figures, indent=1))
        return
    print(
        f"{arguments.tests} tests, {SUBJECTS} subjects ({CARELESS} careless), {CLIPS} clips,"
        f" {CONDITIONS['tuned'] - CONDITIONS['default']:g} points between tuned and default"
    )
    for name, share in figures.items():
        print(f"  {name:<36} {share:7.1%}")


if __name__ == "__main__":
    main()

"""Do the report's 95 % intervals hold the truth? Simulated runs on drawn clips.

Every clip has its own rate-quality curve (a logistic over log2 of bitrate, its place and its
slope drawn) and its own gain from tuning (skewed: most clips gain a little, some much, some
lose; it fades as the default nears 100); every score has an error of the model's. A run draws
N clips anew. The truth is the same figure of the means over a large draw of clips. The share
of runs whose interval holds the truth is printed, with how often the truth lay below and above,
and for comparison the percentile bootstrap's share of what it can do quickly.

    python -m bench.report.intervals [--runs 500] [--json]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tuner.bootstrap import paired_bootstrap
from tuner.report.bd import bd_quality, bd_rate
from tuner.report.curves import Curve
from tuner.report.equivalent import equivalent_bitrate
from tuner.results import Estimate

Floats = npt.NDArray[np.float64]

#: Measured bitrates of the simulated runs, kb/s, and the one whose gain and saving are read.
RATES = (48.0, 64.0, 96.0, 128.0)
AT = 1
#: Curves of the clips: bitrate of score 50 (log2 kb/s), width of the logistic (octaves).
PLACE, PLACE_SD, WIDTH, WIDTH_SD = np.log2(56.0), 0.35, 0.75, 0.2
#: Gain of a clip at score 50, points: gamma of this shape and scale, shifted to let some lose.
GAIN_SHAPE, GAIN_SCALE, GAIN_SHIFT = 2.0, 3.0, -2.0
#: Error of the model on one score, points.
ERROR_SD = 1.5
CLIPS = (15, 30)
#: Clips of the truth: its standard error is below 0.05 points, a fiftieth of an interval.
TRUTH_CLIPS = 400_000
#: Resamples of an interval: fewer than the report's, whose ends only repeat better.
RESAMPLES = 2_000


def draw(rng: np.random.Generator, clips: int) -> tuple[Floats, Floats]:
    """Scores of default and tuned, both ``[clips, P]``."""
    place = rng.normal(PLACE, PLACE_SD, (clips, 1))
    width = WIDTH * np.exp(rng.normal(0, WIDTH_SD, (clips, 1)))
    default = 100 / (1 + np.exp((place - np.log2(RATES)) / width))
    gain = GAIN_SHIFT + rng.gamma(GAIN_SHAPE, GAIN_SCALE, (clips, 1))
    tuned = default + gain * (100 - default) / 50
    errors = rng.normal(0, ERROR_SD, (2, clips, len(RATES)))
    return np.clip(default + errors[0], 0, 100), np.clip(tuned + errors[1], 0, 100)


def curve(name: str, scores: Floats) -> Curve:
    """A curve as the report reads it from a run."""
    clips = [f"{index:06d}" for index in range(len(scores))]
    return Curve(name, list(RATES), np.array(RATES), clips, scores, [True] * len(RATES))


def read_gain(default: Floats, tuned: Floats, seed: int) -> Estimate:
    """The paired gain at one bitrate, points."""
    return paired_bootstrap((tuned - default)[:, AT].tolist(), seed, RESAMPLES)


def read_bd_rate(default: Floats, tuned: Floats, seed: int) -> Estimate:
    """Per cent."""
    figure = bd_rate(curve("default", default), curve("tuned", tuned), seed)
    return _whole(figure.value, figure.low, figure.high)


def read_bd_quality(default: Floats, tuned: Floats, seed: int) -> Estimate:
    """Points."""
    figure = bd_quality(curve("default", default), curve("tuned", tuned), seed)
    return _whole(figure.value, figure.low, figure.high)


def read_equivalent(default: Floats, tuned: Floats, seed: int) -> Estimate:
    """The default's bitrate at the tuned quality, kb/s."""
    found = equivalent_bitrate(curve("default", default), curve("tuned", tuned), RATES[AT], seed)
    return found.kbps


def read_band(default: Floats, tuned: Floats, seed: int) -> Estimate:
    """The mean score of the tuned settings at one bitrate."""
    return curve("tuned", tuned).bands(seed)[AT]


def _whole(*figures: float | None) -> Estimate:
    assert None not in figures, "a simulated run without an interval"
    return Estimate(*figures)  # type: ignore[arg-type]


FIGURES: dict[str, Callable[[Floats, Floats, int], Estimate]] = {
    "gain, points": read_gain,
    "mean score, points": read_band,
    "BD-rate, %": read_bd_rate,
    "BD-quality, points": read_bd_quality,
    "equivalent, kb/s": read_equivalent,
}


def read_percentile(default: Floats, tuned: Floats, seed: int) -> tuple[float, float]:
    """The gain's percentile bootstrap, which the report does not use."""
    gains = (tuned - default)[:, AT]
    rng = np.random.default_rng(seed)
    means = gains[rng.integers(0, len(gains), (RESAMPLES, len(gains)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Print the coverage of each figure's interval."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    default, tuned = draw(np.random.default_rng(0), TRUTH_CLIPS)
    # The truth needs no interval: two rows of the same means have the same figure.
    means = (np.tile(default.mean(0), (2, 1)), np.tile(tuned.mean(0), (2, 1)))
    truths = {name: read(*means, 0).value for name, read in FIGURES.items()}
    rows = []
    for clips in CLIPS:
        runs = [draw(np.random.default_rng([1, clips, n]), clips) for n in range(arguments.runs)]
        for name, read in FIGURES.items():
            found = [read(*run, seed) for seed, run in enumerate(runs)]
            below = sum(truths[name] < each.low for each in found)
            above = sum(truths[name] > each.high for each in found)
            rows.append(
                (clips, name, truths[name], below, above, np.mean([e.high - e.low for e in found]))
            )
        ends = [read_percentile(*run, seed) for seed, run in enumerate(runs)]
        truth = truths["gain, points"]
        below, above = sum(truth < low for low, _ in ends), sum(truth > high for _, high in ends)
        rows.append(
            (
                clips,
                "gain, percentile",
                truth,
                below,
                above,
                np.mean([high - low for low, high in ends]),
            )
        )
    _tell(rows, arguments.runs, arguments.json)


def _tell(rows: list[tuple[int, str, float, int, int, float]], runs: int, as_json: bool) -> None:
    told = [
        {
            "clips": clips,
            "figure": name,
            "truth": round(truth, 3),
            "held": round(1 - (below + above) / runs, 4),
            "below": below / runs,
            "above": above / runs,
            "mean_width": round(float(width), 3),
        }
        for clips, name, truth, below, above, width in rows
    ]
    if as_json:
        print(json.dumps({"runs": runs, "figures": told}, indent=1))
        return
    print(f"{runs} simulated runs; share of 95 % intervals that hold the truth")
    for row in told:
        print(
            f"{row['clips']} clips  {row['figure']:20} truth {row['truth']:8.2f}"
            f"  held {row['held']:6.1%}  (below {row['below']:.1%}, above {row['above']:.1%})"
            f"  mean width {row['mean_width']:.2f}"
        )


if __name__ == "__main__":
    main()

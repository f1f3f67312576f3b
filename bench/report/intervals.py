"""Do the report's 95 % intervals hold the truth? Simulated runs on drawn clips.

Every clip has its own rate-quality curve (a logistic over log2 of bitrate, its place and its
slope drawn) and its own gain from tuning (skewed: most clips gain a little, some much, some
lose; it fades as the default nears 100); every score has an error of the model's. Clips share
the set's bits: one that is hard to code takes more than the others, the tuned settings share
them out otherwise, and the rate knob is matched anew in every run, over its clips. A run draws
N clips anew. The truth is the same figure of the means over a large draw of clips. The share of
runs whose interval holds the truth is printed, with how often the truth lay below and above,
and beside it that of the percentile bootstrap (gain) and that of bitrates taken as known.

    python -m bench.report.intervals [--runs 500] [--json]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass

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
#: Standard deviation over the clips of the logarithm of bitrate by the default, and by the tuned
#: settings over the default. Measured on 15 clips: aac and lame, ABR, 0.001 to 0.025 and 0.013 to
#: 0.044; opus, VBR, 0.15 and 0.13.
SHARING = {"ABR": (0.02, 0.04), "VBR": (0.15, 0.13)}
#: Share of these bits that go where they are needed; the rest lifts a clip above the others.
NEEDED = 0.7
#: Clips of the truth: its standard error is below 0.05 points, a fiftieth of an interval.
TRUTH_CLIPS = 400_000
#: Resamples of an interval: fewer than the report's, whose ends only repeat better.
RESAMPLES = 2_000


@dataclass(frozen=True)
class Heard:
    """Scores, and bitrates over the set's, of all clips at all points, both ``[clips, P]``."""

    scores: Floats
    shares: Floats


Draw = tuple[Heard, Heard]


def draw(rng: np.random.Generator, clips: int, default_sd: float, tuned_sd: float) -> Draw:
    """Default and tuned."""
    place = rng.normal(PLACE, PLACE_SD, (clips, 1))
    width = WIDTH * np.exp(rng.normal(0, WIDTH_SD, (clips, 1)))
    gain = GAIN_SHIFT + rng.gamma(GAIN_SHAPE, GAIN_SCALE, (clips, 1))

    def hear(taken: Floats, gain: Floats | float) -> Heard:
        # The matched knob makes the mean bitrate that of the set.
        shares = np.exp(taken) / np.exp(taken).mean(axis=0)
        needed = place + NEEDED * taken / np.log(2)
        scores = 100 / (1 + np.exp((needed - np.log2(RATES * shares)) / width))
        scores += gain * (100 - scores) / 50 + rng.normal(0, ERROR_SD, scores.shape)
        return Heard(np.clip(scores, 0, 100), shares * np.ones_like(scores))

    taken = rng.normal(0, default_sd, (clips, 1))
    return hear(taken, 0.0), hear(taken + rng.normal(0, tuned_sd, (clips, 1)), gain)


def curve(name: str, heard: Heard) -> Curve:
    """A curve as the report reads it from a run."""
    clips = [f"{index:06d}" for index in range(len(heard.scores))]
    recommended = [True] * len(RATES)
    excess = heard.shares - 1
    return Curve(name, list(RATES), np.array(RATES), clips, heard.scores, recommended, excess)


def read_gain(default: Heard, tuned: Heard, seed: int) -> Estimate:
    """The paired gain at one bitrate, points."""
    return paired_bootstrap((tuned.scores - default.scores)[:, AT].tolist(), seed, RESAMPLES)


def read_bd_rate(default: Heard, tuned: Heard, seed: int) -> Estimate:
    """Per cent."""
    figure = bd_rate(curve("default", default), curve("tuned", tuned), seed)
    return _whole(figure.value, figure.low, figure.high)


def read_bd_quality(default: Heard, tuned: Heard, seed: int) -> Estimate:
    """Points."""
    figure = bd_quality(curve("default", default), curve("tuned", tuned), seed)
    return _whole(figure.value, figure.low, figure.high)


def read_equivalent(default: Heard, tuned: Heard, seed: int) -> Estimate:
    """The default's bitrate at the tuned quality, kb/s."""
    found = equivalent_bitrate(curve("default", default), curve("tuned", tuned), RATES[AT], seed)
    return found.kbps


def read_band(default: Heard, tuned: Heard, seed: int) -> Estimate:
    """The mean score of the tuned settings at one bitrate."""
    return curve("tuned", tuned).bands(seed)[AT]


def _whole(*figures: float | None) -> Estimate:
    assert None not in figures, "a simulated run without an interval"
    return Estimate(*figures)  # type: ignore[arg-type]


FIGURES: dict[str, Callable[[Heard, Heard, int], Estimate]] = {
    "gain, points": read_gain,
    "mean score, points": read_band,
    "BD-rate, %": read_bd_rate,
    "BD-quality, points": read_bd_quality,
    "equivalent, kb/s": read_equivalent,
}


def read_percentile(default: Heard, tuned: Heard, seed: int) -> Estimate:
    """The gain's percentile bootstrap, which the report does not use."""
    gains = (tuned.scores - default.scores)[:, AT]
    rng = np.random.default_rng(seed)
    means = gains[rng.integers(0, len(gains), (RESAMPLES, len(gains)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(gains.mean()), float(low), float(high))


def as_known(run: Draw) -> Draw:
    """The run without the bitrates of single clips."""
    default, tuned = (Heard(heard.scores, np.ones_like(heard.shares)) for heard in run)
    return default, tuned


def average(heard: Heard) -> Heard:
    """Two clips of the same means: the truth needs no interval."""
    return Heard(np.tile(heard.scores.mean(0), (2, 1)), np.ones((2, len(RATES))))


def main() -> None:
    """Print the coverage of each figure's interval."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for sharing, sds in SHARING.items():
        large = draw(np.random.default_rng(0), TRUTH_CLIPS, *sds)
        default, tuned = (average(heard) for heard in large)
        truths = {name: read(default, tuned, 0).value for name, read in FIGURES.items()}
        for clips in CLIPS:
            rngs = [np.random.default_rng([1, clips, n]) for n in range(arguments.runs)]
            runs = [draw(rng, clips, *sds) for rng in rngs]
            for name, truth in truths.items():
                read = FIGURES[name]
                found = [read(*run, seed) for seed, run in enumerate(runs)]
                rows.append(_count(f"{sharing}, {clips} clips", name, truth, found))
                if read is read_gain:
                    name, read = f"{name}, percentile", read_percentile
                else:
                    name = f"{name}, as known"
                found = [read(*as_known(run), seed) for seed, run in enumerate(runs)]
                rows.append(_count(f"{sharing}, {clips} clips", name, truth, found))
    _tell(rows, arguments.runs, arguments.json)


Row = tuple[str, str, float, int, int, float]


def _count(what: str, name: str, truth: float, found: list[Estimate]) -> Row:
    below = sum(truth < each.low for each in found)
    above = sum(truth > each.high for each in found)
    return what, name, truth, below, above, float(np.mean([e.high - e.low for e in found]))


def _tell(rows: list[Row], runs: int, as_json: bool) -> None:
    told = [
        {
            "runs": what,
            "figure": name,
            "truth": round(truth, 3),
            "held": round(1 - (below + above) / runs, 4),
            "below": below / runs,
            "above": above / runs,
            "mean_width": round(width, 3),
        }
        for what, name, truth, below, above, width in rows
    ]
    if as_json:
        print(json.dumps({"runs": runs, "figures": told}, indent=1))
        return
    print(f"{runs} simulated runs; share of 95 % intervals that hold the truth")
    for row in told:
        print(
            f"{row['runs']}  {row['figure']:30} truth {row['truth']:8.2f}"
            f"  held {row['held']:6.1%}  (below {row['below']:.1%}, above {row['above']:.1%})"
            f"  mean width {row['mean_width']:.2f}"
        )


if __name__ == "__main__":
    main()

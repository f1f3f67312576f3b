"""Do the report's 95 % intervals hold the truth? Simulated runs on drawn clips.

Every clip has its own rate-quality curve (a logistic over log2 of bitrate, its place and its
slope drawn) and its own gain from tuning (skewed: most clips gain a little, some much, some
lose; it fades as the default nears 100); every score has an error of the model's. Clips share
the set's bits: one that is hard to code takes more than the others, the tuned settings share
them out otherwise, and the rate knob is matched anew in every run, over its clips. A run draws
N clips anew. The truth is the same figure of the means over a large draw of clips. The share of
runs whose interval holds the truth is printed, with how often the truth lay below and above,
and beside it that of the percentile bootstrap (gain) and that of bitrates taken as known.

Then whole answers: of `FINALISTS` settings the best on N tuning clips is reported with its gain on
N others, and judged by the rule of verdicts with three families of judges, each with errors of its
own. Told are the coverage of the reported gain (as paired, and with what bits are worth by the
default's curve, which is what a run reports), and how often "confirmed" is said where nothing is
gained and where something is. Judges are asked only where the model is sure: nothing else can be
confirmed. Last the ranges that docs/results.md quotes.

    python -m bench.report.intervals [--runs 500] [--answers 2000] [--only answers] [--json]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from tuner.answer.verdict import Evidence, decide
from tuner.answer.worth import earned, slope_at
from tuner.bootstrap import paired_bootstrap
from tuner.records import Estimate
from tuner.report.bd import bd_quality, bd_rate
from tuner.report.curves import Curve
from tuner.report.equivalent import equivalent_bitrate

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


#: Settings among which the tuning clips choose, and how far their mean gains lie apart, points.
FINALISTS, FINALISTS_SD = 3, 0.7
#: Mean gain of settings that gain, points at score 50; of those that gain nothing it is 0.
GAINS = {"nothing gained": 0.0, "something gained": 4.0}
#: Families of judges, and the standard deviation of what each hears otherwise, points a clip.
FAMILIES, TASTE_SD = ("similarity", "distance", "masked noise"), 3.0


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


@dataclass(frozen=True)
class Answer:
    """One simulated answer: the reported gain, as paired and with the worth of bits."""

    truth: float
    paired: Estimate
    earned: Estimate
    confirmed: bool

    def holds(self, name: str) -> bool:
        """Whether the interval "paired" or "earned" holds the truth."""
        interval: Estimate = getattr(self, name)
        return interval.low <= self.truth <= interval.high


def hear_settings(
    rng: np.random.Generator, clips: int, sds: tuple[float, float], means: Floats
) -> tuple[Heard, list[Heard]]:
    """The default and several settings on one draw of clips; gains of a clip go together."""
    place = rng.normal(PLACE, PLACE_SD, (clips, 1))
    width = WIDTH * np.exp(rng.normal(0, WIDTH_SD, (clips, 1)))
    own = rng.gamma(GAIN_SHAPE, GAIN_SCALE, (clips, 1)) - GAIN_SHAPE * GAIN_SCALE
    taken = rng.normal(0, sds[0], (clips, 1))

    def hear(taken: Floats, gain: Floats | float) -> Heard:
        shares = np.exp(taken) / np.exp(taken).mean(axis=0)
        needed = place + NEEDED * taken / np.log(2)
        scores = 100 / (1 + np.exp((needed - np.log2(RATES * shares)) / width))
        # Not faded: the mean gain is known without a large draw.
        return Heard(scores + gain, shares * np.ones_like(scores))

    tuned = [
        hear(taken + rng.normal(0, sds[1], (clips, 1)), mean + own * rng.normal(0.7, 0.3))
        for mean in means
    ]
    return hear(taken, 0.0), tuned


def truth_of(sds: tuple[float, float], clips: int = 60_000) -> float:
    """What sharing bits otherwise costs by itself, points: it belongs to every gain."""
    default, (tuned,) = hear_settings(np.random.default_rng(0), clips, sds, np.zeros(1))
    return float((tuned.scores - default.scores)[:, AT].mean())


def answer(seed: int, clips: int, sds: tuple[float, float], gain: float, shift: float) -> Answer:
    """One run: choose on the tuning clips, report on others, judge."""
    rng = np.random.default_rng([2, clips, seed])
    means = gain - shift + rng.normal(0, FINALISTS_SD, FINALISTS) * (gain > 0)
    default, tuned = hear_settings(rng, clips, sds, means)
    seen = [_error(rng, t.scores - default.scores)[:, AT].mean() for t in tuned]
    best = int(np.argmax(seen))
    default, tuned = hear_settings(rng, clips, sds, means)
    chosen = tuned[best]
    true = (chosen.scores - default.scores)[:, AT]
    curve_ = _error(rng, default.scores).mean(axis=0)
    slope = slope_at(np.array(RATES), curve_, RATES[AT])
    excess = (default.shares - 1)[:, AT], (chosen.shares - 1)[:, AT]

    def voice(taste_sd: float) -> Floats:
        return _error(rng, true) + rng.normal(0, taste_sd, clips)

    def interval(gains: Floats) -> Estimate:
        return paired_bootstrap(gains.tolist(), seed, RESAMPLES)

    heard = voice(0.0)
    truth = float(means[best] + shift)
    paired, counted = interval(heard), interval(earned(heard, excess, slope))
    if counted.low <= 0:
        return Answer(truth, paired, counted, confirmed=False)
    evidence = Evidence(
        tune_gain=float(seen[best]),
        gain=counted,
        families={f: interval(earned(voice(TASTE_SD), excess, slope)) for f in FAMILIES},
        judges={family: [family] for family in FAMILIES},
        n_clips=clips,
    )
    return Answer(truth, paired, counted, decide(evidence).kind == "confirmed")


def _error(rng: np.random.Generator, scores: Floats) -> Floats:
    return scores + rng.normal(0, ERROR_SD * np.sqrt(2), scores.shape)


@dataclass(frozen=True)
class AnswerRow:
    """Counts of one kind of simulated answers."""

    sharing: str
    clips: int
    what: str
    runs: int
    held: int
    held_as_paired: int
    confirmed: int


def count_answers(runs: int, tell: Callable[[str], None]) -> list[AnswerRow]:
    """Coverage of the reported gain, and how often it is confirmed; told row by row."""
    rows = []
    for sharing, sds in SHARING.items():
        shift = truth_of(sds)
        for clips in CLIPS:
            for what, gain in GAINS.items():
                found = [answer(n, clips, sds, gain, shift) for n in range(runs)]
                row = AnswerRow(
                    sharing,
                    clips,
                    what,
                    runs,
                    held=sum(each.holds("earned") for each in found),
                    held_as_paired=sum(each.holds("paired") for each in found),
                    confirmed=sum(each.confirmed for each in found),
                )
                rows.append(row)
                tell(
                    f"{sharing}, {clips} clips  {what:17} gain held {row.held / runs:6.1%}"
                    f" (as paired {row.held_as_paired / runs:6.1%})"
                    f"  confirmed {row.confirmed} of {runs} ({row.confirmed / runs:.1%})"
                )
    return rows


def main() -> None:
    """Print the coverage of each figure's interval."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=500, help="simulated runs of each figure")
    parser.add_argument("--answers", type=int, default=2000, help="simulated answers of each kind")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=("figures", "answers"))
    asked = parser.parse_args()

    def tell(line: str) -> None:
        if not asked.json:
            print(line, flush=True)

    figures = [] if asked.only == "answers" else count_figures(asked.runs, tell)
    answers = [] if asked.only == "figures" else count_answers(asked.answers, tell)
    quoted = quote(figures, answers)
    if asked.json:
        told = {"figures": figures, "answers": answers}
        rows = {name: [asdict(row) for row in rows] for name, rows in told.items()}
        print(json.dumps({**rows, "quoted": quoted}, indent=1))
    for line in quoted:
        tell(line)


@dataclass(frozen=True)
class FigureRow:
    """How often one figure's interval held the truth, and on which side it did not."""

    sharing: str
    clips: int
    figure: str
    how: str
    truth: float
    runs: int
    below: int
    above: int
    mean_width: float

    @property
    def held(self) -> float:
        """Share of the runs."""
        return 1 - (self.below + self.above) / self.runs


def count_figures(runs: int, tell: Callable[[str], None]) -> list[FigureRow]:
    """Coverage of each figure that a report reads; told row by row."""
    rows = []
    for sharing, sds in SHARING.items():
        large = draw(np.random.default_rng(0), TRUTH_CLIPS, *sds)
        default, tuned = (average(heard) for heard in large)
        truths = {name: read(default, tuned, 0).value for name, read in FIGURES.items()}
        for clips in CLIPS:
            rngs = [np.random.default_rng([1, clips, n]) for n in range(runs)]
            drawn = [draw(rng, clips, *sds) for rng in rngs]
            known = [as_known(run) for run in drawn]
            for name, truth in truths.items():
                read, other = FIGURES[name], "as known"
                second = read
                if read is read_gain:
                    second, other = read_percentile, "percentile"
                for how, figure, of_runs in (("", read, drawn), (other, second, known)):
                    found = [figure(*run, seed) for seed, run in enumerate(of_runs)]
                    row = _figure_row(sharing, clips, name, how, truth, found)
                    rows.append(row)
                    tell(
                        f"{sharing}, {clips} clips  {f'{name} {how}':30} truth {truth:8.2f}"
                        f"  held {row.held:6.1%}  (below {row.below / runs:.1%}, above"
                        f" {row.above / runs:.1%})  mean width {row.mean_width:.2f}"
                    )
    return rows


def _figure_row(
    sharing: str, clips: int, name: str, how: str, truth: float, found: list[Estimate]
) -> FigureRow:
    return FigureRow(
        sharing,
        clips,
        name,
        how,
        round(truth, 3),
        len(found),
        below=sum(truth < each.low for each in found),
        above=sum(truth > each.high for each in found),
        mean_width=round(float(np.mean([e.high - e.low for e in found])), 3),
    )


def quote(figures: list[FigureRow], answers: list[AnswerRow]) -> list[str]:
    """The figures that docs/results.md quotes, a sentence each."""
    told = []
    read = [row for row in figures if row.figure != "gain, points"]
    for what, how in (("with each clip's bitrate", ""), ("bitrates taken as known", "as known")):
        for sharing in SHARING:
            held = [row.held for row in read if row.how == how and row.sharing == sharing]
            if held:
                told.append(
                    f"Read from curves, {sharing}, {what}: {min(held):.1%} to {max(held):.1%} of"
                    f" {read[0].runs} intervals hold the truth."
                )
    for sharing in SHARING:
        for clips in CLIPS:
            rows = [row for row in answers if (row.sharing, row.clips) == (sharing, clips)]
            if rows:
                runs = sum(row.runs for row in rows)
                held, paired = (
                    sum(getattr(row, name) for row in rows) / runs
                    for name in ("held", "held_as_paired")
                )
                false = next(row for row in rows if GAINS[row.what] == 0)
                told.append(
                    f"Reported gain, {sharing}, {clips} clips: {held:.1%} of {runs} hold the truth"
                    f" (as paired {paired:.1%}); where nothing was gained {false.confirmed} of"
                    f" {false.runs} are confirmed."
                )
    return told


if __name__ == "__main__":
    main()

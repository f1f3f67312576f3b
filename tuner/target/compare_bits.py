"""Two ways to encode at equal quality: the bits that each needs for a target, and the gate.

Quality matching of both sides over the same clips; the ratio of bits is paired by clip. It is
`tuner.apply.compare` turned round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tuner.bootstrap import paired_bootstrap
from tuner.encoder import Encoder, Settings
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef
from tuner.jobs.passes import Passes
from tuner.quality_match import OutOfReach
from tuner.records import Estimate, metric_label
from tuner.scorer import Scorer
from tuner.search.evaluate import TRIAL_ERRORS
from tuner.study.goal import Goal
from tuner.study.objective import DEFAULT_OBJECTIVE
from tuner.target.needed import Needed, bits_ratio, find_needed
from tuner.target.per_title import start_knob


@dataclass(frozen=True)
class Coder:
    """One side: what people call it, the adapter, its settings."""

    label: str
    encoder: Encoder
    settings: Settings


@dataclass(frozen=True)
class BitsComparison:
    """What came out for one target.

    Args:
        goal: the target.
        a, b: what the sides need; None where one fails.
        bits: bits of B over A; None where one does not reach the target.
        time_ratio: encode time of B over A, each at the bits that it needs.
        judges: judge -> how much better B scores there, points.
        problem: why there is no ratio.
    """

    goal: Goal
    a: Needed | None
    b: Needed | None
    bits: Estimate | None = None
    time_ratio: float | None = None
    judges: dict[str, Estimate] = field(default_factory=dict)
    problem: str | None = None


def compare_bits(
    sides: tuple[Coder, Coder],
    goals: Sequence[Goal],
    clips: Sequence[ClipRef],
    executor: Executor,
    metrics: tuple[Scorer, ...],
    seed: int,
) -> list[BitsComparison]:
    """Compare for each target.

    Args:
        sides: A and B.
        goals: the targets.
        clips: at least two.
        executor: where jobs run.
        metrics: by which quality is matched, and judges.
        seed: of the intervals.

    Raises:
        TunerError: what ends everything and not only one target.
    """
    both = tuple(Passes(s.encoder, executor, clips, lambda _: None, 0.0) for s in sides)
    return [_compare(sides, both, goal, metrics, seed) for goal in goals]


def _compare(
    sides: tuple[Coder, Coder],
    both: tuple[Passes, ...],
    goal: Goal,
    metrics: tuple[Scorer, ...],
    seed: int,
) -> BitsComparison:
    found: list[Needed] = []
    for name, side, passes in zip("AB", sides, both, strict=True):
        # The same encoder needs about the same rate parameter again.
        same = found and side.encoder.name == sides[0].encoder.name
        same = same and side.settings.rate_mode == sides[0].settings.rate_mode
        guess = found[0].probe.point.knob if same else start_knob(side.encoder, side.settings)
        try:
            found.append(
                find_needed(
                    *(passes, side.settings, goal, metrics[0], DEFAULT_OBJECTIVE, guess), seed=seed
                )
            )
        except TRIAL_ERRORS as error:
            return BitsComparison(goal, None, None, problem=f"{name} ({side.label}): {error}")
    a, b = found
    missed = [
        f"{name} ({side.label}): {each.match.reason}"
        for name, side, each in zip("AB", sides, found, strict=True)
        if isinstance(each.match, OutOfReach)
    ]
    bits = bits_ratio(b, a)
    if missed or bits is None:
        problem = "; ".join(missed) or "one side reaches the target even at its lowest bitrate"
        return BitsComparison(goal, a, b, problem=problem)
    time = b.probe.encode_s / a.probe.encode_s if a.probe.encode_s > 0 else None
    try:
        judges = _judge(both, (a, b), metrics[1:], seed)
    except TRIAL_ERRORS as error:
        return BitsComparison(goal, a, b, problem=f"the judges: {error}")
    return BitsComparison(goal, a, b, bits, time, judges)


def _judge(
    both: tuple[Passes, ...], sides: tuple[Needed, Needed], judges: tuple[Scorer, ...], seed: int
) -> dict[str, Estimate]:
    heard = [
        passes.run(side.settings, side.probe.point.knob, judges)
        for passes, side in zip(both, sides, strict=True)
    ]
    return {
        judge.name: paired_bootstrap(
            [b.scores[judge.name].mean - heard[0][d].scores[judge.name].mean
             for d, b in heard[1].items()],
            seed,
        )
        for judge in judges
    }  # fmt: skip


def find_failures(
    comparisons: Sequence[BitsComparison], most_more: float, *, strict: bool
) -> list[str]:
    """Why the gate stays shut, a sentence for each target; empty when B may pass.

    Args:
        comparisons: of all targets.
        most_more: bits of B over A, less one, that may pass.
        strict: B must be proven to need no more, rather than not proven to need more.
    """
    failures = []
    for each in comparisons:
        if each.bits is None:
            failures.append(f"{each.goal}: not compared: {each.problem}")
            continue
        limit = f"{100 * most_more:+g} %"
        if each.bits.low > 1 + most_more:
            failures.append(f"{each.goal}: B needs {_bits(each.bits)}, certainly above {limit}")
        elif strict and each.bits.high > 1 + most_more:
            failures.append(
                f"{each.goal}: B needs {_bits(each.bits)}, not proven to be below {limit}"
            )
    return failures


def summarise(each: BitsComparison, labels: tuple[str, str]) -> str:
    """The answer for one target, as a sentence."""
    if each.bits is None or each.a is None or each.b is None:
        return f"For {each.goal} no comparison was possible: {each.problem}."
    a, b = each.a.probe.point.kbps, each.b.probe.point.kbps
    told = (
        f"For {each.goal} B ({labels[1]}) needs {b:.1f} kb/s, A ({labels[0]}) needs {a:.1f}:"
        f" {_bits(each.bits)}"
    )
    if each.time_ratio is not None:
        told += f", {each.time_ratio:.2f} times the encode time"
    heard = "".join(f"; {_judge_says(name, gain)}" for name, gain in each.judges.items())
    return f"{told}, on {len(each.a.seconds)} clips{heard}."


def _judge_says(name: str, gain: Estimate) -> str:
    label = metric_label(name)
    if gain.low > 0 or gain.high < 0:
        return f"{label} hears {gain.value:+.1f}"
    return f"{label} is undecided ({gain.value:+.1f})"


def _bits(ratio: Estimate) -> str:
    """ "+3.1 % bits (95 % interval +1.9 to +4.4)"; negative is fewer."""
    value, low, high = (100 * (x - 1) for x in (ratio.value, ratio.low, ratio.high))
    return f"{value:+.1f} % bits (95 % interval {low:+.1f} to {high:+.1f})"

"""One trial against a rival, on fakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import fmean
from typing import Any

import pytest

from tuner.encoder import Settings, default_settings
from tuner.jobs.passes import Passes
from tuner.rate import RateMatch
from tuner.search.evaluate import Plan, TrialResult, evaluate
from tuner.study.limits import Limits
from tuner.testing import FakeEncoder, FakeScorer

MakePasses = Callable[..., Passes]
DEFAULT = default_settings(FakeEncoder())


def with_shaping(shaping: int) -> Settings:
    return Settings.of("abr", {**DEFAULT.as_dict(), "shaping": shaping})


def run(passes: Passes, plan: Plan, objective: str = "mean", *, prune: bool = True) -> TrialResult:
    return evaluate(passes, plan, FakeScorer(), objective, prune=prune)


def heard(passes: Passes, settings: Settings) -> dict[str, Any]:
    """What a trial without a rival gives the next plan: rival and ruler."""
    result = run(passes, Plan(0, settings, 64.0))
    assert result.hearing is not None and result.ruler is not None
    return {"rival": result.hearing, "ruler": result.ruler}


def test_loser_is_pruned_with_its_estimate(make_passes: MakePasses) -> None:
    """A trial that is worse on every clip stops at the first block; the estimate is right."""
    best = heard(make_passes(), with_shaping(7))
    plan = Plan(3, with_shaping(0), 64.0, **best)
    pruned = run(make_passes(), plan)
    whole = run(make_passes(), plan, prune=False)
    assert pruned.record.state == "pruned" and whole.record.state == "complete"
    assert pruned.record.passes < 0.9 < whole.record.passes
    assert pruned.objective == pytest.approx(whole.objective, abs=1.0)
    assert pruned.record.score == pruned.objective
    assert "behind trial 0" in (pruned.record.reason or "")
    assert pruned.hearing is None


def test_better_trial_is_heard_on_all_clips(make_passes: MakePasses) -> None:
    """The better one finishes, matched over all clips, as without pruning."""
    worse = heard(make_passes(), with_shaping(2))
    plan = Plan(3, with_shaping(7), 64.0, **worse)
    result = run(make_passes(), plan)
    assert result.record.state == "complete"
    assert result.record.bitrate_kbps == pytest.approx(64, rel=0.01)
    assert result.hearing is not None and len(result.hearing.values) == 20
    alone = run(make_passes(), replace(plan, rival=None, ruler=None))
    assert result.objective == pytest.approx(alone.objective, abs=0.3)


def test_passes_say_what_they_are_for(make_passes: MakePasses) -> None:
    """Without a rival all clips are scored; one that races is scored on some of them first."""
    purposes: list[str] = []

    def passes() -> Passes:
        made = make_passes()
        made.observer = lambda update: purposes.append(update.purpose)  # type: ignore[union-attr]
        return made

    worse = heard(passes(), with_shaping(2))
    assert set(purposes) == {"matching", "scoring"}
    purposes.clear()
    run(passes(), Plan(3, with_shaping(7), 64.0, **worse))
    assert purposes[0] == "racing" and purposes[-1] == "scoring"


def test_a_wrong_guess_costs_a_block_not_a_pass(make_passes: MakePasses) -> None:
    """With a ruler the knob is found on one block of clips, in any rate mode."""
    ruler = heard(make_passes(), with_shaping(7))["ruler"]
    far = Plan(3, with_shaping(6), 100.0, ruler=ruler)
    alone = run(make_passes(), replace(far, ruler=None)).record
    assert run(make_passes(), far).record.passes <= alone.passes - 0.5


class Coarse(FakeEncoder):
    """An encoder with three bitrates."""

    rate_modes = (replace(FakeEncoder.rate_modes[0], table=(8, 60, 320)),)


class Loud(FakeEncoder):
    """An encoder that spends 100 kb/s at least."""

    rate_modes = (replace(FakeEncoder.rate_modes[0], low=100),)


class Stepped(FakeEncoder):
    """An encoder whose bitrates lie on both sides of the target, 3 % off."""

    rate_modes = (replace(FakeEncoder.rate_modes[0], table=(50, 57.5, 61, 80)),)


@pytest.mark.parametrize("with_ruler", [False, True])
def test_quality_between_two_steps(make_passes: MakePasses, with_ruler: bool) -> None:
    """It is scored at the target between both, whichever way the knob is found."""
    known = heard(make_passes(), with_shaping(2)) if with_ruler else {}
    result = run(make_passes(Stepped()), Plan(3, with_shaping(7), 61.0, **known))
    record = result.record
    assert record.state == "complete", record.reason
    assert record.knob == 57.5
    assert record.bitrate_kbps == pytest.approx(64, rel=0.002)
    fine = run(make_passes(), Plan(3, with_shaping(7), 64.0))
    assert record.score == pytest.approx(fine.record.score, abs=0.15)
    passes = make_passes(Stepped())
    ends = [
        passes.hear(with_shaping(7), RateMatch(knob, knob, 1), (FakeScorer(),))
        for knob in (57.5, 61.0)
    ]
    low, high = (fmean(o.scores["fake"].mean for o in end.values()) for end in ends)
    assert record.score is not None and low < record.score < high


def test_no_pruning_for_want_of_bits(make_passes: MakePasses) -> None:
    """A trial whose block spends too little is no loser unless it lost by more than bits."""
    best = heard(make_passes(), with_shaping(7))
    near = run(make_passes(Coarse()), Plan(3, with_shaping(7), 60.0, **best))
    assert near.record.state == "infeasible"
    assert "within 1% of 64 kb/s" in (near.record.reason or "")
    far = run(make_passes(Coarse()), Plan(3, with_shaping(0), 60.0, **best))
    assert far.record.state == "pruned"
    # Its estimate is what it would be worth with all bits.
    whole = run(make_passes(), Plan(3, with_shaping(0), 60.0))
    assert far.objective is not None and whole.objective is not None
    assert far.objective == pytest.approx(whole.objective, abs=2.0)


def test_far_off_is_infeasible_after_a_block(make_passes: MakePasses) -> None:
    """What cannot come near the target needs no pass over all clips to be told."""
    ruler = heard(make_passes(), with_shaping(7))["ruler"]
    result = run(make_passes(Loud()), Plan(3, with_shaping(3), 100.0, ruler=ruler))
    assert result.record.state == "infeasible" and result.record.passes < 0.5
    assert "on 4 clips" in (result.record.reason or "")


@pytest.mark.parametrize("objective", ["worst-quarter", "p10"])
def test_only_means_are_pruned(make_passes: MakePasses, objective: str) -> None:
    """Paired differences say nothing of the worst clips: those objectives hear all."""
    best = heard(make_passes(), with_shaping(7))
    plan = Plan(3, with_shaping(0), 64.0, **best)
    assert run(make_passes(), plan, objective).record.state == "complete"


def test_few_clips_are_one_block(make_passes: MakePasses) -> None:
    """With fewer clips than a test needs nothing is pruned."""
    best = heard(make_passes(count=4), with_shaping(7))
    plan = Plan(3, with_shaping(0), 64.0, **best)
    assert run(make_passes(count=4), plan).record.state == "complete"


def test_no_job_runs_twice(make_passes: MakePasses) -> None:
    """Each encode is computed once, and scoring what a race has heard costs nothing."""
    worse = heard(make_passes(), with_shaping(2))
    result = run(make_passes(), Plan(3, with_shaping(8), 70.0, **worse))
    assert result.timing.encodes == round(result.record.passes * 20)
    assert result.timing.scores <= result.timing.encodes


class Slow(FakeEncoder):
    """An encoder that tells its latency: ten milliseconds a step of shaping."""

    def latency_ms(self, settings: Settings) -> float:
        return 10.0 * float(settings.as_dict()["shaping"])


def test_latency_is_judged_before_anything_is_encoded(make_passes: MakePasses) -> None:
    """Settings over the limit cost no encode; the default is exempt."""
    limits = Limits(latency_ms=25.0)
    result = evaluate(
        make_passes(Slow()), Plan(4, with_shaping(5), 64.0), FakeScorer(), "mean", limits=limits
    )
    assert result.record.state == "infeasible" and result.record.passes == 0
    assert result.record.reason == "latency 50 ms; the limit is 25 ms"
    plan = Plan(0, DEFAULT, 64.0, is_default=True)
    default = evaluate(make_passes(Slow()), plan, FakeScorer(), "mean", limits=limits)
    assert default.record.state == "complete" and default.record.latency_ms == 30.0


def test_peak_is_measured_where_it_is_limited(make_passes: MakePasses) -> None:
    """The decoded peak is recorded with a limit, and not otherwise."""
    plan = Plan(1, DEFAULT, 64.0)
    limited = evaluate(make_passes(), plan, FakeScorer(), "mean", limits=Limits(peak_dbfs=0.0))
    assert limited.record.peak_dbfs is not None and -20 < limited.record.peak_dbfs < 0
    assert run(make_passes(), plan).record.peak_dbfs is None
    assert limited.record.encode_s == pytest.approx(0.02)

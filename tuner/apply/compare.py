"""Two ways to encode against each other, over the same clips at equal measured bitrate.

Settings, builds of an encoder, winners of runs: each side is an adapter with settings. Both are
matched, A to the target bitrate and B to what A spends, then scored by the model and the judges,
and diagnosed. All differences are B's less A's, paired by clip, with 95 % intervals.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from tuner.answer.diagnosis import METERS, figures
from tuner.artefacts import ARTEFACTS, describe
from tuner.bootstrap import bootstrap_mean, paired_bootstrap
from tuner.encoder import Encoder, Settings, find_rate_mode
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef
from tuner.jobs.passes import Passes
from tuner.jobs.unscorable import find_unscorable
from tuner.rate import TOLERANCE, RateMatch, first_guess, match_rate
from tuner.records import Estimate
from tuner.scorer import Score, Scorer
from tuner.search.evaluate import TRIAL_ERRORS

#: One clip says nothing of others.
MIN_CLIPS = 2
#: How far A may stay from the target where its knob has steps (CBR), as a fraction: what makes
#: a comparison fair is that B spends what A spends.
NEAR = 0.05
#: How near B comes to A where its knob allows, as a fraction; 1 % is enough where it has steps.
#: A bit more or less on every clip would else be a small but certain difference.
SAME = 0.001


@dataclass(frozen=True)
class Subject:
    """One side of a comparison.

    Args:
        label: what people call it.
        encoder: the adapter.
        settings: target kb/s -> settings.
        knobs: target kb/s -> where rate matching starts, where that is known.
    """

    label: str
    encoder: Encoder
    settings: Mapping[float, Settings]
    knobs: Mapping[float, float]


@dataclass(frozen=True)
class SideScores:
    """One side at one bitrate.

    Args:
        settings: what was encoded with.
        knob, bitrate_kbps: as matched over all clips.
        scores: metric name -> clip digest -> score.
        figures: clip digest -> artefact key -> figure.
        encode_s: CPU seconds of encoding all clips once.
    """

    settings: Settings
    knob: float
    bitrate_kbps: float
    scores: dict[str, dict[str, float]]
    figures: dict[str, dict[str, float]]
    encode_s: float


@dataclass(frozen=True)
class Comparison:
    """What came out at one bitrate.

    Args:
        target_kbps: the target.
        a, b: both sides; None where one of them cannot be matched or fails.
        gains: metric name -> how much better B scores, points.
        artefacts: artefact key -> how much better B is, in the unit that is shown.
        time_ratio: B's encode time over A's.
        by_clip: clip digest -> metric name -> how much better B scores.
        said: clip digest -> what differs from A to B, in a sentence.
        problem: why there is no comparison.
        left_out: clip digest -> why it is in no figure: neither side's encode can be scored.
    """

    target_kbps: float
    a: SideScores | None
    b: SideScores | None
    gains: dict[str, Estimate]
    artefacts: dict[str, Estimate]
    time_ratio: float | None
    by_clip: dict[str, dict[str, float]]
    said: dict[str, str]
    problem: str | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def lead(self) -> Estimate:
        """The gain by the first metric, which decides."""
        return next(iter(self.gains.values()))


def compare(
    a: Subject,
    b: Subject,
    bitrates_kbps: Sequence[float],
    clips: Sequence[ClipRef],
    executor: Executor,
    metrics: tuple[Scorer, ...],
    seed: int,
) -> list[Comparison]:
    """Compare at each bitrate.

    Args:
        a, b: the sides.
        bitrates_kbps: the targets.
        clips: at least `MIN_CLIPS`.
        executor: where jobs run; closed at once when this is interrupted.
        metrics: what decides (the model, usually), and judges.
        seed: of the bootstrap.

    Raises:
        TunerError: what ends everything and not only one bitrate.
    """
    # Bitrates side by side, so that one's last clips do not idle the cores.
    with ThreadPoolExecutor(len(bitrates_kbps), thread_name_prefix="bitrate") as pool:
        stage = _Stage(executor, clips, metrics)
        futures = [pool.submit(stage.hear, a, b, kbps) for kbps in bitrates_kbps]
        try:
            heard = [future.result() for future in futures]
        except BaseException:
            executor.close(cancel=True)
            raise
    return [
        Comparison(kbps, None, None, {}, {}, None, {}, {}, pair, left_out)
        if isinstance(pair, str)
        else replace(_compare(*pair, kbps, seed), left_out=left_out)
        for (pair, left_out), kbps in zip(heard, bitrates_kbps, strict=True)
    ]


@dataclass(frozen=True)
class _Stage:
    """Where the sides are heard."""

    executor: Executor
    clips: Sequence[ClipRef]
    metrics: tuple[Scorer, ...]

    def hear(
        self, a: Subject, b: Subject, kbps: float
    ) -> tuple[tuple[SideScores, SideScores] | str, dict[str, str]]:
        """A at the target, and B at what A spends, or why not; and which clips are left out.

        What can be scored with one side alone stays, and fails the other.
        """
        matched = self._match_both(a, b, kbps)
        if isinstance(matched, str):
            return matched, {}
        failed = [self._unscorable(*side, kbps) for side in zip((a, b), matched, strict=True)]
        left_out = {digest: why for digest, why in failed[0].items() if digest in failed[1]}
        kept = [clip for clip in self.clips if clip.digest not in left_out]
        if not left_out or len(kept) < MIN_CLIPS:
            return self._score_both(a, b, kbps, matched), {}
        stage = replace(self, clips=kept)
        matched = stage._match_both(a, b, kbps)
        if isinstance(matched, str):
            return matched, left_out
        return stage._score_both(a, b, kbps, matched), left_out

    def _match_both(self, a: Subject, b: Subject, kbps: float) -> tuple[RateMatch, RateMatch] | str:
        guess = a.knobs.get(kbps)
        first = self._match(a, kbps, kbps, guess, tolerance=TOLERANCE, near=NEAR)
        spent, guess = kbps, b.knobs.get(kbps)
        if isinstance(first, RateMatch):
            spent = first.kbps
            if _knob_of(a, kbps) == _knob_of(b, kbps):
                guess = first.knob
        second = self._match(b, kbps, spent, guess, tolerance=SAME, near=TOLERANCE)
        if isinstance(first, str) or isinstance(second, str):
            return _problem(a, b, first, second)
        return first, second

    def _score_both(
        self, a: Subject, b: Subject, kbps: float, matched: tuple[RateMatch, RateMatch]
    ) -> tuple[SideScores, SideScores] | str:
        one, other = self._score(a, kbps, matched[0]), self._score(b, kbps, matched[1])
        if isinstance(one, str) or isinstance(other, str):
            return _problem(a, b, one, other)
        return one, other

    def _unscorable(self, subject: Subject, match: RateMatch, kbps: float) -> dict[str, str]:
        job = (subject.encoder, subject.settings[kbps], match.knob, (*self.metrics, *METERS))
        return find_unscorable(self.executor, self.clips, *job)

    def _passes(self, subject: Subject, kbps: float) -> Passes:
        return Passes(subject.encoder, self.executor, self.clips, lambda _: None, kbps)

    def _match(
        self,
        subject: Subject,
        kbps: float,
        target_kbps: float,
        guess: float | None,
        *,
        tolerance: float,
        near: float,
    ) -> RateMatch | str:
        """Match within `tolerance`, or as near as it gets within `near`."""
        settings, passes = subject.settings[kbps], self._passes(subject, target_kbps)
        mode = find_rate_mode(subject.encoder, settings.rate_mode)
        try:
            match = match_rate(
                mode,
                target_kbps,
                lambda knob: passes.measure(settings, knob),
                first_guess(mode, kbps, ()) if guess is None else guess,
                tolerance,
            )
        except TRIAL_ERRORS as error:
            return f"{error.kind}: {error}"
        if isinstance(match, RateMatch):
            return match
        if abs(match.closest_kbps / target_kbps - 1) <= near:
            return RateMatch(match.closest_knob, match.closest_kbps, match.passes)
        return match.reason

    def _score(self, subject: Subject, kbps: float, match: RateMatch) -> SideScores | str:
        settings = subject.settings[kbps]
        try:
            outcomes = self._passes(subject, kbps).run(
                settings, match.knob, (*self.metrics, *METERS)
            )
        except TRIAL_ERRORS as error:
            return f"{error.kind}: {error}"
        scores = {digest: outcome.scores for digest, outcome in outcomes.items()}
        encode_s = sum(outcome.encoder_s for outcome in outcomes.values())
        return _heard(settings, match, scores, self.metrics, encode_s)


def _heard(
    settings: Settings,
    match: RateMatch,
    scores: Mapping[str, Mapping[str, Score]],
    metrics: Sequence[Scorer],
    encode_s: float,
) -> SideScores:
    by_metric = {m.name: {d: each[m.name].mean for d, each in scores.items()} for m in metrics}
    found = {digest: figures(each) for digest, each in scores.items()}
    return SideScores(settings, match.knob, match.kbps, by_metric, found, encode_s)


def _knob_of(subject: Subject, kbps: float) -> tuple[str, str]:
    """What the knob's values depend on for their meaning: the encoder and the rate mode."""
    return subject.encoder.name, subject.settings[kbps].rate_mode


def _problem(a: Subject, b: Subject, first: object, second: object) -> str:
    sides = (("A", a.label, first), ("B", b.label, second))
    return "; ".join(f"{x} ({label}): {why}" for x, label, why in sides if isinstance(why, str))


def _compare(a: SideScores, b: SideScores, kbps: float, seed: int) -> Comparison:
    by_clip = {
        digest: {name: b.scores[name][digest] - a.scores[name][digest] for name in a.scores}
        for digest in a.figures
    }
    gains = {
        name: paired_bootstrap([each[name] for each in by_clip.values()], seed) for name in a.scores
    }
    artefacts = {}
    for artefact in ARTEFACTS:
        improvements = [
            artefact.scale * artefact.improvement(a.figures[d][artefact.key], figure[artefact.key])
            for d, figure in b.figures.items()
        ]
        artefacts[artefact.key] = bootstrap_mean(np.array(improvements), seed)
    said = {digest: describe(a.figures[digest], b.figures[digest]) for digest in a.figures}
    ratio = b.encode_s / a.encode_s if a.encode_s > 0 else None
    return Comparison(kbps, a, b, gains, artefacts, ratio, by_clip, said)


def mean_of(side: SideScores, metric: str) -> float:
    """The mean score of a side, points."""
    return statistics.fmean(side.scores[metric].values())

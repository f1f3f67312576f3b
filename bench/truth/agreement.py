"""Agreement with the teachers among settings of one encoder at one measured bitrate.

Settings are random, the default among them, and rate-matched over all references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import rankdata, spearmanr

from bench.truth.coding import run_jobs, store
from bench.truth.pearson import SEEN_GOAL, pearson_rows
from bench.truth.references import SIDES, Reference
from bench.truth.table import Row
from tuner.encoder import Encoder, Settings, default_settings, find_rate_mode
from tuner.errors import EncoderError
from tuner.plugins import load_encoder
from tuner.quality.recipes import random_settings
from tuner.rate import RateMatch, first_guess, match_rate
from tuner.scorer import Scorer
from tuner.search.executors import Executor
from tuner.search.job import ClipRef, Job

#: Encoder -> kb/s: show-cases and controls (FACTS.md).
QUESTIONS = {
    "aac": (48.0, 64.0, 96.0),
    "lame": (64.0, 96.0, 128.0),
    "opus": (32.0, 48.0, 64.0),
    "vorbis": (64.0, 80.0, 128.0),
}
#: Settings that are tried for each that is wanted: some reach no bitrate.
TRIES = 5
#: The part of the settings among which winners are chosen.
BEST_SHARE = 0.4
PER_CLIP_GOAL, SET_MEAN_GOAL = 0.75, 0.85

#: Values ``[settings, references, 3]``.
Scores = np.ndarray
Measure = Callable[[np.ndarray, np.ndarray], float]  # of two [settings, references]


def agreement(
    references: Sequence[Reference],
    scorers: tuple[Scorer, ...],
    executor: Executor,
    work: Path,
    encoders: Sequence[str],
    count: int,
) -> list[Row]:
    """Rows of each side over all questions; a line for each question.

    Args:
        scorers: the model and the two teachers.
        work: where the references are stored for the workers.
        encoders: some of `QUESTIONS`.
        count: settings compared in each question.
    """
    clips = [store(reference, work / "clips") for reference in references]
    questions: dict[str, Scores] = {}
    for name in encoders:
        encoder = load_encoder(name)
        for kbps in QUESTIONS[name]:
            settings = _match_settings(encoder, kbps, count, clips, executor)
            if len(settings) < 3:
                print(f"{name}@{kbps:g}: only {len(settings)} settings reach it; left out")
                continue
            questions[f"{name}@{kbps:g}"] = _score(encoder, settings, clips, executor, scorers)
    rows = []
    for side in SIDES:
        columns = [r.side == side for r in references]
        if any(columns) and questions:
            part = {name: scores[:, columns] for name, scores in questions.items()}
            means = np.concatenate([scores.reshape(-1, 3) for scores in part.values()])
            rows += [*pearson_rows(f"{side}, matched", means, SEEN_GOAL), *_rank_rows(side, part)]
    return rows


def _match_settings(
    encoder: Encoder, kbps: float, count: int, clips: Sequence[ClipRef], executor: Executor
) -> list[tuple[Settings, float]]:
    """The default and random settings that reach `kbps` over the clips, with their knobs."""
    rng = np.random.default_rng(int(kbps))
    found: dict[Settings, float] = {}
    matched: dict[str, list[tuple[float, float]]] = {}
    seconds = sum(clip.duration_s for clip in clips)
    for attempt in range(TRIES * count):
        if len(found) == count:
            break
        modes = encoder.rate_modes
        settings = (
            random_settings(encoder, modes[int(rng.integers(len(modes)))], rng)
            if attempt
            else default_settings(encoder)
        )
        mode = find_rate_mode(encoder, settings.rate_mode)

        def measure(knob: float, settings: Settings = settings) -> float:
            jobs = [executor.submit(Job(encoder, settings, knob, clip)) for clip in clips]
            return sum(job.result().payload_bits for job in jobs) / seconds / 1000

        known = matched.setdefault(mode.name, [])
        try:
            match = match_rate(mode, kbps, measure, first_guess(mode, kbps, known))
        except EncoderError as error:  # fails a trial in a search, too
            print(f"{encoder.name}@{kbps:g}: left out: {error}")
            continue
        if isinstance(match, RateMatch):
            found[settings] = match.knob
            known.append((match.knob, match.kbps))
            print(f"{encoder.name}@{kbps:g}: {len(found)}/{count} settings", flush=True)
    return list(found.items())


def _score(
    encoder: Encoder,
    settings: Sequence[tuple[Settings, float]],
    clips: Sequence[ClipRef],
    executor: Executor,
    scorers: tuple[Scorer, ...],
) -> Scores:
    """All settings on all clips by all scorers; a setting that fails on one is left out."""
    jobs = [Job(encoder, s, k, clip, scorers) for s, k in settings for clip in clips]
    told = run_jobs(jobs, executor, f"scoring {encoder.name}")
    rows = [told[n : n + len(clips)] for n in range(0, len(told), len(clips))]
    whole = [[scores for scores in row if scores is not None] for row in rows]
    return np.array(
        [[[s.mean for s in scores] for scores in row] for row in whole if len(row) == len(clips)]
    )


def per_clip(a: np.ndarray, b: np.ndarray) -> float:
    """Mean over references of Spearman over settings; those where one is constant say nothing."""
    pairs = [(x, y) for x, y in zip(a.T, b.T, strict=True) if np.ptp(x) > 0 and np.ptp(y) > 0]
    return float(np.mean([spearmanr(x, y).statistic for x, y in pairs])) if pairs else float("nan")


def set_mean(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman over settings of the mean over references."""
    return float(spearmanr(a.mean(axis=1), b.mean(axis=1)).statistic)


def mean_rank(scores: Scores, of: Measure) -> np.ndarray:
    """Mean rank by the two teachers, within each reference or of the set mean."""
    taught = scores[..., 1:] if of is per_clip else scores[..., 1:].mean(axis=1, keepdims=True)
    return np.asarray(rankdata(taught, axis=0).mean(axis=2))


def _best(scores: Scores) -> Scores:
    """The settings that the two teachers together rank best over the set."""
    order = np.argsort(-mean_rank(scores, set_mean)[:, 0], kind="stable")
    return scores[order[: max(3, round(BEST_SHARE * len(scores)))]]


def _rank_rows(side: str, questions: dict[str, Scores]) -> Iterator[Row]:
    """Rank agreement, the mean over the questions and the least; ours with both, theirs with each
    other; then among the best settings, where ours meets each of them.
    """
    for of, what, goal in (
        (per_clip, "per clip", PER_CLIP_GOAL),
        (set_mean, "set mean", SET_MEAN_GOAL),
    ):
        both, others, best = [], [], []
        for name, scores in questions.items():
            ours, one, other = np.moveaxis(scores, 2, 0)
            both.append(of(ours, mean_rank(scores, of)))
            others.append(of(one, other))
            ours, one, other = np.moveaxis(_best(scores), 2, 0)
            best.append((of(ours, one), of(ours, other), of(one, other)))
            print(
                f"{side} {name} {what}: ours with both {both[-1]:.2f}, they with each other"
                f" {others[-1]:.2f} | best {BEST_SHARE:.0%}: ours with ViSQOL {best[-1][0]:.2f},"
                f" with Zimtohrli {best[-1][1]:.2f}, they {best[-1][2]:.2f}"
            )
        theirs = f"with the other {_mean_and_least(others)}"
        yield Row(
            f"{side}: Spearman {what}, with both; mean (least) of {len(both)} questions",
            f">= {goal}",
            (_mean_and_least(both), theirs, theirs),
        )
        visqol, zimtohrli, each_other = (_mean_and_least(column) for column in np.array(best).T)
        yield Row(
            f"{side}: the same among the best {BEST_SHARE:.0%}",
            "ours with each > they with each other",
            (
                f"with ViSQOL {visqol}, with Zimtohrli {zimtohrli}",
                f"with the other {each_other}",
                f"with the other {each_other}",
            ),
        )


def _mean_and_least(values: Sequence[float] | np.ndarray) -> str:
    return f"{np.nanmean(values):.2f} ({np.nanmin(values):.2f})"

"""Agreement with four metrics among settings of one encoder at one measured bitrate.

Settings are random, the default among them, and rate-matched over all references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import rankdata, spearmanr

from bench.truth.coding import run_jobs, store
from bench.truth.references import SIDES, Reference
from bench.truth.table import COLUMNS, Row
from tuner.encoder import Encoder, Settings, default_settings, find_rate_mode
from tuner.errors import EncoderError
from tuner.jobs.executor import Executor
from tuner.jobs.job import ClipRef, Job
from tuner.plugins import load_encoder
from tuner.rate import RateMatch, first_guess, match_rate
from tuner.scorer import Scorer
from tuner.training.recipes import random_settings

#: Encoder -> kb/s: show-cases and controls (FACTS.md).
QUESTIONS = {
    "aac": (48.0, 64.0, 96.0),
    "lame": (64.0, 96.0, 128.0),
    "opus": (32.0, 48.0, 64.0),
    "vorbis": (64.0, 80.0, 128.0),
    "twolame": (112.0, 128.0, 160.0),
}
#: Settings that are tried for each that is wanted: some reach no bitrate.
TRIES = 5
#: Ours with the mean rank of all four metrics, for each question, per clip and on the set mean.
GOAL = 0.8

#: Values ``[settings, references, 5]``.
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
        scorers: the model and the four metrics.
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
            rows += _rank_rows(side, part)
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


def mean_rank(metrics: Scores, of: Measure) -> np.ndarray:
    """Mean rank by some metrics, within each reference or of the set mean."""
    told = metrics if of is per_clip else metrics.mean(axis=1, keepdims=True)
    return np.asarray(rankdata(told, axis=0).mean(axis=2))


def _with_the_others(scores: Scores, of: Measure) -> list[float]:
    """Agreement of each column with the mean rank of the metrics besides it."""
    found = []
    for column in range(scores.shape[2]):
        others = [n for n in range(1, scores.shape[2]) if n != column]
        found.append(of(scores[..., column], mean_rank(scores[..., others], of)))
    return found


def _rank_rows(side: str, questions: dict[str, Scores]) -> Iterator[Row]:
    """Rank agreement: ours with the mean rank of all four metrics, each metric with the other
    three; a line for each question, the mean and the least of them as rows.
    """
    for of, what in ((per_clip, "per clip"), (set_mean, "set mean")):
        found = np.array([_with_the_others(scores, of) for scores in questions.values()])
        for name, told in zip(questions, found, strict=True):
            best = int(np.nanargmax(told[1:])) + 1
            print(
                f"{side} {name} {what}: ours with all four {told[0]:.2f}; best single metric"
                f" {COLUMNS[best]} with the other three {told[best]:.2f}"
            )
        above = np.mean(found[:, 0] > np.nanmax(found[:, 1:], axis=1))
        yield Row(
            f"{side}: Spearman {what}, ours with the mean rank of four, each metric with the other"
            f" three; mean (least) of {len(found)} questions",
            f">= {GOAL} in each, above the best metric (in {above:.0%})",
            tuple(_mean_and_least(column) for column in found.T),
        )


def _mean_and_least(values: Sequence[float] | np.ndarray) -> str:
    return f"{np.nanmean(values):.2f} ({np.nanmin(values):.2f})"

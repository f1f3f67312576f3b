"""What a run would cost, from one clip encoded and scored once: an estimate, said as such."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.answer.ablation import MOST_SETTINGS
from tuner.answer.validation import FINALISTS
from tuner.driver.default_points import default_points
from tuner.encoder import Settings, find_rate_mode
from tuner.jobs.cache import Cache
from tuner.jobs.job import ClipRef, Job, run_job
from tuner.rate import first_guess

if TYPE_CHECKING:
    from tuner.driver.parts import Parts
    from tuner.sound.clips import Clip

#: Encode passes per trial that the search keeps to at most on average
#: (tests/…/test_loop_pruning.py); pruning makes them fewer.
PASSES = 1.5
#: The bitrate of a target of quality, before the default tells it, kb/s; passes of a match to it.
UNKNOWN_KBPS, USUAL_PASSES = 96.0, 4


@dataclass(frozen=True)
class Forecast:
    """What is left to do, at most.

    Args:
        trials: trials left, over all bitrates; None with a budget in hours only.
        encodes, scores: how many.
        search_s, validation_s: wall-clock seconds; the ablation is part of validation.
        disk_bytes: clips and cache.
    """

    trials: int | None
    encodes: int
    scores: int
    search_s: float
    validation_s: float
    disk_bytes: int


def forecast(
    parts: Parts,
    workers: int,
    done: int = 0,
    progress: Callable[[int, int, str], None] = lambda *_: None,
) -> Forecast:
    """Measure one job, and multiply.

    Args:
        parts: the run.
        workers: jobs at once.
        done: trials that earlier sessions finished, over all bitrates.
        progress: told (done, total, what is measured) of the steps.

    Raises:
        TunerError: the encoder's default or a scorer fails on the clip.
    """
    spec = parts.spec
    tune, holdout = len(parts.clips.tune), len(parts.clips.holdout)
    cost = _measure(parts, progress)
    trial_s = tune * (PASSES * cost.encode_s + cost.score_s) / workers
    trials = None if spec.trials is None else max(spec.trials * spec.searches - done, 0)
    search_s = float("inf") if trials is None else trials * trial_s
    if spec.hours is not None and spec.hours * 3600 < search_s:
        search_s = spec.hours * 3600
    count = search_s / trial_s
    heard = spec.searches * (FINALISTS + 1) * (tune + holdout)
    heard += len(default_points(spec.bitrates_kbps or [UNKNOWN_KBPS])) * holdout
    heard += len(spec.goals) * USUAL_PASSES * ((FINALISTS + 2) * tune + 2 * holdout)
    settings = min(len(parts.encoder.parameters), MOST_SETTINGS) * spec.search.ablation
    ablated = spec.searches * settings * tune
    clips_bytes = sum(clip.pcm.nbytes for clip in parts.clips.clips)
    encodes = round(count * tune * PASSES) + heard + round(ablated * PASSES)
    disk = encodes * cost.entry_bytes
    if spec.cache_gb is not None:
        disk = min(disk, round(spec.cache_gb * 1e9))
    return Forecast(
        trials=trials,
        encodes=encodes,
        scores=round(count * tune) + heard * (1 + len(parts.judges)) + ablated,
        search_s=search_s,
        validation_s=(
            heard * (cost.encode_s + cost.score_s + cost.judge_s)
            + ablated * (PASSES * cost.encode_s + cost.score_s)
        )
        / workers,
        disk_bytes=clips_bytes + disk,
    )


@dataclass(frozen=True)
class _Cost:
    """Seconds of one clip, and bytes on disk of one encode with its score."""

    encode_s: float
    score_s: float
    judge_s: float
    entry_bytes: int


def _measure(parts: Parts, progress: Callable[[int, int, str], None]) -> _Cost:
    """One clip of middle length through the default at the middle bitrate.

    The second run is taken: the first one loads libraries, which a night does once.
    """
    by_length = sorted(parts.clips.tune, key=lambda clip: clip.duration_s)
    kbps = statistics.median_low(parts.spec.bitrates_kbps or [UNKNOWN_KBPS])
    settings = parts.space().defaults()[0]
    mode = find_rate_mode(parts.encoder, settings.rate_mode)
    knob = mode.snap(first_guess(mode, kbps, ()))
    with tempfile.TemporaryDirectory(prefix="tuner-") as name:
        clip = _store(by_length[len(by_length) // 2], Path(name))
        times = []
        for attempt, what in enumerate(("loading the metrics", "one clip, timed")):
            progress(attempt, 2, what)
            times.append(_time(parts, settings, knob, clip, Cache(Path(name) / str(attempt))))
        progress(2, 2, "")
        size = Cache(Path(name) / "1").size()
    return _Cost(*times[1], entry_bytes=size)


def _time(
    parts: Parts, settings: Settings, knob: float, clip: ClipRef, cache: Cache
) -> tuple[float, float, float]:
    """Wall-clock seconds of encoding, of decoding and the model's score, of the judges."""
    clocks = [time.perf_counter()]
    steps: Sequence[tuple[object, ...]] = ((), (parts.scorer,), parts.judges)
    for scorers in steps:
        run_job(Job(parts.encoder, settings, knob, clip, tuple(scorers)), cache)  # type: ignore[arg-type]
        clocks.append(time.perf_counter())
    encode, score, judge = np.diff(clocks)
    return float(encode), float(score), float(judge)


def _store(clip: Clip, folder: Path) -> ClipRef:
    path = folder / "clip.npy"
    np.save(path, clip.pcm)
    return ClipRef(clip.digest, str(path), clip.channels, clip.duration_s, clip.rate)

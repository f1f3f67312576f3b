"""`tuner.score`: the command `tuner score` for arrays."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tuner.errors import TunerError
from tuner.library.arrays import Samples, check_rate, to_pcm
from tuner.metric import Metric
from tuner.records import MODEL
from tuner.scorer import FAMILIES
from tuner.sound.pairs import align_signals
from tuner.sound.surround import score_signal


@dataclass(frozen=True)
class Scored:
    """What a coded signal scores, and how it lay against its reference. `float()` gives the score.

    Args:
        score: by the first metric that was asked, 0 to 100, higher is better.
        spread: its standard deviation; 0 where the metric has none.
        scores: metric name -> score, of all that were asked.
        families: family of metrics -> what the quality model expects it to say, 0 to 100; empty
            where another metric comes first.
        windows: scores of consecutive windows of 3 s, the last of which ends with the signal.
        delay: samples at 48 kHz that the coded signal was late; it is removed before scoring.
        correlation: of the aligned signals, 0 to 1.
        inverted: whether its polarity was inverted; it is put right before scoring.
        notes: what else was found, in whole phrases.
        pair: of more than two channels, the stereo pair that scores lowest ("front", "surround",
            "back") and is what all scores by the first metric are of; else empty.
    """

    score: float
    spread: float
    scores: Mapping[str, float]
    families: Mapping[str, float]
    windows: tuple[float, ...] = field(repr=False)
    delay: float
    correlation: float
    inverted: bool
    notes: tuple[str, ...] = ()
    pair: str = ""

    def __float__(self) -> float:
        return self.score


def score(
    reference: Samples,
    coded: Samples,
    sample_rate: float,
    *,
    coded_rate: float | None = None,
    metrics: Sequence[str] = (MODEL,),
    weights: str | Path | None = None,
    device: str = "auto",
) -> Scored:
    """Score a coded signal against its reference, as `tuner score` does.

    Both are brought to 48 kHz; the codec's delay, up to two seconds to either side, is measured
    and removed.

    Args:
        reference, coded: samples of NumPy or torch, 1-D (mono), ``[C, T]`` or ``[T, C]`` with one
            to eight channels (`tuner.layout`); floats of nominal range ±1, or integers of full
            scale. The coded signal may have another length.
        sample_rate: of both, Hz.
        coded_rate: of the coded signal, Hz, where it has another.
        metrics: names or TOML files of what scores (`tuner metrics` lists them).
        weights: of the quality model; None for the shipped ones.
        device: of the quality model: "cpu", "cuda", "cuda:1", or "auto".

    Raises:
        ClipError: an array cannot be scored, or the rate is none.
        EncoderError: the coded signal is silent, too short, or does not line up.
        MetricError, StudyError, WeightsError: there is no such metric, device or weights.
        ScoreError: a metric finds no score.
    """
    scorers = _load(tuple(metrics), None if weights is None else str(weights), device)
    return _score(reference, coded, sample_rate, coded_rate, scorers)


def score_all(
    pairs: Iterable[tuple[Samples, Samples]],
    sample_rate: float,
    *,
    coded_rate: float | None = None,
    metrics: Sequence[str] = (MODEL,),
    weights: str | Path | None = None,
    device: str = "auto",
) -> list[Scored | TunerError]:
    """Score many (reference, coded) pairs, each as `score` does; progress goes to stderr.

    A reference that comes again costs less. A pair that cannot be scored is an error in its place,
    beside the others' scores.

    Raises:
        MetricError, StudyError, WeightsError: there is no such metric, device or weights.
    """
    from tuner.cli.display.progress import progress_bar

    scorers = _load(tuple(metrics), None if weights is None else str(weights), device)
    listed = list(pairs)
    results: list[Scored | TunerError] = []
    with progress_bar("scoring") as update:
        for reference, coded in listed:
            try:
                results.append(_score(reference, coded, sample_rate, coded_rate, scorers))
            except TunerError as error:
                results.append(error)
            update(len(results), len(listed), "")
    return results


@functools.lru_cache(maxsize=8)
def _load(names: tuple[str, ...], weights: str | None, device: str) -> tuple[Metric, ...]:
    from tuner.cli.commands.score import make_scorers

    return make_scorers(device, False, None if weights is None else Path(weights), ",".join(names))


def _score(
    reference: Samples,
    coded: Samples,
    sample_rate: float,
    coded_rate: float | None,
    scorers: Sequence[Metric],
) -> Scored:
    rates = [check_rate(sample_rate if r is None else r) for r in (sample_rate, coded_rate)]
    signals = [to_pcm(reference, "reference"), to_pcm(coded, "coded signal")]
    original, aligned, alignment = align_signals((signals[0], rates[0]), (signals[1], rates[1]))
    found = {scorer.name: score_signal(scorer, original, aligned) for scorer in scorers}
    first = next(iter(found.values()))
    return Scored(
        score=first.mean,
        spread=first.spread,
        scores={name: each.mean for name, each in found.items()},
        families=dict(zip(FAMILIES, first.families, strict=False)),
        windows=first.windows,
        delay=alignment.delay + alignment.fraction,
        correlation=abs(alignment.correlation),
        inverted=alignment.inverted,
        notes=alignment.notes,
        pair=first.pair,
    )

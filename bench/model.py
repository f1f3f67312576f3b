"""Figures of the quality model on clips that it never saw (tune and holdout side).

    python -m bench.model --clips CLIPS --work WORK [--workers 2]

Makes, once, into the work folder (resumable): for each of three encoders at one bitrate a
set of random settings, rate-matched over the clips to 1 %, encoded and labelled by ViSQOL and
Zimtohrli. Then prints: correlation with each teacher; rank agreement within a clip at equal
bitrate, beside what the two teachers reach with each other; pre-echo; mono downmix;
identity, gain, polarity; speed beside both teachers in the same run.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
from scipy.stats import pearsonr, rankdata, spearmanr

from tuner.audio import lowpass
from tuner.clips import Clip, Excerpting, load_clips, store_clips
from tuner.encoder import Encoder, Settings, default_settings
from tuner.errors import EncoderError
from tuner.plugins import load_encoder
from tuner.quality import degrade
from tuner.quality.dataset import random_settings
from tuner.quality.scorer import InseNetScorer
from tuner.quality.teachers import VisqolScorer, ZimtohrliScorer, side_level_db
from tuner.rate import RateMatch, first_guess, match_rate
from tuner.scorer import Scorer
from tuner.search.executors import Executor, make_executor
from tuner.search.job import ClipRef, Job
from tuner.synth import synthesize

MODEL, VISQOL, ZIMTOHRLI = InseNetScorer(), VisqolScorer(), ZimtohrliScorer()
TEACHERS = ("visqol", "zimtohrli")
#: (encoder, kb/s): the show-case, a middle one, the control (FACTS).
QUESTIONS = (("aac", 64.0), ("lame", 96.0), ("opus", 48.0))
#: Clips are cut to this for the bench: ViSQOL takes most of the time.
EXCERPT_S = 5.0

Scores = dict[str, np.ndarray]  # metric -> [settings, clips]


def refs(clips: list[Clip], work: Path) -> list[ClipRef]:
    """The clips as the jobs want them."""
    return [
        ClipRef(c.digest, str(work / "clips" / f"{c.digest}.npy"), c.channels, c.duration_s)
        for c in clips
    ]


def matched_settings(
    encoder: Encoder, kbps: float, count: int, clips: list[ClipRef], executor: Executor
) -> list[tuple[Settings, float]]:
    """The default and random settings that reach `kbps` over the clips, with their knobs."""
    rng = np.random.default_rng(int(kbps))
    found: list[tuple[Settings, float]] = []
    seconds = sum(c.duration_s for c in clips)
    while len(found) < count:
        modes = encoder.rate_modes
        mode = modes[int(rng.integers(len(modes)))] if found else modes[0]
        settings = random_settings(encoder, mode, rng) if found else default_settings(encoder)

        def measure(knob: float, settings: Settings = settings) -> float:
            jobs = [executor.submit(Job(encoder, settings, knob, c)) for c in clips]
            return sum(j.result().payload_bits for j in jobs) / seconds / 1000

        match = match_rate(mode, kbps, measure, first_guess(mode, kbps, []))
        if isinstance(match, RateMatch):
            found.append((settings, match.knob))
            print(f"  {encoder.name}@{kbps:g}: {len(found)}/{count}", flush=True)
    return found


def score_all(
    encoder: Encoder,
    settings: list[tuple[Settings, float]],
    clips: list[ClipRef],
    executor: Executor,
    scorers: tuple[Scorer, ...],
) -> Scores:
    """Scores of all settings on all clips by all scorers (through the cache)."""
    jobs = [[executor.submit(Job(encoder, s, k, c, scorers)) for c in clips] for s, k in settings]
    outcomes = []
    for row in jobs:
        try:
            outcomes.append([job.result() for job in row])
        except EncoderError as error:  # fails a trial in a search, too
            print(f"  left out: {error}")
    return {
        s.name: np.array([[o.scores[s.name].mean for o in row] for row in outcomes])
        for s in scorers
    }


def mean_within_clip(a: np.ndarray, b: np.ndarray) -> float:
    """Mean over clips of Spearman's rank correlation over settings."""
    return float(np.nanmean([spearmanr(x, y).statistic for x, y in zip(a.T, b.T, strict=True)]))


def best_part(scores: Scores, share: float = 0.4) -> Scores:
    """Only the settings that the two teachers together rank among the best."""
    ranks = sum(rankdata(scores[t].mean(axis=1)) for t in TEACHERS)
    keep = np.argsort(-np.asarray(ranks))[: max(3, round(share * len(scores[TEACHERS[0]])))]
    return {name: values[keep] for name, values in scores.items()}


def print_agreement(name: str, scores: Scores) -> None:
    """Rank agreement at equal bitrate: per clip, of the set mean, and of the best 40 %."""
    both = np.mean([np.apply_along_axis(rankdata, 0, scores[t]) for t in TEACHERS], axis=0)
    model, (one, other) = scores["insenet"], (scores[t] for t in TEACHERS)
    best = best_part(scores)

    def set_mean(a: np.ndarray, b: np.ndarray) -> float:
        return float(spearmanr(a.mean(axis=1), b.mean(axis=1)).statistic)

    print(
        f"{name:10s} per clip: with both {mean_within_clip(model, both):.2f},"
        f" ViSQOL {mean_within_clip(model, one):.2f},"
        f" Zimtohrli {mean_within_clip(model, other):.2f},"
        f" they with each other {mean_within_clip(one, other):.2f} | set mean: with both"
        f" {set_mean(model, both):.2f}, each other {set_mean(one, other):.2f} | best 40 %:"
        f" ViSQOL {set_mean(best['insenet'], best['visqol']):.2f},"
        f" Zimtohrli {set_mean(best['insenet'], best['zimtohrli']):.2f},"
        f" each other {set_mean(best['visqol'], best['zimtohrli']):.2f}"
    )


def print_correlations(questions: dict[str, Scores], clips: list[Clip]) -> None:
    """Pearson and Spearman over all coded clips of all encoders and bitrates, with the anchors."""
    pooled = {
        name: np.concatenate([scores[name].ravel() for scores in questions.values()])
        for name in ("insenet", *TEACHERS)
    }
    anchors: dict[str, list[float]] = {name: [] for name in pooled}
    for clip, cutoff in itertools.product(clips, (3500.0, 7000.0)):
        coded = lowpass(clip.pcm, cutoff)
        for scorer in (MODEL, VISQOL, ZIMTOHRLI):
            anchors[scorer.name].append(scorer.score(clip.pcm, coded).mean)
    for teacher in TEACHERS:
        for what, values in (
            ("coded", pooled),
            ("coded and anchors", {n: np.append(pooled[n], anchors[n]) for n in pooled}),
        ):
            a, b = values["insenet"], values[teacher]
            print(
                f"with {teacher:9s} {what:18s} Pearson {pearsonr(a, b).statistic:.3f},"
                f" Spearman {spearmanr(a, b).statistic:.3f} ({len(a)} pairs)"
            )
    spread = np.abs(pooled["insenet"] - (pooled["visqol"] + pooled["zimtohrli"]) / 2)
    print(f"mean absolute error against the mean opinion: {spread.mean():.2f} points")


def print_pre_echo(clips: list[Clip]) -> None:
    """Fall of the score by a synthetic pre-echo, 20 dB under the attack."""
    signals = {c.name: c.pcm for c in clips if "castanets" in c.name}
    signals |= {f"synthetic castanets {s}": synthesize("castanets", s, 6.0) for s in (1, 2, 3)}
    for name, pcm in signals.items():
        falls = []
        for length in (5.0, 10.0, 20.0):
            coded = degrade.pre_echo(pcm, length, -20.0, np.random.default_rng(0))
            fall = [100 - s.score(pcm, coded).mean for s in (MODEL, VISQOL, ZIMTOHRLI)]
            falls.append(f"{length:g} ms -{fall[0]:.1f} (V -{fall[1]:.1f}, Z -{fall[2]:.1f})")
        print(f"pre-echo on {name}: {'; '.join(falls)}")


def print_invariances(clips: list[Clip]) -> None:
    """Mono downmix of wide clips; identity, gain and polarity on all."""
    for clip in clips:
        if clip.channels == 2 and side_level_db(clip.pcm) > -10:
            fall = 100 - MODEL.score(clip.pcm, degrade.narrow(clip.pcm, 0.0)).mean
            print(
                f"mono downmix of {clip.name} (side {side_level_db(clip.pcm):.0f} dB): -{fall:.1f}"
            )
    for what, factor in (("identity", 1.0), ("gain -1 dB", 10 ** (-1 / 20)), ("polarity", -1.0)):
        worst = min(MODEL.score(c.pcm, (c.pcm * factor).astype(np.float32)).mean for c in clips)
        print(f"{what}: worst score {worst:.2f}")


def print_speed(clips: list[Clip]) -> None:
    """Times real time on one core, on references never met before and on known ones.

    A search meets known ones: model and ViSQOL remember a reference's spectrograms.
    """
    import torch

    torch.set_num_threads(1)
    stereo = [c.pcm for c in clips if c.channels == 2][:8]
    seconds = sum(pcm.shape[1] / 48_000 for pcm in stereo)
    for what, gain, cutoff in (("new", 0.99, 15_000.0), ("known", 0.99, 14_000.0)):
        references = [(pcm * gain).astype(np.float32) for pcm in stereo]
        coded = [lowpass(pcm, cutoff) for pcm in references]
        rates = {}
        for scorer in (MODEL, VISQOL, ZIMTOHRLI):
            scorer.score(stereo[0], stereo[0])  # loads, compiles
            start = time.process_time()
            for reference, signal in zip(references, coded, strict=True):
                scorer.score(reference, signal)
            rates[scorer.name] = seconds / (time.process_time() - start)
        model = rates["insenet"]
        print(
            f"{what} references:",
            ", ".join(f"{name} {rate:.1f}x real time" for name, rate in rates.items()),
            f"| model against ViSQOL {model / rates['visqol']:.1f}x,"
            f" Zimtohrli {model / rates['zimtohrli']:.1f}x",
        )


def main() -> None:
    """Parse the arguments, make the data, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--settings", type=int, default=8)
    parser.add_argument("--labels-only", action="store_true", help="make the data, then stop")
    parser.add_argument("--speed-only", action="store_true", help="print the speed, then stop")
    arguments = parser.parse_args()
    clip_set = load_clips(arguments.clips, Excerpting(duration_s=EXCERPT_S))
    if arguments.speed_only:
        print_speed(list(clip_set.clips))
        return
    store_clips(clip_set, arguments.work / "clips")
    executor = make_executor(
        "local", workers=arguments.workers, cache_folder=arguments.work / "cache"
    )
    scorers = (VISQOL, ZIMTOHRLI) if arguments.labels_only else (MODEL, VISQOL, ZIMTOHRLI)
    sides = {"tune": list(clip_set.tune), "holdout": list(clip_set.holdout)}
    everything = refs([*sides["tune"], *sides["holdout"]], arguments.work)
    questions: dict[str, Scores] = {}
    for name, kbps in QUESTIONS:
        encoder = load_encoder(name)
        settings = matched_settings(encoder, kbps, arguments.settings, everything, executor)
        questions[f"{name}@{kbps:g}"] = score_all(encoder, settings, everything, executor, scorers)
    executor.close()
    if arguments.labels_only:
        return
    half = len(sides["tune"])
    for side, columns in (("tune", slice(0, half)), ("holdout", slice(half, None))):
        print(f"== {side} side ({len(sides[side])} clips)")
        part = {q: {n: v[:, columns] for n, v in s.items()} for q, s in questions.items()}
        print_correlations(part, sides[side])
        for question, scores in part.items():
            print_agreement(question, scores)
        print_pre_echo(sides[side])
        print_invariances(sides[side])
    print_speed([*sides["tune"], *sides["holdout"]])


if __name__ == "__main__":
    main()

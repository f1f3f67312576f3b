"""The parts of the bench that search real clips with a real encoder and the shipped model."""

from __future__ import annotations

import itertools
import resource
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.search.rig import Searched, Setup, cores, run, side_clips, tune_clips
from tuner.model.scorer import InseNetScorer
from tuner.study.spec import Sampler

#: Encoder and kb/s where there is something to find.
FINDABLE = {
    "lame-ffmpeg": 64.0,
    "aac": 64.0,
    "ac3": 96.0,
    "twolame": 128.0,
    "opus-ffmpeg": 32.0,
}
SEEDS = (0, 1, 2, 3, 4)
#: Encoders whose pruning is measured, and the seeds of their searches with pruning.
PRUNED, PRUNED_SEEDS = ("lame-ffmpeg", "aac"), (0, 1, 2)
#: Encoders that cost little more than a score.
CHEAP = ("opus", "ac3")
#: Share of the best gain known that a search must reach.
REACHED = 0.95


@dataclass(frozen=True)
class Site:
    """Where the bench works."""

    clips: Path
    out: Path

    def setup(self, encoder: str, kbps: float, trials: int, name: str) -> Setup:
        """A search of its own folder and cache."""
        clips = tune_clips(self.clips, self.out / "clips")
        return Setup(encoder, kbps, trials, self.out / name, clips, InseNetScorer())


def overhead(site: Site) -> None:
    """Wall time over pure encode and decode time, lame at 96 kb/s, 100 trials."""
    _overhead(site, "lame", 1.10)


def cheap(site: Site) -> None:
    """The same with encoders that take a tenth of a second or less for a clip."""
    for encoder in CHEAP:
        _overhead(site, encoder, 1.5)


def _overhead(site: Site, encoder: str, goal: float) -> None:
    setup = replace(site.setup(encoder, 96, 100, f"overhead-{encoder}"), workers=cores())
    before = cpu_s(resource.RUSAGE_SELF), cpu_s(resource.RUSAGE_CHILDREN)
    found = run(setup)
    t, count = found.session, setup.workers
    driver = cpu_s(resource.RUSAGE_SELF) - before[0]
    ours = cpu_s(resource.RUSAGE_CHILDREN) - before[1] - t.encode_s - t.decode_s - t.score_s
    pure = (t.encode_s + t.decode_s) / count
    busy = pure + (t.score_s + driver + ours) / count
    pruned = sum(r.timing.scores for r in found.results if r.record.state == "pruned")
    print(
        f"overhead, {encoder} at 96: {t.wall_s / pure:.2f} (goal {goal}): wall {t.wall_s:.0f} s;"
        f" CPU per worker: {t.encodes} encodes {t.encode_s / count:.1f} s, decode and align"
        f" {t.decode_s / count:.1f}, {t.scores} scores {t.score_s / count:.1f} ({pruned} of them of"
        f" pruned trials), workers' own"
        f" {ours / count:.1f}, driver {driver / count:.1f}; waiting or lent {t.wall_s - busy:.1f};"
        f" {busy / pure:.2f} by CPU time alone; {found.states()}; {found.passes():.2f} encode"
        " passes a trial after ten (goal 1.5)",
        flush=True,
    )


def cpu_s(who: int) -> float:
    """CPU seconds of this process, or of its children that have ended (`resource`)."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def workers(site: Site) -> None:
    """Local, one worker against two, from when they have started."""
    walls = []
    for count in (1, 2):
        setup = replace(site.setup("lame", 96, 30, f"workers-{count}"), workers=count, warm=True)
        walls.append(run(setup).timing.wall_s)
    print(
        f"workers: 1 -> 2 is {walls[0] / walls[1]:.2f} x (goal 1.9):"
        f" {walls[0]:.0f}, {walls[1]:.0f} s",
        flush=True,
    )


def ray(site: Site) -> None:
    """Ray against local, 200 trials, from when both have started.

    With an encoder so cheap that what Ray adds to each job shows.
    """
    walls = []
    for executor in ("local", "ray"):
        setup = site.setup("ac3", 96, 200, f"executor-{executor}")
        found = run(replace(setup, workers=cores(), executor=executor, warm=True))
        walls.append(found.timing.wall_s)
    print(
        f"ray, ac3 at 96: {walls[1] / walls[0]:.3f} x local (goal 1.05):"
        f" {walls[0]:.0f}, {walls[1]:.0f} s",
        flush=True,
    )


def prune(site: Site, encoder: str) -> None:
    """Encodes with pruning against without, 100 trials, and what both find.

    With pruning by several seeds: which settings a search happens on moves its best, too.
    """
    kbps, cache = FINDABLE[encoder], site.out / "prune-cache"
    setup = site.setup(encoder, kbps, 100, f"prune-{encoder}-False")
    whole = run(replace(setup, prune=False, cache=cache))
    # Trials share encodes through the cache: what each would have encoded is in its passes.
    passes = sum(r.record.passes for r in whole.results)
    for seed in PRUNED_SEEDS:
        setup = site.setup(encoder, kbps, 100, f"prune-{encoder}-True-{seed}")
        found = run(replace(setup, seed=seed, cache=cache))
        share = sum(r.record.passes for r in found.results) / passes
        print(
            f"prune, {encoder} at {kbps:g}, seed {seed}: {share:.2f} of the encodes (goal 0.45),"
            f" best {found.best():.2f} against {whole.best():.2f} (goal within 0.2);"
            f" {found.states()}; passes after ten {found.passes():.2f},"
            f" without pruning {whole.passes():.2f}",
            flush=True,
        )


def tpe(site: Site, encoder: str) -> None:
    """Trials until most of the best gain known is found, TPE against random search.

    On every fourth held-out clip, on which no constant of the search was chosen: how many trials
    it takes does not hang on how many clips there are.
    """
    samplers: tuple[Sampler, ...] = ("tpe", "random")
    kbps, clips = FINDABLE[encoder], side_clips(site.clips, site.out / "clips", "holdout")[::4]
    found = {}
    for seed, sampler in itertools.product(SEEDS, samplers):
        setup = site.setup(encoder, kbps, 100, f"tpe-{encoder}-{sampler}-{seed}")
        cache = site.out / f"tpe-cache-{encoder}"
        found[sampler, seed] = run(
            replace(setup, clips=clips, sampler=sampler, seed=seed, cache=cache)
        )
        if sampler == samplers[-1]:
            _print_tpe(found, f"{encoder} at {kbps:g}")


def _print_tpe(found: Mapping[tuple[Sampler, int], Searched], what: str) -> None:
    """The figure of the seeds that have finished."""
    best = max(each.best() for each in found.values())
    needed: dict[Sampler, list[int]] = {}
    for (sampler, _), each in found.items():
        needed.setdefault(sampler, []).append(_trials_to(each, best))
    ratio = statistics.fmean(needed["tpe"]) / statistics.fmean(needed["random"])
    print(
        f"tpe, {what}: {ratio:.2f} of random's trials (goal 0.33): {needed}",
        flush=True,
    )


def again(site: Site) -> None:
    """A second identical run in another folder: all from the cache."""
    first = site.setup("lame-ffmpeg", 96, 40, "again-1")
    run(first)
    again_ = replace(first, folder=site.out / "again-2", cache=first.folder / "cache")
    second = run(again_)
    print(
        f"again: {second.session.encodes} encodes, {second.session.scores} scores (goal 0),"
        f" {second.session_s:.1f} s (goal 10); delete {again_.folder} to repeat"
    )


def _trials_to(found: Searched, best: float) -> int:
    """Trials until 95 % of the best gain known; one more than there were where it is missed."""
    default = found.results[0].objective
    assert default is not None
    wanted = default + REACHED * (best - default)
    for count in range(1, len(found.results) + 1):
        if found.best(count) >= wanted:
            return count
    return len(found.results) + 1

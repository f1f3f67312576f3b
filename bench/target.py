"""Targets of quality: how near the answers are to the truth, and what they cost.

    python -m bench.target accuracy --clips CLIPS [--count 3] [--encoders opus,aac,lame,vorbis]
    python -m bench.target files --clips CLIPS [MORE …] [--count 3] [--encoders opus] [--target 85]
    python -m bench.target run --clips CLIPS [--count 3] [--encoders aac] [--target 80]

CLIPS is a folder of lossless sound (`files` takes several). One core is used; figures go to
stdout as they come.

- accuracy: the bitrate that quality matching finds for the default against a dense sweep around
  it (every kb/s; every step where the encoder has a table), and the passes that it took.
- files: `tuner find-rate` on files of three minutes, made by joining the folder's sounds, against
  scoring the whole files at six bitrates (six times one pass): what the file spends at the rate
  parameter that was found over what it spends at the one that the whole file needs; CPU time.
- run: `tuner run --target-quality` on as many clips to tune on as held out, without judges: what
  the target adds to the cost of the same search at a fixed bitrate (encodes and scores that were
  computed, and CPU time of jobs), the answer, and a ladder of four rungs from that run.

The truth is where the isotonic fit of a sweep crosses the target (`tuner.crossing`).
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import soundfile

from tuner.cli.commands.run import load_metrics
from tuner.crossing import find_crossing
from tuner.driver.parts import Parts
from tuner.driver.run import run_study
from tuner.encoder import Encoder, default_settings
from tuner.jobs.cache import Cache
from tuner.jobs.executor import Executor, make_executor
from tuner.jobs.job import ClipRef, Job, Outcome
from tuner.jobs.passes import Passes, spent_kbps
from tuner.plugins import load_encoder
from tuner.quality_match import QualityMatch
from tuner.records import Answer
from tuner.rundir.folder import open_run
from tuner.scorer import Scorer
from tuner.sound.audio import SAMPLE_RATE, read_audio, resample
from tuner.sound.clips import load_clips
from tuner.sound.excerpts import Excerpting
from tuner.study.goal import Goal
from tuner.study.objective import DEFAULT_OBJECTIVE
from tuner.study.spec import ClipsSpec, SearchSpec, StudySpec
from tuner.target.excerpts import EXCERPT_S, cut_excerpts
from tuner.target.ladder import Source, Wanted, build_ladder
from tuner.target.needed import find_needed
from tuner.target.per_title import Finder, knob_between, start_knob
from tuner.testing import AtOnce
from tuner.updates import BitrateFinished, PhaseStarted, Update

TARGETS = (70.0, 80.0, 90.0)
#: The sweep reaches this far to either side of what was found, as a fraction; with a table further,
#: as its steps are wide.
REACH, TABLE_REACH = 0.04, 0.3
#: Length of the files, s, and at how many bitrates they would be scored whole.
FILE_S, BITRATES = 180.0, 6


def measure_accuracy(folder: Path, count: int, encoders: Sequence[str]) -> None:
    """Print found, true and passes of each encoder and target."""
    scorer, _ = load_metrics(None, ())
    with tempfile.TemporaryDirectory() as name:
        clips = _clips(folder, Path(name), count)
        executor = AtOnce(Cache(Path(name) / "cache"))
        print(f"accuracy: {len(clips)} clips of {EXCERPT_S:g} s, {DEFAULT_OBJECTIVE}")
        print("encoder target   found   swept     off passes points")
        for encoder_name in encoders:
            encoder = load_encoder(encoder_name)
            for target in TARGETS:
                _accuracy_of(encoder, Goal(target), scorer, clips, executor)


def _accuracy_of(
    encoder: Encoder, goal: Goal, scorer: Scorer, clips: list[ClipRef], executor: Executor
) -> None:
    settings, mode = default_settings(encoder), encoder.rate_modes[0]
    bench = Passes(encoder, executor, clips, lambda _: None, 0.0)
    guess = start_knob(encoder, settings)
    needed = find_needed(bench, settings, goal, scorer, DEFAULT_OBJECTIVE, guess)
    match = needed.match
    if not isinstance(match, QualityMatch):
        print(f"{encoder.name:8}{goal.quality:6g} {match.reason}", flush=True)
        return
    passes = bench.count
    swept = []
    for knob in _sweep(needed.probe.point.knob, match.point.kbps, encoder):
        outcomes = list(bench.run(settings, knob, (scorer,)).values())
        scores = [outcome.scores[scorer.name] for outcome in outcomes]
        quality = goal.reached(goal.values(scores, DEFAULT_OBJECTIVE))
        swept.append((spent_kbps(clips, outcomes), quality))
    kbps, quality = np.array(sorted(swept)).T
    if mode.table:
        found, truth = match.point.kbps, float(kbps[np.argmax(quality >= goal.quality)])
    else:
        found, truth = match.crossing_kbps, find_crossing(kbps, quality, goal.quality)
    inside = "" if kbps[0] < truth < kbps[-1] else " outside the sweep"
    print(
        f"{encoder.name:8}{goal.quality:6g}{found:8.2f}{truth:8.2f}{found / truth - 1:+8.2%}"
        f"{passes:7.1f}{len(swept):7}{inside}",
        flush=True,
    )


def _sweep(knob: float, kbps: float, encoder: Encoder) -> list[float]:
    """Knob values around one, a kb/s apart as far as that is known."""
    mode = encoder.rate_modes[0]
    if mode.table:
        return [each for each in mode.table if abs(each / knob - 1) <= TABLE_REACH]
    around = np.arange(-REACH * kbps, REACH * kbps + 0.5, 1.0)
    if mode.nominal:
        return [mode.snap(float(knob * (1 + step / kbps))) for step in around]
    # The bitrate moves by about e times over a quarter of the range (`tuner.rate`).
    width = (mode.high - mode.low) / np.log(10.0)
    sign = 1 if mode.rising else -1
    knobs = [mode.snap(float(knob + sign * width * np.log1p(step / kbps))) for step in around]
    return sorted(set(knobs))


def measure_files(folders: Sequence[Path], count: int, encoder_name: str, target: float) -> None:
    """Print what find-rate says of each file, and what the whole file needs."""
    scorer, _ = load_metrics(None, ())
    encoder = load_encoder(encoder_name)
    settings, goal = default_settings(encoder), Goal(target)
    print(f"files: {count} of {FILE_S:g} s, {encoder.name}, quality {target:g}")
    print("file  found  spends   whole     off  CPU s  six bitrates  share  interval")
    with tempfile.TemporaryDirectory() as name:
        files = _join(folders, Path(name), count)
        _warm(encoder, scorer, files[0], Path(name))
        executor = AtOnce(Cache(Path(name) / "cache"))
        finder = Finder(
            encoder, settings, goal, scorer, DEFAULT_OBJECTIVE, executor, Path(name) / "clips"
        )
        titles = finder.find(files)
        for index, file in enumerate(files):
            start = _cpu_s()
            title = next(titles)
            spent_s = _cpu_s() - start
            assert title.needed is not None and title.knob is not None, title.problem
            true_knob, six_s = _whole(
                *(encoder, goal, scorer, file, title.knob, Path(name) / f"w{index}")
            )
            pcm, rate = read_audio(file)
            whole_pcm = resample(pcm, rate)
            spends, whole = (
                encoder.encode(whole_pcm, SAMPLE_RATE, settings, knob).payload_bits / FILE_S / 1000
                for knob in (title.knob, true_knob)
            )
            crossing = title.needed.crossing
            told = f"{crossing.low:.1f} to {crossing.high:.1f}" if crossing else ""
            print(
                f"{index:4}{title.kbps:8.1f}{spends:8.1f}{whole:8.1f}{spends / whole - 1:+8.2%}"
                f"{spent_s:7.1f}{six_s:14.1f}{spent_s / six_s:7.1%}  {told}",
                flush=True,
            )


class Phases:
    """An executor that adds up what its jobs cost, apart for the target and for all else."""

    def __init__(self, inner: Executor) -> None:
        self.inner, self.workers = inner, inner.workers
        self.is_target = False
        self.cost = {True: [0.0, 0, 0], False: [0.0, 0, 0]}

    def observe(self, update: Update) -> None:
        """Note what the run says that it does."""
        if isinstance(update, PhaseStarted):
            opens = ("Finding where", "Matching the finalists")
            self.is_target = update.text.startswith(opens)
            print(update.text, flush=True)
        if isinstance(update, BitrateFinished):
            told = update.result
            print(told.verdict.sentence if isinstance(told, Answer) else told, flush=True)

    def submit(self, job: Job) -> Future[Outcome]:
        """Submit, and add its cost once it is known."""
        cost, future = self.cost[self.is_target], self.inner.submit(job)

        def add(done: Future[Outcome]) -> None:
            if not done.cancelled() and done.exception() is None:
                outcome = done.result()
                cost[0] += outcome.encode_s + outcome.decode_s + outcome.score_s
                cost[1] += outcome.encodes
                cost[2] += outcome.scored

        future.add_done_callback(add)
        return future

    def close(self, *, cancel: bool = False) -> None:
        """Close the inner one."""
        self.inner.close(cancel=cancel)


def measure_run(folder: Path, count: int, encoder_name: str, target: float, trials: int) -> None:
    """Print what a target adds to a search, the answer, and a ladder."""
    with tempfile.TemporaryDirectory() as name:
        sounds = sorted(folder.glob("*.flac"))
        chosen = sounds[:: len(sounds) // (2 * count)][: 2 * count]
        music = Path(name) / "music"
        music.mkdir()
        rows = ["file,side"]
        for index, path in enumerate(chosen):
            (music / path.name).symlink_to(path.absolute())
            rows.append(f"{path.name},{('tune', 'holdout')[index % 2]}")
        (music / "manifest.csv").write_text("\n".join(rows) + "\n")
        scorer, _ = load_metrics(None, ())
        spec = StudySpec(
            encoder_name,
            ClipsSpec(str(music), excerpt_s=5.0),
            (),
            target_quality=(target,),
            trials=trials,
            exhibits=0,
            judges=(),
            search=SearchSpec(ablation=False),
        )
        clips = load_clips(music, Excerpting(duration_s=5.0))
        parts = Parts(spec, load_encoder(encoder_name), clips, scorer, ())
        run = Path(name) / "run"
        phases = Phases(make_executor("local", workers=1, cache_folder=run / "cache"))
        with open_run(run, parts.identity(), spec.to_toml()) as opened:
            _load(phases.inner, parts.encoder, scorer, chosen[0], Path(name))
            results = run_study(parts, opened, phases, phases.observe, "bench.target")
        (cpu, encodes, scores), (other_cpu, other_encodes, other_scores) = (
            phases.cost[True],
            phases.cost[False],
        )
        print(f"run: {encoder_name}, {trials} trials, {count} + {count} clips of 5 s, no judges")
        print(f"all else: {other_encodes} encodes, {other_scores} scores, {other_cpu:.0f} CPU s")
        print(f"target:   {encodes} encodes, {scores} scores, {cpu:.0f} CPU s")
        print(
            f"ratio: {1 + encodes / other_encodes:.2f} of encodes,"
            f" {1 + scores / other_scores:.2f} of scores, {1 + cpu / other_cpu:.2f} of CPU time"
        )
        for each in results.quality_targets:
            print(each.sentence)
        refs = {
            side: [
                ClipRef(c.digest, str(run / "clips" / f"{c.digest}.npy"), c.channels, c.duration_s)
                for c in results.clips
                if c.side == side
            ]
            for side in ("tune", "holdout")
        }
        source = Source(run, results, parts.encoder, refs, "")  # type: ignore[arg-type]
        built = build_ladder([source], Wanted(4), scorer, phases, 0, lambda *_: None)
        phases.close()
        for rung in built.rungs:
            step = rung.step
            told = f"{step.value:+.1f} ({step.low:+.1f} to {step.high:+.1f})" if step else ""
            quality = rung.quality
            print(
                f"rung {rung.kbps:7.1f} kb/s  {rung.whose:22} {quality.value:5.1f}"
                f" ({quality.low:.1f} to {quality.high:.1f})  {told}"
            )
        print("\n".join(built.notes))


def _whole(
    encoder: Encoder, goal: Goal, scorer: Scorer, file: Path, knob: float, folder: Path
) -> tuple[float, float]:
    """The rate parameter that the whole file needs, and the CPU seconds of six bitrates.

    The file is scored in pieces as long as an excerpt, all of them; six bitrates take six times
    the mean of the passes that the search needs.
    """
    cut = cut_excerpts(file, folder / "clips", 10**6)
    start = _cpu_s()
    bench = Passes(encoder, AtOnce(Cache(folder / "cache")), cut.clips, lambda _: None, 0.0)
    needed = find_needed(bench, default_settings(encoder), goal, scorer, DEFAULT_OBJECTIVE, knob)
    assert isinstance(needed.match, QualityMatch), needed.match
    return knob_between(needed, encoder)[0], BITRATES * (_cpu_s() - start) / bench.count


def _join(folders: Sequence[Path], out: Path, count: int) -> list[Path]:
    """Stereo files of three minutes, each of other sounds of the folders as far as they go."""
    sounds = [path for folder in folders for path in sorted(folder.glob("*.flac"))]
    made: list[Path] = []
    for index in range(count):
        parts: list[np.ndarray] = []
        at = index * 14
        while sum(len(part) for part in parts) < FILE_S * SAMPLE_RATE:
            pcm, rate = read_audio(sounds[at % len(sounds)])
            sound = resample(pcm, rate)
            parts.append(np.broadcast_to(sound, (2, sound.shape[1])).T)
            at += 1
        path = out / f"{index}.flac"
        soundfile.write(path, np.concatenate(parts)[: round(FILE_S * SAMPLE_RATE)], SAMPLE_RATE)
        made.append(path)
    return made


def _warm(encoder: Encoder, scorer: Scorer, file: Path, folder: Path) -> None:
    """Load what the first job loads, before a clock starts."""
    cut = cut_excerpts(file, folder / "warm", 1)
    bench = Passes(encoder, AtOnce(Cache(folder / "warm")), cut.clips, lambda _: None, 0.0)
    settings = default_settings(encoder)
    bench.run(settings, start_knob(encoder, settings), (scorer,))


def _load(executor: Executor, encoder: Encoder, scorer: Scorer, file: Path, folder: Path) -> None:
    """Have the worker load what every search needs: else the phase that is first would pay."""
    (clip,) = cut_excerpts(file, folder / "warm", 1).clips
    settings = default_settings(encoder)
    knob = start_knob(encoder, settings)
    executor.submit(Job(encoder, settings, knob, clip, (scorer,))).result()


def _clips(folder: Path, out: Path, count: int) -> list[ClipRef]:
    """The middle of some files, evenly over the folder."""
    sounds = sorted(folder.glob("*.flac"))
    chosen = sounds[:: max(len(sounds) // count, 1)][:count]
    return [cut_excerpts(path, out / "clips", 1).clips[0] for path in chosen]


def _cpu_s() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("accuracy", "files", "run"))
    parser.add_argument("--clips", type=Path, nargs="+", required=True)
    parser.add_argument("--count", type=int, default=3, help="clips or files")
    parser.add_argument("--encoders", default="opus,aac,lame,vorbis")
    parser.add_argument("--target", type=float, default=85.0, help="of files and run")
    parser.add_argument("--trials", type=int, default=60, help="of the run")
    given = parser.parse_args()
    started = time.monotonic()
    encoders = given.encoders.split(",")
    if given.part == "accuracy":
        measure_accuracy(given.clips[0], given.count, encoders)
    elif given.part == "run":
        measure_run(given.clips[0], given.count, encoders[0], given.target, given.trials)
    else:
        measure_files(given.clips, given.count, encoders[0], given.target)
    print(f"{_cpu_s():.0f} CPU s, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()

"""What a large report costs: seconds to make, megabytes, first paint in Chromium.

The run folders are made up (5 encoders x 6 bitrates x 30 clips x 200 trials by default), in
the form that a search stores. With --exhibits N each answer has sounds of 2 N clips (a study's
default is 3: the three that lose and the three that gain most), which are drawn as spectrograms and
written as scripts for the players; they are made before the clock starts.

    python -m bench.report.page [--encoders 5] [--exhibits 3] [--chromium PATH] [--folder DIR]

First paint is the browser's own figure (PerformancePaintTiming), the worst of three loads
from a file; without Chromium it is left out.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np
import soundfile

from tuner.artefacts import ARTEFACTS
from tuner.bootstrap import paired_bootstrap
from tuner.exhibits import FOLDER, Exhibit, Role, write_index
from tuner.records import (
    MODEL,
    Ablation,
    Answer,
    Candidate,
    ClipRecord,
    Estimate,
    Provenance,
    Results,
    SideResult,
    Timing,
    TrialState,
    Verdict,
)
from tuner.report import write_page
from tuner.report.runs import read_runs
from tuner.results import write_results
from tuner.sound.synth import synthesize
from tuner.testing import make_trial

METRICS = (MODEL, "visqol", "zimtohrli")
BITRATES = (32.0, 48.0, 64.0, 96.0, 128.0, 160.0)
SOUNDS = ("applause", "castanets")
CLIPS, TRIALS, FINALISTS, WINDOWS, MEMBERS = 30, 200, 4, 3, 3
PARAMETERS = [f"parameter_{letter}_hz" for letter in "abcdefghij"]
FIGURES = [artefact.key for artefact in ARTEFACTS]
Values = dict[str, bool | int | float | str]


def make_clips() -> list[ClipRecord]:
    traits = {"attacks_per_s": 1.2, "side_db": -9.0, "bandwidth_hz": 17000.0, "crest_db": 14.0}
    return [
        ClipRecord(
            f"{n:064x}", f"clip with a name {n}.flac 12.0-20.0 s", "tune" if n % 2 else "holdout",
            8.0, 2, f"/music/folder/clip with a name {n}.flac", 12.0, dict(traits),
        )
        for n in range(CLIPS)
    ]  # fmt: skip


def make_side(
    rng: random.Random, digests: list[str], kbps: float, level: float, gain: float
) -> SideResult:
    scores = {}
    for metric in METRICS:
        own = random.Random(metric)
        base = {d: level + own.gauss(0, 6) for d in digests}
        scores[metric] = {d: base[d] + rng.gauss(gain, 1.5) * (gain != 0) for d in digests}
    gains = {
        metric: paired_bootstrap([rng.gauss(gain, 1.5) for _ in digests], 0, 500)
        if gain
        else Estimate(0, 0, 0)
        for metric in METRICS
    }
    return SideResult(
        kbps, kbps * rng.uniform(0.993, 1.007), scores, {d: rng.uniform(4, 9) for d in digests},
        gains,
        {d: [round(level + rng.gauss(0, 6), 2) for _ in range(WINDOWS)] for d in digests},
        {d: {name: round(rng.uniform(-5, 5), 4) for name in FIGURES} for d in digests},
        {d: [round(level + rng.gauss(0, 2), 2) for _ in range(MEMBERS)] for d in digests},
        {d: kbps * rng.uniform(0.9, 1.1) for d in digests},
    )  # fmt: skip


def make_values(rng: random.Random) -> Values:
    return {name: round(rng.uniform(0, 100), 2) for name in PARAMETERS}


def make_bitrate(
    rng: random.Random, clips: list[ClipRecord], kbps: float, quality: float
) -> Answer:
    level = quality + 9 * BITRATES.index(kbps)
    candidates = []
    for n in range(FINALISTS):
        gain = (4 - 0.5 * n) * (n > 0)
        sides = {
            side: make_side(rng, [c.digest for c in clips if c.side == side], kbps, level, gain)
            for side in ("tune", "holdout")
        }
        values = make_values(rng)
        command = ["encoder", *(f"--{name}={value}" for name, value in values.items()), "in.wav"]
        candidates.append(Candidate(n * 40, "vbr", values, command, sides))  # type: ignore[arg-type]
    trials = []
    for n in range(TRIALS):
        score = level + 4 - abs(rng.gauss(0, 8)) if n else level
        state: TrialState = "pruned" if n % 5 == 4 else "complete"
        reason = "stopped after 4 of 15 clips"
        if n % 11 == 10:
            state, reason = "infeasible", "no knob value spends this bitrate"
        figures = {"knob": kbps, "bitrate_kbps": kbps, "score": score, "spread": 6.0}
        trials.append(
            make_trial(
                n, state, rate_mode="vbr", values=make_values(rng), passes=2.2, encode_s=12.5,
                reason=reason, **figures,
            )
        )  # fmt: skip
    return Answer(
        kbps,
        Verdict("confirmed", "Confirmed: the tuned settings gain; both judges agree."),
        1, candidates, trials, Timing(400, 200, 50, 90, 3000, 3000, 400, 600),
        ablation=[Ablation(name, 1.0, 0.0, Estimate(0.5, 0.1, 0.9), kbps) for name in PARAMETERS],
        importance={name: 0.1 for name in PARAMETERS},
    )  # fmt: skip


def make_run(number: int, folder: Path) -> Path:
    """One run folder with its `results.json`."""
    rng = random.Random(number)
    clips = make_clips()
    made = Provenance(
        "tuner run study.toml", 'encoder = "x"\n' * 12, 7, {"python": "3.11", "torch": "2.13"},
        f"encoder-{number}", "encoder 1.0", "/usr/bin/encoder", "ab" * 8, "insenet 1",
        {"visqol": "3.8.0", "zimtohrli": "0.2.1"}, "2025-01-01T00:00:00Z", "2025-01-01T08:00:00Z",
        "Linux, 2 cores", None,
    )  # fmt: skip
    bitrates = [make_bitrate(rng, clips, kbps, 30 + 3 * number) for kbps in BITRATES]
    run = folder / f"run-{number}"
    run.mkdir(exist_ok=True)
    write_results(Results(clips, bitrates, made, ["Identity check: 99.8."]), run / "results.json")
    return run


def make_exhibits(run: Path, clips: list[ClipRecord], count: int) -> None:
    """Sounds of 2 x `count` held-out clips at every bitrate: a few, under the names of many."""
    folder = run / FOLDER
    folder.mkdir(exist_ok=True)
    sounds = []
    for seed, (kind, cutoff_hz) in enumerate(product(SOUNDS, (24_000, 14_000, 17_000))):
        path = run / f"sound-{seed}.wav"
        pcm = np.fft.rfft(synthesize(kind, seed=seed // 3, duration_s=8.0))
        pcm[:, cutoff_hz * 8 :] = 0
        soundfile.write(path, np.fft.irfft(pcm).T, 48_000, subtype="PCM_24")
        sounds.append(path)
    exhibits = []
    held_out = [clip for clip in clips if clip.side == "holdout"]
    for (n, clip), kbps in product(enumerate(held_out[: 2 * count]), BITRATES):
        first = 3 * (n % len(SOUNDS))
        for role, sound in zip(get_args(Role), sounds[first : first + 3], strict=True):
            name = f"{n}.wav" if role == "reference" else f"{n}-{kbps:g}-{role}.wav"
            if not (folder / name).exists():
                (folder / name).hardlink_to(sound)
            exhibits.append(Exhibit(clip.digest, kbps, role, name, 0.0))
    write_index(exhibits, run)


def first_paint_ms(page: Path, chromium: str, loads: int = 3) -> float:
    """The worst first contentful paint of some loads, ms."""
    from playwright.sync_api import sync_playwright

    script = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        for _ in range(loads):
            tab = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            tab.goto(page.as_uri())
            tab.wait_for_selector("html[data-ready]")
            times.append(float(tab.evaluate(script)))
            tab.close()
        browser.close()
    return max(times)


def main() -> None:
    """Print the figures of one large report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encoders", type=int, default=5)
    parser.add_argument("--exhibits", type=int, default=0)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--folder", type=Path, help="keep the runs and the page here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        runs = [make_run(number, folder) for number in range(arguments.encoders)]
        if arguments.exhibits:
            for run in runs:
                make_exhibits(run, make_clips(), arguments.exhibits)
        start, cpu = time.perf_counter(), time.process_time()
        page = folder / "report.html"
        write_page(read_runs(runs), page)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        print(f"{len(runs)} encoders x {len(BITRATES)} bitrates x {CLIPS} clips x {TRIALS} trials")
        print(f"made in {wall:.1f} s ({cpu:.1f} s CPU), goal under 20 s")
        print(f"size {page.stat().st_size / 1e6:.1f} MB without audio, goal under 15 MB")
        if Path(arguments.chromium).exists():
            paint = first_paint_ms(page.resolve(), arguments.chromium)
            print(f"first paint {paint:.0f} ms, goal under 1000 ms")


if __name__ == "__main__":
    main()

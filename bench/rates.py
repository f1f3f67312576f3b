"""What tuning at 48 kHz recommends for music at 44.1 kHz, against tuning at its own rate.

    python -m bench.rates --clips CLIPS --out FOLDER [--trials 12] [--count 8]

For aac at 64 kb/s and lame at 96: two searches over the same excerpts of files at 44.1 kHz, once
brought to 48 kHz first, once as they are. Both winners are then matched and scored on held-out
excerpts at 44.1 kHz, against the encoder's default there: gains in points with 95 % intervals.
Beside them what the search believed (its gain on the clips that it was tuned on, at its own rate),
and what its command spends on the held-out clips, kb/s. A search that was stopped goes on.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.search.rig import Setup, run
from tuner.bootstrap import paired_bootstrap
from tuner.encoder import Encoder, Settings, default_settings
from tuner.jobs.executor import make_executor
from tuner.jobs.job import ClipRef
from tuner.jobs.passes import Passes
from tuner.metric import Metric
from tuner.plugins import load_encoder
from tuner.rate import RateMatch
from tuner.records import Complete
from tuner.search.ranking import rank
from tuner.sound.clips import Clip, load_clips, store_clips
from tuner.sound.decoding import read_format
from tuner.sound.excerpts import Excerpting

SEARCHED = (("aac", 64.0), ("lame", 96.0))
SOURCE_HZ = 44_100
RATES_HZ = (48_000, SOURCE_HZ)
#: By what winners are compared: what the search climbs, then metrics that it does not.
METRICS = ("insenet", "zimtohrli", "2f")
SEED = 0
#: Length of excerpts, s: the least that is allowed.
EXCERPT_S = 5.0


def choose(clips: Path, count: int, manifest: Path) -> None:
    """Write a manifest of so many files at 44.1 kHz of each side, spread over a folder's."""
    with (clips / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    lines = [["file", "side"]]
    for side in ("tune", "holdout"):
        paths = [(clips / row["file"]).absolute() for row in rows if row["side"] == side]
        at_rate = [path for path in paths if read_format(path).rate == SOURCE_HZ]
        chosen = at_rate[:: max(len(at_rate) // count, 1)][:count]
        lines += [[str(path), side] for path in chosen]
    with manifest.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(lines)


def store(clips: Sequence[Clip], folder: Path) -> list[ClipRef]:
    """The clips as files."""
    return [
        ClipRef(c.digest, str(folder / f"{c.digest}.npy"), c.channels, c.duration_s, c.rate)
        for c in clips
    ]


def compare(
    name: str,
    kbps: float,
    sides: dict[int, list[ClipRef]],
    held: list[ClipRef],
    metrics: Sequence[Metric],
    out: Path,
    trials: int,
) -> Iterator[str]:
    """A table row for the winner of each rate."""
    encoder = load_encoder(name)
    executor = make_executor("local", workers=1, cache_folder=out / "cache")
    bench = Passes(encoder, executor, held, lambda _: None, kbps)
    scores: dict[str, dict[str, list[float]]] = {}

    def hear(label: str, settings: Settings, knob: float) -> float:
        """Score settings on the held-out clips at their own rate; what the knob spends there.

        Where nothing spends the bitrate there, no score is kept: quality is not compared then.
        """
        spent = bench.measure(settings, knob)
        match = bench.match(settings, knob)
        if not isinstance(match, RateMatch):
            print(f"{name} {label}: {match.reason}", file=sys.stderr, flush=True)
            return spent
        heard = bench.hear(settings, match, tuple(metrics)).values()
        scores[label] = {m.name: [o.scores[m.name].mean for o in heard] for m in metrics}
        return spent

    hear("default", default_settings(encoder), kbps)
    for rate, clips in sides.items():
        print(f"{name} {kbps:g}, {rate} Hz: searching", file=sys.stderr, flush=True)
        folder = out / f"{name}-{kbps:g}-{rate}"
        found = run(
            Setup(name, kbps, trials, folder, clips, metrics[0], out / "cache", workers=1)
        ).results
        best = rank(result.record for result in found)[0]
        settings, knob = best.settings, best.knob
        spent = hear(str(rate), settings, knob)
        gains = []
        for metric in (m.name for m in metrics):
            if str(rate) not in scores:
                gains.append("not at this bitrate")
                continue
            pairs = zip(scores[str(rate)][metric], scores["default"][metric], strict=True)
            gain = paired_bootstrap([ours - theirs for ours, theirs in pairs], SEED)
            gains.append(f"{gain.value:+.1f} ({gain.low:+.1f} to {gain.high:+.1f})")
        before = next(r.record for r in found if r.record.number == 0)
        there = (
            f"{best.score - before.score:+.1f}" if isinstance(before, Complete) else "no default"
        )
        told = " | ".join([_changes(encoder, settings), there, f"{spent:.1f}", *gains])
        yield f"| {name} {kbps:g} | {rate / 1000:g} kHz | {told} |"


def _changes(encoder: Encoder, settings: Settings) -> str:
    """The rate mode, and what differs from its default."""
    default = default_settings(encoder, settings.rate_mode).as_dict()
    changed = [(k, v) for k, v in settings.values if v != default.get(k)]
    values = [f"{k} {v:.6g}" if isinstance(v, float) else f"{k} {v}" for k, v in changed]
    return ", ".join([settings.rate_mode, *values])


def main() -> None:
    """Search, compare, print the table."""
    from tuner.cli.commands.metrics import choose_metrics

    parser = argparse.ArgumentParser("python -m bench.rates")
    parser.add_argument("--clips", type=Path, required=True, help="folder with a manifest.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder for clips and searches")
    parser.add_argument("--trials", type=int, default=12, help="of each search")
    parser.add_argument("--count", type=int, default=8, help="clips of each side")
    told = parser.parse_args()
    told.out.mkdir(parents=True, exist_ok=True)
    manifest, folder = told.out / "manifest.csv", told.out / "clips"
    choose(told.clips, told.count, manifest)
    cut = Excerpting(duration_s=EXCERPT_S)
    sets = {rate: load_clips(told.out, cut, manifest=manifest, rate=rate) for rate in RATES_HZ}
    for clips in sets.values():
        store_clips(clips, folder)
    tune = {rate: store(clips.tune, folder) for rate, clips in sets.items()}
    held = store(sets[SOURCE_HZ].holdout, folder)
    metrics = choose_metrics(METRICS, None)
    print(f"{len(tune[SOURCE_HZ])} clips tuned on, {len(held)} held out, {told.trials} trials")
    named = " | ".join(m.about.label for m in metrics)
    print(f"| encoder, kb/s | tuned at | winner | gain where tuned | spends | {named} |")
    print("|---|---|---|---|---|" + "---|" * len(metrics))
    for name, kbps in SEARCHED:
        for row in compare(name, kbps, tune, held, metrics, told.out, told.trials):
            print(row, flush=True)


if __name__ == "__main__":
    main()

"""A made-up run for the report's tests: every verdict, realistic sizes, hostile names."""

import random
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

import pytest

from tuner.records import (
    MODEL,
    Answer,
    Candidate,
    ClipRecord,
    Estimate,
    MetricRecord,
    NoAnswer,
    Provenance,
    Results,
    SideResult,
    Timing,
    Verdict,
    metric_label,
)
from tuner.report.runs import name_runs
from tuner.testing import make_trial

METRICS = (MODEL, "visqol", "zimtohrli")
FAMILIES = {MODEL: "model", "visqol": "similarity", "zimtohrli": "distance"}
HOSTILE = (
    '</script><script id="evil">document.title="owned"</script>.flac',
    '"><img src=x onerror="document.title=1" id="evil">.wav',
    "<!--<script id='evil'>.flac",
    "<a href='http://evil.example' id=evil>click</a> &lt;b&gt;.flac",
    "{{ 7*7 }}{% raw %}' onmouseover='evil()' x='.flac",
)
NAMES = ("castanets", "glockenspiel", "harpsichord", "male speech", "female speech", "applause",
         "pitch pipe", "drums", "string quartet in a large hall, second take", "choir")  # fmt: skip

#: Verdict kind -> sentence, gain by metric, winner.
CASES = {
    "confirmed": ("Confirmed: on 15 held-out clips the gain is +6.2 points (95 % interval"
                  " +4.1 to +8.3) by the quality model; ViSQOL (+7.9) and Zimtohrli (+1.2) agree.",
                  (6.2, 7.9, 1.2), 1),
    "objected": ("Objected: Zimtohrli (-2.4) hears a loss on 15 held-out clips; the gain is +3.1"
                 " points (95 % interval +1.9 to +4.4) by the quality model. Keep the default, or"
                 " listen.", (3.1, 5.0, -2.4), 0),
    "not confirmed": ("Not confirmed: the gain of the best settings is +2.9 points on the tuning"
                      " clips; on 15 held-out clips it is +1.1 points (95 % interval -0.4 to +2.5)"
                      " by the quality model; this may be chance.", (0.9, 0.4, 0.1), 0),
    "nothing better was found": ("Nothing better was found in 60 trials: no settings gain more"
                                 " than 0.5 points over the default on the tuning clips.",
                                 (0.1, -0.2, 0.0), 0),
}  # fmt: skip


def make_clips(hostile=True):
    clips = []
    for index in range(30):
        name = f"{NAMES[index % 10]} {index // 10 + 1}.flac"
        if hostile and index < 10 and index % 2 == 0:
            name = HOSTILE[index // 2]
        digest = f"{index:02x}" * 32
        side = "tune" if index % 2 else "holdout"
        clips.append(ClipRecord(digest, f"{name} 2.0-10.0 s", side, 8.0, 2, f"/clips/{name}", 2.0))
    return clips


def make_side(rng, clips, side, kbps, base, lift):
    """One candidate on one side; `lift` holds the mean gain of each metric, None the default."""
    digests = [c.digest for c in clips if c.side == side]
    scores, gains = {}, {}
    for metric, level in zip(METRICS, (base, base + 4, base + 9), strict=True):
        start = random.Random(f"{metric} {side} {base}")
        scores[metric] = {d: start.gauss(level, 6) for d in digests}
        gains[metric] = Estimate(0.0, 0.0, 0.0)
        if lift is not None:
            mean = lift[METRICS.index(metric)]
            moved = [rng.gauss(mean, 0.5 + 0.7 * abs(mean)) for _ in digests]
            moved = [m + mean - fmean(moved) for m in moved]
            for digest, move in zip(digests, moved, strict=True):
                scores[metric][digest] += move
            half = 2.1 * stdev(moved) / len(moved) ** 0.5
            gains[metric] = Estimate(mean, mean - half, mean + half)
    spreads = {d: rng.uniform(4, 9) for d in digests}
    families = {name: gains[metric] for metric, name in FAMILIES.items() if metric != MODEL}
    return SideResult(
        kbps * 1.02,
        kbps * rng.uniform(0.992, 1.008),
        scores,
        spreads,
        gains,
        families=families,
    )


DEFAULT = {"aac_coder": "twoloop", "cutoff_hz": 12000, "aac_tns": True, "aac_pns": True}
FOUND = {"aac_coder": "fast", "cutoff_hz": 18800, "aac_tns": False, "pns_gain_db": -2.25}


def make_trials(rng, kbps, base, gain):
    trials = [
        make_trial(
            0, values=DEFAULT, knob=kbps, bitrate_kbps=kbps, score=base, spread=6.0, passes=3
        )
    ]
    for number in range(1, 60):
        values = {
            **DEFAULT,
            "cutoff_hz": rng.randrange(8000, 20000, 100),
            "aac_tns": number % 3 > 0,
        }
        rank = 1 - 0.8 * number / 60
        score = base + gain - abs(rng.gauss(0, 6)) * rank - (25 if number % 17 == 0 else 0)
        trial = make_trial(
            number,
            values=values,
            knob=kbps * 1.03,
            bitrate_kbps=kbps,
            score=score,
            spread=6.2,
            passes=4,
        )
        if number % 13 == 0:
            reason = "no knob value spends 64 kb/s: 58.1 or 71.4"
            trial = make_trial(
                number, "infeasible", rate_mode="vbr", values=values, passes=9, reason=reason
            )
        elif number == 31:
            reason = f"exit code 1: cannot open {HOSTILE[1]}"
            trial = make_trial(number, "failed", values=values, reason=reason)
        trials.append(trial)
    return trials


def make_bitrate(clips, kbps, kind):
    rng = random.Random(kbps)
    base = 30 + 12 * (kbps / 32) ** 0.9
    sentence, lift, winner = CASES[kind]
    candidates = []
    for index in range(4):
        gains = None if index == 0 else tuple(g - 0.4 * (index - 1) for g in lift)
        tune = gains and (gains[0] + 1.5, gains[1] + 1, gains[2] + 0.3)
        sides = {
            "tune": make_side(rng, clips, "tune", kbps, base, tune),
            "holdout": make_side(rng, clips, "holdout", kbps, base + 2, gains),
        }
        values = DEFAULT if index == 0 else {**FOUND, "cutoff_hz": 19000 - 300 * index}
        command = ["ffmpeg", "-i", "input.wav", "-c:a", "aac", "-b:a", f"{kbps * 1.02:.2f}k",
                   *[part for name, value in values.items() for part in (f"-{name}", str(value))],
                   "output $(evil).m4a"]  # fmt: skip
        candidates.append(Candidate(17 * index, "abr", values, command, sides))
    if kind == "confirmed":
        candidates[3] = replace(
            candidates[3],
            sides={"tune": candidates[3].sides["tune"]},
            problem="no knob value spends 64 kb/s on the held-out clips: 61.8 or 66.9",
        )
    trials = make_trials(rng, kbps, base, max(lift[0], 0.1) + 1.5)
    timing = Timing(412.3, 231.9, 48.2, 88.0, 3312, 3120, 402, 611)
    return Answer(kbps, Verdict(kind, sentence), winner, candidates, trials, timing)


def make_results(bitrates, hostile=True):
    """A run with one verdict kind per bitrate; `bitrates` maps kb/s to the kind."""
    clips = make_clips(hostile)
    provenance = Provenance(
        command="tuner run study.toml --run runs/'night 1'",
        study='encoder = "aac"\nclips = "</code></pre><b id=evil>"\nbitrates_kbps = [64]\n',
        seed=7,
        versions={"codec-tuner": "0.1.0", "python": "3.11.2", "optuna": "5.0.0", "torch": "2.13.0"},
        encoder="aac",
        encoder_version="ffmpeg 9.0.2, native AAC",
        encoder_binary="/opt/imageio_ffmpeg/binaries/ffmpeg-linux-x86_64-v9.0.2",
        encoder_digest="9f86d081884c7d65",
        scorer_version="insenet 1, weights 2c26b46b68ffc68f, front end 1",
        judge_versions={"visqol": "3.8.0", "zimtohrli": "0.2.1"},
        started="2025-11-24T22:04:11Z",
        finished="2025-11-25T04:31:50Z",
        machine="Linux x86_64, 2 cores",
        rate=None,
    )
    notes = [
        "The judges ViSQOL and Zimtohrli were also the quality model's teachers: their agreement"
        " checks the model's error, not its taste.",
        "Identity check: coding nothing scores 99.8.",
    ]
    results = [make_bitrate(clips, kbps, kind) for kbps, kind in bitrates.items()]
    metrics = [
        MetricRecord(name, metric_label(name), FAMILIES[name], "1", name != MODEL)
        for name in METRICS
    ]
    return Results(clips, results, provenance, notes, metrics)


def with_problem(results, kbps):
    """The run with one more bitrate that has no answer."""
    trial = make_trial(0, "infeasible", values=DEFAULT, reason="no knob value spends 8 kb/s")
    problem = "the encoder's default cannot spend 8 kb/s: its lowest is 22.4 <kb/s>"
    return replace(results, unanswered=[NoAnswer(kbps, problem, [trial], Timing(wall_s=2.5))])


@pytest.fixture(scope="session")
def hostile_results():
    """Every verdict kind and a bitrate without an answer, under hostile names."""
    kinds = dict(zip((64.0, 96.0, 128.0, 160.0), CASES, strict=True))
    return with_problem(make_results(kinds), 8.0)


@pytest.fixture(scope="session")
def small_results():
    """One confirmed bitrate under friendly names."""
    return make_results({64.0: "confirmed"}, hostile=False)


@pytest.fixture(scope="session")
def as_runs():
    """Results to the runs of a report, in folders named by their place."""

    def name_all(*results):
        return name_runs([(Path(f"runs/night {n}"), each, []) for n, each in enumerate(results)])

    return name_all


@pytest.fixture(scope="session")
def rising_results():
    """A run at three bitrates with friendly names."""
    kinds = {64.0: "confirmed", 96.0: "confirmed", 128.0: "not confirmed"}
    return make_results(kinds, hostile=False)


@pytest.fixture(scope="session")
def other_encoder(rising_results):
    """Another encoder over the same clips: each score 5 points higher."""

    def lifted(side):
        scores = {m: {c: s + 5 for c, s in of.items()} for m, of in side.scores.items()}
        return replace(side, scores=scores)

    bitrates = [
        replace(
            bitrate,
            candidates=[
                replace(c, sides={name: lifted(side) for name, side in c.sides.items()})
                for c in bitrate.candidates
            ],
        )
        for bitrate in rising_results.bitrates
    ]
    made = replace(rising_results.provenance, encoder="opus")
    return replace(rising_results, bitrates=bitrates, provenance=made)

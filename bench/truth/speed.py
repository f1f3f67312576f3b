"""Times real time on one core, beside the teachers in the same run; batched, on the best device.

ViSQOL runs twice: as users of its package get it (stock), and as the teacher here, which
remembers spectrograms and filters faster (`tuner.metrics.visqol_filters`). Stock, it hears a
downmix, as its users give it stereo; both teachers hear mid and side, twice the work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from bench.truth.listening import Listening
from bench.truth.references import Reference
from bench.truth.table import Row
from tuner.model.scorer import InseNetScorer, fused_members
from tuner.sound.audio import SAMPLE_RATE, Pcm, lowpass

#: How many stereo references are timed.
TIMED = 8
#: Signals in a batch on each device. One core gains nothing from batches: in turn, the front end
#: ran at 85, 71, 76 and 63x real time with 1, 2, 4 and 8 of 4 s (medians of five, busy machine).
BATCH = {"cpu": 1, "cuda": 128}
#: A batch is repeated for so long, seconds.
LEAST_S = 2.0
NONE = "–"

Score = Callable[[Pcm, Pcm], object]


def speed(references: Sequence[Reference], listening: Listening) -> list[Row]:
    """Rows for references never met before, and for known ones, as a search meets them.

    Model and teacher ViSQOL remember a reference's spectrograms.
    """
    import torch

    torch.set_num_threads(1)
    stereo = [r.pcm for r in references if r.pcm.shape[0] == 2][:TIMED]
    scorers: list[Score] = [*(scorer.score for scorer in listening.scorers[:4]), _stock_visqol()]
    unmet = [(pcm * 0.99).astype(np.float32) for pcm in stereo]
    rows = []
    for what, cutoff in (("new", 15_000.0), ("known", 14_000.0)):
        coded = [lowpass(pcm, cutoff) for pcm in unmet]
        ours, visqol, zimtohrli, two_f, stock = (_rate(each, unmet, coded) for each in scorers)
        goal = (
            f">= 200x; over ViSQOL (stock {ours / stock:.1f}, teacher {ours / visqol:.1f}),"
            f" over Zimtohrli ({ours / zimtohrli:.1f})"
        )
        told = (
            f"{ours:.1f}x",
            f"stock {stock:.1f}x, teacher {visqol:.1f}x",
            f"{zimtohrli:.1f}x",
            f"{two_f:.1f}x",
        )
        rows.append(Row(f"speed, times real time, {what} references", goal, told))
    model = listening.scorers[0]
    assert isinstance(model, InseNetScorer)
    return [*rows, _batched(stereo, model)]


def _rate(score: Score, references: Sequence[Pcm], coded: Sequence[Pcm]) -> float:
    """Seconds of audio in a second of CPU, of whatever threads."""
    score(coded[0], coded[0])  # loads, compiles
    start = time.process_time()
    for reference, signal in zip(references, coded, strict=True):
        score(reference, signal)
    spent = time.process_time() - start
    samples: int = sum(pcm.shape[1] for pcm in references)
    return samples / SAMPLE_RATE / spent


def _stock_visqol() -> Score:
    """ViSQOL (audio mode) by its package's own interface, code and all, on the downmix."""
    from visqol.api import VisqolApi

    api = VisqolApi()
    api.create(mode="audio")

    def score(reference: Pcm, coded: Pcm) -> object:
        downmixes = (pcm.mean(axis=0, dtype=np.float64) for pcm in (reference, coded))
        with _package_filters():
            return api.measure_from_arrays(*downmixes, SAMPLE_RATE).moslqo

    return score


@contextmanager
def _package_filters() -> Iterator[None]:
    """Within, ViSQOL's own filters, which our teacher replaces for the whole process."""
    from visqol import gammatone, numba_accel

    installed = gammatone._gammatone_spectrogram_numba
    gammatone._gammatone_spectrogram_numba = numba_accel._gammatone_spectrogram_numba
    try:
        yield
    finally:
        gammatone._gammatone_spectrogram_numba = installed


def _batched(stereo: Sequence[Pcm], model: InseNetScorer) -> Row:
    """Batches of decoded audio, which lies on the device; what takes the time.

    "New": the reference is heard, too; "known": it is known, as in a search.
    """
    import torch

    from tuner.model.gammatone import features, know

    device = "cuda" if torch.cuda.is_available() else "cpu"
    members = fused_members(model.weights, device)
    length = min(pcm.shape[1] for pcm in stereo)
    chosen = [stereo[n % len(stereo)][:, :length] for n in range(BATCH[device])]
    pcm = torch.from_numpy(np.stack(chosen)).to(device)
    with torch.inference_mode():
        signals = pcm * 0.5 + 0.5 * pcm.roll(7, dims=-1)
        known = know(pcm)
        reference, coded = known.features, features(signals, known)
        reference_s = _seconds(lambda: know(pcm), device)
        front_s = _seconds(lambda: features(signals, known), device)
        network_s = _seconds(lambda: [member(reference, coded) for member in members], device)
    audio_s = len(pcm) * length / SAMPLE_RATE
    name = torch.cuda.get_device_name() if device == "cuda" else "one CPU core"
    parts = {"the front end": front_s, "the network": network_s}
    bound = max(parts, key=lambda part: parts[part])
    told = (
        f"new {audio_s / (reference_s + front_s + network_s):,.0f}x,"
        f" known {audio_s / (front_s + network_s):,.0f}x; {bound} bounds it (front end"
        f" {audio_s / front_s:,.0f}x, network of {len(members)} {audio_s / network_s:,.0f}x)"
    )
    figure = f"speed on {name}, batches of {len(pcm)} x {length / SAMPLE_RATE:.1f} s"
    return Row(figure, ">= 10,000x on an H200", (told, NONE, NONE))


def _seconds(work: Callable[[], Any], device: str) -> float:
    """Seconds that `work` takes: on a GPU by the clock, on the CPU what it spends."""
    import torch

    clock = time.perf_counter if device == "cuda" else time.process_time

    def now() -> float:
        if device == "cuda":
            torch.cuda.synchronize()
        return clock()

    work()  # plans, allocates
    start, count = now(), 0
    while now() - start < LEAST_S:
        work()
        count += 1
    return (now() - start) / count

"""How fast a GPU scores, and for how many cores of a cheap encoder it is fast enough."""

from __future__ import annotations

import time

from bench.search.parts import CHEAP, Site
from bench.search.rig import cores
from tuner.encoder import default_settings
from tuner.jobs.job import load_clip, load_reference
from tuner.model.scorer import InseNetScorer
from tuner.plugins import load_encoder
from tuner.sound.audio import align, resample
from tuner.system import children

#: Clips scored at once, and how often.
BATCH, TIMES = 32, 10
GOAL, CORES = 10_000, 64
KBPS = 96.0


def gpu(site: Site) -> None:
    """Scores of batches from decoded audio in the machine's memory: copies, front end, networks.

    References are known, as in a search. Without a GPU there is nothing to measure.
    """
    import torch

    if not torch.cuda.is_available():
        print("gpu: none here; not measured")
        return
    scorer = InseNetScorer().on_gpu()
    for name in CHEAP:
        encoder, clips = load_encoder(name, None), site.setup(name, KBPS, 1, "gpu").clips
        settings = default_settings(encoder)
        pairs, spent = [], 0.0
        for clip in clips:
            source, reference = load_clip(clip), load_reference(clip)
            started = time.process_time() + children.cpu_s()
            encoded = encoder.encode(source, clip.rate, settings, KBPS)
            decoded, rate = encoder.decode(encoded)
            coded, _ = align(reference, resample(decoded, rate))
            spent += time.process_time() + children.cpu_s() - started
            pairs.append((reference, coded))
        batch = [pairs[number % len(pairs)] for number in range(BATCH)]
        scorer.score_batch(batch)
        started = time.monotonic()
        for _ in range(TIMES):
            scorer.score_batch(batch)
        each = (time.monotonic() - started) / (TIMES * BATCH)
        sound = sum(reference.shape[1] for reference, _ in batch) / 48_000 / BATCH
        enough = spent / len(clips) / each
        print(
            f"gpu, {name} at {KBPS:g}: {sound / each:,.0f} x real time (goal {GOAL:,}) in batches"
            f" of {BATCH}; as fast as {enough:.0f} cores encode and decode (goal {CORES});"
            f" {torch.cuda.get_device_name()} beside {cores()} cores",
            flush=True,
        )

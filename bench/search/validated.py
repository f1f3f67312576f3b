"""What the validation of finalists costs, over the search that found them."""

from __future__ import annotations

import resource
import time
from dataclasses import replace

from bench.search.parts import CHEAP, Site, cpu_s
from bench.search.rig import cores, run, side_clips, warm_up
from tuner.answer.validation import validate_bitrate
from tuner.answer.validator import Validator
from tuner.cli.commands.run import load_metrics
from tuner.jobs.executor import make_executor
from tuner.plugins import load_encoder
from tuner.records import Answer

GOAL = 0.25
ENCODERS = (*CHEAP, "lame")


def validation(site: Site) -> None:
    """Searches of 100 trials (those of `overhead` and `cheap`), their finalists judged by all
    families on both sides, 15 clips each."""
    scorer, judges = load_metrics()
    for encoder in ENCODERS:
        setup = replace(site.setup(encoder, 96, 100, f"overhead-{encoder}"), workers=cores())
        found = run(setup)
        executor = make_executor(
            "local", workers=setup.workers, cache_folder=setup.folder / "cache"
        )
        clips = {
            "tune": setup.clips,
            "holdout": side_clips(site.clips, site.out / "clips", "holdout"),
        }
        adapter = load_encoder(encoder, None)
        warm_up(setup, adapter, executor)  # a run's workers are those of its search
        setup_ = Validator(adapter, "", executor, clips, scorer, judges, 0, lambda _: None)
        started, before = time.monotonic(), cpu_s(resource.RUSAGE_CHILDREN)
        records = [result.record for result in found.results]
        answer = validate_bitrate(setup_, setup.target_kbps, records, records[0], found.timing)
        assert isinstance(answer, Answer), answer
        wall = time.monotonic() - started
        executor.close()
        t, spent = found.timing, cpu_s(resource.RUSAGE_CHILDREN) - before
        search = t.encode_s + t.decode_s + t.score_s
        print(
            f"validation, {encoder} at 96: {wall / t.wall_s:.2f} of the search (goal {GOAL}):"
            f" {wall:.0f} s after {t.wall_s:.0f} s, {spent / search:.2f} by CPU time alone"
            f" ({spent:.0f} s, its processes' start included); {len(answer.candidates)}"
            f" candidates, {len(clips['tune'])} + {len(clips['holdout'])} clips, judges"
            f" {', '.join(judge.name for judge in judges)}; delete {setup.folder} to repeat",
            flush=True,
        )

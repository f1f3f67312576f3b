"""What a listening test says of a run: its verdicts, with people above all metrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import replace

from tuner.answer.verdict import Evidence, decide
from tuner.records import Answer, ListeningResult, Results


def with_listeners(results: Results, heard: Mapping[float, ListeningResult]) -> Results:
    """The results, with the verdicts of the bitrates at which people listened.

    Args:
        results: of a run.
        heard: target kb/s -> what people said. Left out where the settings that they heard are
            no longer those that the verdict is about.
    """
    bitrates = [
        _with_listeners(results, bitrate, heard.get(bitrate.target_kbps))
        for bitrate in results.bitrates
    ]
    return replace(results, bitrates=bitrates)


def still_holds(bitrate: Answer, heard: ListeningResult | None) -> bool:
    """Whether people heard the settings that the verdict is about."""
    if heard is None or not bitrate.tuned:
        return False
    return bitrate.candidates[bitrate.tuned].trial == heard.trial


def _with_listeners(results: Results, bitrate: Answer, heard: ListeningResult | None) -> Answer:
    if not still_holds(bitrate, heard):
        return bitrate
    verdict = decide(dataclasses.replace(evidence_of(results, bitrate), heard=heard))
    winner = bitrate.tuned if verdict.kind == "confirmed" else 0
    return replace(bitrate, verdict=verdict, winner=winner, listening=heard)


def evidence_of(results: Results, bitrate: Answer) -> Evidence:
    """What the verdict on the settings found was drawn from, out of stored results."""
    climbed, families = results.climbed, results.families
    sides = bitrate.candidates[bitrate.tuned].sides
    tune, holdout = sides.get("tune"), sides.get("holdout")
    clips = [clip for clip in results.clips if clip.side == "holdout"]
    judges: dict[str, list[str]] = {}
    for metric in results.metrics[1:]:
        judges.setdefault(metric.family, []).append(metric.name)
    tuned = tune.lead if tune else None
    return Evidence(
        tune_gain=tuned.value if tuned else 0.0,
        objective_gain=holdout.objective_gain if holdout else None,
        objective=results.objective,
        gain=holdout.gains.get(climbed) if holdout else None,
        families=holdout.families if holdout else {},
        judges=judges,
        n_clips=len(clips),
        n_sources=len({clip.source for clip in clips}),
        n_trials=len(bitrate.trials),
        climbed=climbed,
        climbed_family=families.get(climbed, "model"),
        taught=[metric.name for metric in results.metrics if metric.taught_model],
    )

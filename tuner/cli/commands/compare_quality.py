"""`tuner compare --target-quality`: the bits that two ways to encode need; a gate for CI."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from tuner.encoder import RATE_MODE

if TYPE_CHECKING:
    from tuner.cli.arguments.subjects import SubjectSpec
    from tuner.jobs.executor import Executor
    from tuner.jobs.job import ClipRef
    from tuner.study.goal import Goal
    from tuner.target.compare_bits import BitsComparison
    from tuner.target.needed import Needed

FORMAT_VERSION = 1


def compare_quality(
    sides: Sequence[SubjectSpec],
    goals: Sequence[Goal],
    clips: Mapping[str, tuple[str, ClipRef]],
    executor: AbstractContextManager[Executor],
    metrics: tuple[Any, ...],
    *,
    most_more: float,
    strict: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Compare, print, and shut the gate where B needs more.

    Args:
        sides: A and B.
        goals: the targets.
        clips: digest -> name and file.
        executor: where jobs run.
        metrics: by which quality is matched, and judges.
        most_more, strict: see `tuner.target.compare_bits.find_failures`.
        seed: of the intervals.
        as_json: print JSON.

    Raises:
        typer.Exit: with 1 when B fails.
        StudyError: a side has settings for several bitrates.
    """
    from tuner.target.compare_bits import Coder, compare_bits, find_failures, summarise

    coders = [Coder(side.text, side.encoder, side.only_settings()) for side in sides]
    with executor as running:
        refs = [ref for _, ref in clips.values()]
        found = compare_bits((coders[0], coders[1]), goals, refs, running, metrics, seed)
    labels = (sides[0].text, sides[1].text)
    failures = find_failures(found, most_more, strict=strict)
    sentences = [summarise(each, labels) for each in found]
    if as_json:
        rows = [_row(*each) for each in zip(found, sentences, strict=True)]
        told = {
            "format_version": FORMAT_VERSION,
            "a": labels[0],
            "b": labels[1],
            "clips": {digest: name for digest, (name, _) in clips.items()},
            "passed": not failures,
            "failures": failures,
            "targets": rows,
        }
        print(json.dumps(told, indent=1))
    else:
        print("\n".join(sentences))
    for failure in failures:
        print(f"FAILED for {failure}", file=sys.stderr)
    if failures:
        raise typer.Exit(1)


def _row(each: BitsComparison, sentence: str) -> dict[str, Any]:
    return {
        "target": {"quality": each.goal.quality, "share": each.goal.share},
        "sentence": sentence,
        "problem": each.problem,
        "bits_ratio": each.bits and asdict(each.bits),
        "time_ratio": each.time_ratio,
        "judges": {name: asdict(gain) for name, gain in each.judges.items()},
        "a": each.a and _side(each.a),
        "b": each.b and _side(each.b),
    }


def _side(needed: Needed) -> dict[str, Any]:
    point, crossing = needed.probe.point, needed.crossing
    return {
        "settings": {RATE_MODE: needed.settings.rate_mode, **needed.settings.as_dict()},
        "reached": needed.reached,
        "knob": point.knob,
        "kbps": point.kbps,
        "quality": point.quality,
        "crossing_kbps": crossing and asdict(crossing),
        "encode_s": needed.probe.encode_s,
        "passes": needed.match.passes,
    }


def parse_goals(text: str, share: float | None) -> list[Goal]:
    """ "80,90" as targets. Raises `StudyError`."""
    from tuner.cli.arguments.study import parse_qualities
    from tuner.study.goal import make_goal

    return [make_goal(quality, share) for quality in parse_qualities(text)]

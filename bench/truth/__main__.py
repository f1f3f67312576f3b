"""Figures of the quality model on sounds that it never saw, beside four metrics.

    python -m bench.truth --clips CLIPS --work WORK [--parts gauntlet,pearson,speed]

Listens to excerpts of the tune and holdout side of CLIPS and to synthetic sounds of seeds that
training never uses. Scores and encodes are kept in WORK: a run goes on where one was killed,
and another model costs its own scores alone. Prints what each case gave, then one table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from bench.truth.agreement import QUESTIONS, agreement
from bench.truth.bandwidth import bandwidth
from bench.truth.dense import dense
from bench.truth.gaps import gaps
from bench.truth.gauntlet import gauntlet
from bench.truth.invariance import invariance
from bench.truth.lame import blocks, mono
from bench.truth.listening import Listening
from bench.truth.panel import ratings
from bench.truth.pearson import pearson
from bench.truth.people import lowpass_curve, odaq_families, public_tests
from bench.truth.perception import perception
from bench.truth.references import SIDES, Reference, load_references
from bench.truth.speed import speed
from bench.truth.table import Row, print_table
from tuner.cli.commands.dataset import usable_encoders
from tuner.jobs.executor import make_executor
from tuner.model.scorer import SHIPPED_WEIGHTS, InseNetScorer

Part = Callable[[list[Reference], Listening], list[Row]]
PARTS: dict[str, Part] = {
    "gauntlet": gauntlet,
    "perception": perception,
    "invariance": invariance,
    "blocks": blocks,
    "mono": mono,
    "gaps": gaps,
    "bandwidth": bandwidth,
    "lowpass": lowpass_curve,
    "odaq": odaq_families,
    "public": public_tests,
    "dense": dense,
    "speed": speed,
}
ALL = [*PARTS, "ratings", "pearson", "agreement"]


def main() -> None:
    """Parse the arguments, run the parts, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="folder of `human`; that of CLIPS if not given")
    parser.add_argument("--parts", type=_names(ALL), default=ALL)
    parser.add_argument("--sides", type=_names(SIDES), default=list(SIDES))
    parser.add_argument("--excerpt", type=float, default=4.0, help="seconds of each sound")
    parser.add_argument("--limit-clips", type=int, help="most sounds of each side")
    parser.add_argument("--weights", default=str(SHIPPED_WEIGHTS), help="the model's")
    parser.add_argument("--settings", type=int, default=20, help="of each question of agreement")
    parser.add_argument("--encoders", type=_names(QUESTIONS), default=list(QUESTIONS))
    parser.add_argument("--pairs", type=int, default=2, help="of pearson, by sound and encoder")
    parser.add_argument("--only-encoder", help="of pearson: some that the model never met")
    parser.add_argument("--ratings", type=Path, help="work folder of bench.ratings")
    parser.add_argument("--workers", type=int, default=2, help="processes of pearson, agreement")
    arguments = parser.parse_args()
    references = load_references(
        arguments.clips, arguments.excerpt, arguments.limit_clips, tuple(arguments.sides)
    )
    data: Path = arguments.data or arguments.clips.parent
    listening = Listening(arguments.work, data, InseNetScorer(arguments.weights))
    rows: list[Row] = []
    for part in arguments.parts:
        if part in PARTS:
            rows += PARTS[part](references, listening)
        elif part == "ratings":
            rows += ratings(arguments.ratings or arguments.work / "ratings", arguments.weights)
        else:
            rows += _coded(part, references, listening, arguments)
    print_table(rows)


def _coded(
    part: str, references: list[Reference], listening: Listening, arguments: argparse.Namespace
) -> list[Row]:
    """A part that codes by the executor's workers."""
    work: Path = arguments.work
    executor = make_executor("local", workers=arguments.workers, cache_folder=work / "cache")
    scorers = listening.scorers
    with closing(executor):
        if part == "agreement":
            common = (references, scorers, executor, work)
            return agreement(*common, arguments.encoders, arguments.settings)
        only: str | None = arguments.only_encoder
        encoders = usable_encoders(only)
        teachers = (references, scorers[:3], executor, work)
        return pearson(*teachers, encoders, arguments.pairs, left_out=bool(only))


def _names(known: Iterable[str]) -> Callable[[str], list[str]]:
    """A comma-separated list of known names."""
    legal = list(known)

    def names(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(legal):
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}; there are {', '.join(legal)}")
        return chosen

    return names


if __name__ == "__main__":
    main()

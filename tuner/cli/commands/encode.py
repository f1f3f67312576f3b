"""`tuner encode`: encode a library of one's own with the winner of a run."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuner.cli.arguments.trust_options import BinaryOption, TrustOption, make_trust
from tuner.cli.display.interrupts import EXIT_INTERRUPTED, as_interrupts, stop_twice
from tuner.errors import RunError

if TYPE_CHECKING:
    from tuner.apply.encode import Result
    from tuner.encoder import Encoder
    from tuner.records import Candidate
    from tuner.study.trust import Trust


def encode(
    run: Annotated[str, typer.Argument(help="RUN@96: the run directory and its target kb/s.")],
    sources: Annotated[list[Path], typer.Argument(help="Sound files, or folders of them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the coded files.")],
    settings: Annotated[
        str | None,
        typer.Option(help="default, tuned or trial-N; what the verdict recommends if not given."),
    ] = None,
    workers: Annotated[int, typer.Option(help="Files at once; 0: one per core.", min=0)] = 0,
    any_build: Annotated[
        bool, typer.Option("--any-build", help="Go on with another build of the encoder.")
    ] = False,
    binary: BinaryOption = None,
    trust: TrustOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Encode your own files with the settings that a run found at a bitrate.

    Folders keep their structure, files their tags. Running the same command again encodes
    only what is missing or has changed. A file that cannot be encoded is told at the end and
    makes the exit status 1; the others are encoded nevertheless.
    """
    from tuner.apply.encode import encode_library, make_recipe, plan
    from tuner.apply.player import settings_of
    from tuner.cli.display.progress import progress_bar
    from tuner.cli.running import available_cores

    encoder, candidate = find_winner(
        run, settings, any_build=any_build, trust=make_trust(binary, trust)
    )
    recipe = make_recipe(encoder, settings_of(candidate), candidate.sides["tune"].knob)
    items = plan(sources, out, recipe.suffix)
    whose = "the encoder's default" if candidate.trial == 0 else f"trial {candidate.trial}"
    print(f"with {whose}: {shlex.join(candidate.command)}", file=sys.stderr)
    results: list[Result] = []
    try:
        with (
            as_interrupts(),
            stop_twice(lambda: "Ended. What was finished is kept.\n"),
            progress_bar("encoding") as update,
            contextlib.closing(
                encode_library(recipe, items, out, workers or available_cores())
            ) as made,
        ):
            update(0, len(items), "")
            for result in made:
                results.append(result)
                update(len(results), len(items), result.item.source.name)
    except KeyboardInterrupt:
        print(
            f"\nStopped. What was finished is kept in {out}; run the same command again to go on.",
            file=sys.stderr,
        )
        raise typer.Exit(EXIT_INTERRUPTED) from None
    results.sort(key=lambda result: result.item.target)
    if as_json:
        command = encoder.command_line(
            recipe.settings, recipe.knob, "input.wav", "output" + recipe.suffix
        )
        print(json.dumps({"command": list(command), "files": list(map(_row, results))}, indent=1))
    else:
        _print_summary(results, out)
    if any(result.state == "failed" for result in results):
        raise typer.Exit(1)


def find_winner(
    text: str, name: str | None, *, any_build: bool = False, trust: Trust | None = None
) -> tuple[Encoder, Candidate]:
    """The encoder of a run, and its settings at a bitrate.

    Args:
        text: ``RUN@96``; ``RUN`` where it has one bitrate only.
        name: of the settings (`tuner.apply.player.find_candidate`); None: the recommended.
        any_build: take the encoder's build that is here, whatever the run had.
        trust: what the run may use.

    Raises:
        RunError: no such run, bitrate or settings, or the encoder is another build.
    """
    from tuner.apply.player import encoder_of, find_bitrate, find_candidate, parse_run
    from tuner.results import read_results

    run, kbps = parse_run(text)
    results = read_results(run / "results.json")
    if kbps is None:
        if len(results.bitrates) != 1:
            known = " or ".join(f"{run}@{b.target_kbps:g}" for b in results.bitrates)
            raise RunError(f"{run}: at which bitrate? Give {known}")
        kbps = results.bitrates[0].target_kbps
    answer = find_bitrate(run, results, kbps)
    candidate = find_candidate(run, answer, name) if name else answer.candidates[answer.winner]
    encoder, made_by = encoder_of(run, trust), results.provenance
    here = encoder.version
    if here.digest != made_by.encoder_digest and not any_build:
        raise RunError(
            f"{run}: {encoder.name} here is another build ({here.text}, {here.binary}) than the"
            f" run's ({made_by.encoder_version}, {made_by.encoder_binary}); its settings may sound"
            " different. Install that build, or go on with --any-build"
        )
    return encoder, candidate


def _row(result: Result) -> dict[str, Any]:
    return {
        "source": str(result.item.source),
        "target": str(result.item.target),
        "state": result.state,
        "bitrate_kbps": result.bitrate_kbps and round(result.bitrate_kbps, 2),
        "duration_s": result.duration_s and round(result.duration_s, 3),
        "lost": result.lost,
        "problem": result.problem,
    }


def _print_summary(results: list[Result], out: Path) -> None:
    counts = Counter(result.state for result in results)
    told = [f"{counts[state]} {state}" for state in ("encoded", "skipped", "failed")]
    made = [(r.bitrate_kbps or 0.0, r.duration_s) for r in results if r.duration_s]
    seconds = sum(duration for _, duration in made)
    mean = f", {sum(k * d for k, d in made) / seconds:.1f} kb/s on average" if made else ""
    print(f"{', '.join(told)}{mean}: {out}")
    for lost, number in Counter(result.lost for result in results if result.lost).items():
        print(f"{number} without their {lost}")
    for result in results:
        if result.problem:
            print(f"failed: {result.problem}", file=sys.stderr)

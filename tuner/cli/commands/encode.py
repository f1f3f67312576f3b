"""`tuner encode`: encode a library of one's own with the winner of a run."""

from __future__ import annotations

import contextlib
import json
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
    from tuner.records import Candidate, Results
    from tuner.study.trust import Trust

#: Files that a warning names.
NAMED = 3
#: Files that are named for each kind of tag that was not kept; --json has all.
MOST_NAMES = 5


def encode(
    run: Annotated[str, typer.Argument(help="RUN@96: the run directory and its target kb/s.")],
    sources: Annotated[list[Path], typer.Argument(help="Audio files, or folders of them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Output folder.")],
    settings: Annotated[
        str | None,
        typer.Option(help="default, tuned or trial-N (default: as the verdict recommends)."),
    ] = None,
    workers: Annotated[
        int, typer.Option(help="Files encoded in parallel (0 = one per core).", min=0)
    ] = 0,
    downmix: Annotated[
        bool, typer.Option("--downmix", help="Mix files of more than two channels to stereo.")
    ] = False,
    any_build: Annotated[
        bool, typer.Option("--any-build", help="Allow another build of the encoder.")
    ] = False,
    binary: BinaryOption = None,
    trust: TrustOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Encode your own files with the settings that a run found at a bitrate.

    Folders keep their structure, files their tags. Running the same command again encodes only
    missing or changed files. Files that cannot be encoded are listed at the end and make the
    exit status 1; the others are still encoded.
    """
    from tuner.answer.validation import TARGET
    from tuner.apply.encode import encode_library, make_encoding, plan
    from tuner.cli.display.progress import progress_bar
    from tuner.cli.running import available_cores
    from tuner.encoder import SOURCE, converting
    from tuner.records import join_commands

    encoder, candidate, results_of_run = find_winner(
        run, settings, any_build=any_build, trust=make_trust(binary, trust)
    )
    tuned_at = {clip.rate for clip in results_of_run.clips if clip.side == "tune"}
    encoding = make_encoding(
        encoder,
        candidate.settings,
        candidate.sides["tune"].knob,
        results_of_run.provenance.rate,
        max(tuned_at),
        to_stereo=downmix,
    )
    items = plan(sources, out, encoding.suffix)
    whose = "the encoder's default" if candidate.trial == 0 else f"trial {candidate.trial}"
    convert = converting(encoding.rate, to_stereo=downmix)
    source, target = convert[-1] if convert else SOURCE, TARGET + encoding.suffix
    command = list(encoder.command_line(encoding.settings, encoding.knob, source, target))
    print(f"with {whose}: {join_commands(convert, command)}", file=sys.stderr)
    results: list[Result] = []
    try:
        with (
            as_interrupts(),
            stop_twice(lambda: "Stopped. Finished files are kept.\n"),
            progress_bar("encoding") as update,
            contextlib.closing(
                encode_library(encoding, items, out, workers or available_cores())
            ) as made,
        ):
            update(0, len(items), "")
            for result in made:
                results.append(result)
                update(len(results), len(items), result.item.source.name)
    except KeyboardInterrupt:
        print(
            f"\nStopped. Finished files are kept in {out}; run the same command again to resume.",
            file=sys.stderr,
        )
        raise typer.Exit(EXIT_INTERRUPTED) from None
    results.sort(key=lambda result: result.item.target)
    if as_json:
        shown = {"convert": convert, "command": command}
        print(json.dumps({**shown, "files": list(map(_row, results))}, indent=1))
    else:
        _print_summary(results, out)
    _warn_of_rates(results, tuned_at)
    _warn_of_channels(results, {clip.channels for clip in results_of_run.clips})
    if any(result.state == "failed" for result in results):
        raise typer.Exit(1)


def find_winner(
    text: str, name: str | None, *, any_build: bool = False, trust: Trust | None = None
) -> tuple[Encoder, Candidate, Results]:
    """The encoder of a run, its settings at a bitrate, and all its results.

    Args:
        text: ``RUN@96``; ``RUN`` where it has one bitrate only.
        name: of the settings (`tuner.apply.player.find_candidate`); None: the recommended.
        any_build: take the encoder's build that is here, whatever the run had.
        trust: what the run may use.

    Raises:
        RunError: no such run, bitrate or settings, or the encoder is another build.
    """
    from tuner.apply.player import encoder_of, find_bitrate, find_candidate, parse_run
    from tuner.results import read_run

    run, kbps = parse_run(text)
    results = read_run(run)
    if kbps is None:
        targets = [each.target_kbps for each in results.everything]
        if len(targets) != 1:
            known = " or ".join(f"{run}@{target:g}" for target in targets)
            raise RunError("has several bitrates", where=run, remedy=f"give {known}")
        (kbps,) = targets
    answer = find_bitrate(run, results, kbps)
    candidate = find_candidate(run, answer, name) if name else answer.recommended
    encoder, made_by = encoder_of(run, trust), results.provenance
    here = encoder.version
    if here.digest != made_by.encoder_digest and not any_build:
        raise RunError(
            f"{encoder.name} here ({here.text}, {here.binary}) differs from the run's build"
            f" ({made_by.encoder_version}, {made_by.encoder_binary}); the settings may sound"
            " different",
            where=run,
            remedy="Install that build, or add --any-build",
        )
    return encoder, candidate, results


def _row(result: Result) -> dict[str, Any]:
    return {
        "source": str(result.item.source),
        "target": str(result.item.target),
        "state": result.state,
        "bitrate_kbps": result.bitrate_kbps and round(result.bitrate_kbps, 2),
        "duration_s": result.duration_s and round(result.duration_s, 3),
        "rate_hz": result.rate,
        "channels": result.channels,
        "lost": list(result.lost),
        "problem": result.problem,
        "failure": result.failure,
    }


def _warn_of_rates(results: list[Result], tuned_at: set[int]) -> None:
    """Name the files that were encoded at a rate that the settings were not tuned at."""
    from tuner.records import name_rates

    others: dict[int, list[str]] = {}
    for result in results:
        if result.rate is not None and result.rate not in tuned_at:
            others.setdefault(result.rate, []).append(str(result.item.source))
    for rate, names in sorted(others.items()):
        count = f"1 file is at {name_rates([rate])}"
        if len(names) > 1:
            count = f"{len(names)} files are at {name_rates([rate])}"
        _warn(count, f"at {name_rates(tuned_at)}", names)


def _warn_of_channels(results: list[Result], tuned_on: set[int]) -> None:
    """Name the surround files where the settings were tuned on other layouts, and the reverse."""
    from tuner.layout import name_layout

    # Mono and stereo clips stand in one run, and have always gone for each other.
    tuned = {max(channels, 2) for channels in tuned_on}
    others: dict[int, list[str]] = {}
    for result in results:
        if result.channels is not None and max(result.channels, 2) not in tuned:
            others.setdefault(result.channels, []).append(str(result.item.source))
    for channels, names in sorted(others.items()):
        count = f"{len(names)} file{'s'[: len(names) > 1]} in {name_layout(channels)}"
        _warn(count, f"on {', '.join(map(name_layout, sorted(tuned_on)))}", names)


def _warn(what: str, tuned: str, names: list[str]) -> None:
    shown = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    print(
        f"{what}, but the settings were tuned {tuned}; bitrate and sound may differ ({shown})",
        file=sys.stderr,
    )


def _printable(name: str) -> str:
    """A file's name as text: bytes that are no UTF-8 as question marks."""
    return name.encode(errors="replace").decode()


def _print_summary(results: list[Result], out: Path) -> None:
    counts = Counter(result.state for result in results)
    told = [f"{counts[state]} {state}" for state in ("encoded", "skipped", "failed")]
    made = [(r.bitrate_kbps or 0.0, r.duration_s) for r in results if r.duration_s]
    seconds = sum(duration for _, duration in made)
    mean = f", {sum(k * d for k, d in made) / seconds:.1f} kb/s on average" if made else ""
    print(f"{', '.join(told)}{mean}: {out}")
    for lost in dict.fromkeys(each for result in results for each in result.lost):
        names = [result.item.source.name for result in results if lost in result.lost]
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        files = ", ".join(map(_printable, names[:MOST_NAMES]))
        print(f"not carried over: {lost} ({files}{more})")
    for result in results:
        if result.problem:
            print(f"failed: {result.problem}", file=sys.stderr)

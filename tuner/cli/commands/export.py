"""`tuner export`: a run's settings as command lines, presets or JSON; verified."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuner.cli.arguments.trust_options import BinaryOption, TrustOption, make_trust

if TYPE_CHECKING:
    from tuner.apply.proof import Proof
    from tuner.records import Candidate, Results
    from tuner.study.trust import Trust

#: Of the JSON.
FORMAT_VERSION = 2
#: What stands before a program's name in a command line: ``env``, ``LC_ALL=C``.
PREFIX = re.compile(r"env|\w+=.*")


class Format(StrEnum):
    """What is printed."""

    SH = "sh"
    FOOBAR2000 = "foobar2000"
    FREAC = "freac"
    HANDBRAKE = "handbrake"
    JSON = "json"


def export(
    run: Annotated[str, typer.Argument(help="Run directory, or RUN@96 for one bitrate.")],
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="Command lines, fields of foobar2000's converter, an encoder for fre:ac,"
            " HandBrake presets, or JSON.",
        ),
    ] = Format.SH,
    settings: Annotated[
        str | None,
        typer.Option(help="default, tuned or trial-N (default: as the verdict recommends)."),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Run each command on a clip; its payload must match the run's."
        ),
    ] = False,
    binary: BinaryOption = None,
    trust: TrustOption = None,
) -> None:
    """Print the settings that a run recommends, per bitrate.

    With --verify, each command is run on one clip of the run; the exit status is 1 unless its
    payload matches what was scored bit for bit.
    """
    rows = list(_collect(run, settings, make_trust(binary, trust), verify=verify))
    if not rows and form in (Format.FREAC, Format.HANDBRAKE):
        from tuner.errors import RunError

        raise RunError("no bitrate has an answer", where=run, remedy="see its report")
    if form is Format.JSON:
        print(json.dumps(_as_json(run, rows), indent=1))
    elif form is Format.SH:
        for row in rows:
            print(f"{row.comments()}\n{row.candidate.shown}\n")
    elif form is Format.FREAC:
        print(_as_component(run, rows), end="")
    elif form is Format.HANDBRAKE:
        print(json.dumps(_as_handbrake(run, rows), indent=1))
    else:
        for row in rows:
            _print_converter(row)
    for row in rows:
        if row.proof:
            print(f"{row.kbps:g} kb/s: {row.proof.kind}: {row.proof.detail}", file=sys.stderr)
    if any(row.proof and row.proof.kind == "differs" for row in rows):
        raise typer.Exit(1)


class _Row:
    """One bitrate: its settings, and what is to be said of them."""

    def __init__(self, run: Path, results: Results, kbps: float, name: str | None) -> None:
        from tuner.apply.player import find_bitrate, find_candidate

        answer = find_bitrate(run, results, kbps)
        self.run, self.results, self.kbps = run, results, kbps
        self.verdict = answer.verdict
        self.candidate: Candidate = (
            find_candidate(run, answer, name) if name else answer.recommended
        )
        self.proof: Proof | None = None

    def comments(self) -> str:
        """Lines for people, as comments of a shell."""
        return "\n".join(map(_comment, self._sentences()))

    def name(self) -> str:
        """What a list of presets shows."""
        return f"tuner: {self.results.provenance.encoder}, {self.kbps:g} kb/s"

    def _rates(self) -> str:
        from tuner.records import name_rates

        told = ["Files are converted first, as its clips were."] if self.candidate.convert else []
        if self.results.provenance.rate is None:
            rates = name_rates(clip.rate for clip in self.results.clips)
            told.append(f"The run's clips were at {rates}.")
        return " ".join(told)

    def _sentences(self) -> Iterator[str]:
        from tuner.report.candidates import runs_adapter

        made_by, candidate = self.results.provenance, self.candidate
        side = candidate.sides["tune"]
        which = f"trial {candidate.trial}" if candidate.trial else "the encoder's default"
        yield (
            f"{self.kbps:g} kb/s: {made_by.encoder}, {which}; {side.bitrate_kbps:.1f} kb/s"
            f" measured on the tuning clips. {self._rates()}"
        )
        yield self.verdict.sentence
        yield from candidate.notes
        if runs_adapter(candidate):
            yield (
                "This command requires codec tuner; for your own files:"
                f" tuner encode {shlex.quote(f'{self.run}@{self.kbps:g}')} FILES -o FOLDER"
            )
        elif not _is_in_path(program := _program(candidate.command), made_by.encoder_binary):
            yield (
                f"{program} in your PATH is missing or differs from the build used:"
                f" {made_by.encoder_binary} ({made_by.encoder_version})"
            )
        if self.proof:
            yield f"{self.proof.kind}: {self.proof.detail}"


def _collect(text: str, name: str | None, trust: Trust, *, verify: bool) -> Iterator[_Row]:
    from tuner.apply.player import RunPlayer, encoder_of, parse_run
    from tuner.apply.proof import prove
    from tuner.cli.display.progress import progress_bar
    from tuner.results import read_run

    run, only = parse_run(text)
    results = read_run(run)
    answered = [b.target_kbps for b in results.bitrates]
    for missing in results.unanswered:
        if only in (None, missing.target_kbps):
            print(f"{missing.target_kbps:g} kb/s: {missing.problem}", file=sys.stderr)
    rows = [_Row(run, results, kbps, name) for kbps in (answered if only is None else [only])]
    if verify:
        player = RunPlayer(run, results, encoder_of(run, trust))
        with progress_bar("verifying") as update:
            for done, row in enumerate(rows, start=1):
                row.proof = prove(player, results, row.candidate)
                update(done, len(rows), "")
    yield from rows


def _as_json(run: str, rows: list[_Row]) -> dict[str, Any]:
    made_by = rows[0].results.provenance if rows else None
    return {
        "format_version": FORMAT_VERSION,
        "run": run,
        "encoder": made_by and made_by.encoder,
        "encoder_version": made_by and made_by.encoder_version,
        "encoder_binary": made_by and made_by.encoder_binary,
        "encoder_digest": made_by and made_by.encoder_digest,
        "bitrates": [
            {
                "target_kbps": row.kbps,
                "verdict": row.verdict.kind,
                "sentence": row.verdict.sentence,
                "trial": row.candidate.trial,
                "rate_mode": row.candidate.rate_mode,
                "values": row.candidate.values,
                "knob": row.candidate.sides["tune"].knob,
                "bitrate_kbps": row.candidate.sides["tune"].bitrate_kbps,
                "convert": row.candidate.convert,
                "command": row.candidate.command,
                "notes": row.candidate.notes,
                "proof": row.proof and asdict(row.proof),
            }
            for row in rows
        ],
    }


def _print_converter(row: _Row) -> None:
    """What to fill into foobar2000's dialogue: Converter, Output format, Add new, Custom."""
    from tuner.apply.converter import make_converter

    print(row.comments())
    fields = None if row.candidate.convert else make_converter(row.candidate.command)
    if fields is None:
        print("# foobar2000 cannot hold this command line:")
        print(f"{_comment(row.candidate.shown)}\n")
        return
    print(f"Encoder:    {fields.program}\nExtension:  {fields.extension}")
    print(f"Parameters: {fields.parameters}\nFormat is:  lossy\n")


def _as_component(run: str, rows: list[_Row]) -> str:
    """The encoder for fre:ac; a file of it holds one."""
    from tuner.apply.presets import make_component
    from tuner.errors import RunError

    if len(rows) != 1:
        known = ", ".join(f"{row.kbps:g}" for row in rows)
        raise RunError("one file holds one bitrate", where=run, remedy=f"add @ and one of {known}")
    (row,) = rows
    print(row.comments(), file=sys.stderr)
    component = None
    if not row.candidate.convert:
        component = make_component(row.candidate.command, row.name())
    if component is None:
        raise RunError(f"fre:ac cannot hold this command line: {row.candidate.shown}", where=run)
    return component


def _as_handbrake(run: str, rows: list[_Row]) -> dict[str, Any]:
    """The presets of the bitrates that HandBrake can hold; the others are told, with the reason."""
    from tuner.apply.presets import HANDBRAKE_VERSION, find_unheld, make_handbrake
    from tuner.errors import RunError

    presets = []
    for row in rows:
        command = row.candidate.command
        channels = {clip.channels for clip in row.results.clips}
        unheld = find_unheld(command, channels)
        if row.candidate.convert:
            unheld = ["converting the file first"]
        if unheld:
            told = f"{row.kbps:g} kb/s: HandBrake has no field for: {'; '.join(unheld)}"
            print(told, file=sys.stderr)
        else:
            presets.append(make_handbrake(command, row.name(), max(channels)))
    if not presets:
        raise RunError(
            "HandBrake can hold none of these settings", where=run, remedy="use `tuner encode`"
        )
    return {"PresetList": presets, **HANDBRAKE_VERSION}


def _comment(line: str) -> str:
    """A line as a comment that ends where it ends: a clip's name may hold line breaks."""
    return "# " + " ".join("".join(c if c.isprintable() else " " for c in line).split())


def _program(command: list[str]) -> str:
    """The first word that is no prefix; of an edited command, which may have none, the first."""
    return next((word for word in command if not PREFIX.fullmatch(word)), command[0])


def _is_in_path(program: str, binary: str) -> bool:
    found = shutil.which(program)
    return found is not None and os.path.realpath(found) == os.path.realpath(binary)

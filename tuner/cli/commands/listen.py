"""`tuner listen`: make a listening test, serve it, analyse it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.cli.arguments.trust_options import BinaryOption, TrustOption, make_trust
from tuner.cli.commands.listen_analyse import analyse
from tuner.cli.commands.listen_serve import invite, serve
from tuner.errors import StudyError

if TYPE_CHECKING:
    from tuner.listening.stimuli import Material

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Create, serve and analyse listening tests."
)

#: How often ABX asks each clip: 16 answers over the usual clips, see docs/listening.md.
ABX_REPEATS = 4
#: Of a MUSHRA test (BS.1534-3, 7.1 and 5.1): clips, and the length of one.
LEAST_CLIPS, LONGEST_S = 5, 12.0


@app.command()
def make(
    run: Annotated[Path | None, typer.Argument(help="Run directory of `tuner run`.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Test folder.")] = Path("listening-test"),
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Folder with reference/ and conditions, instead of a run."),
    ] = None,
    bitrates: Annotated[
        str | None, typer.Option("--bitrate", help="Only these kb/s, as in 64,96.")
    ] = None,
    conditions: Annotated[
        str | None,
        typer.Option(help="Conditions (default: default,tuned); also finalists, as in trial-17."),
    ] = None,
    clips: Annotated[int, typer.Option(help="Held-out clips, drawn at random.", min=1)] = 8,
    abx: Annotated[bool, typer.Option(help="ABX instead of MUSHRA.")] = False,
    repeats: Annotated[int | None, typer.Option(help="Trials per clip.")] = None,
    title: Annotated[str, typer.Option(help="Title shown to listeners.")] = "Listening test",
    intro: Annotated[
        Path | None,
        typer.Option(help="Markdown file that listeners must accept before the test."),
    ] = None,
    questions: Annotated[
        str | None,
        typer.Option(help="TOML file of questions asked before the test, or standard."),
    ] = None,
    tone: Annotated[
        float | None,
        typer.Option(help="Have the volume set by a 1 kHz tone; its dB above the clips' loudness."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed for drawing clips.")] = 0,
    binary: BinaryOption = None,
    trust: TrustOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Create the stimuli and plan of a MUSHRA or ABX test from a run or a folder."""
    from tuner.cli.arguments.listen_material import from_folder, from_run
    from tuner.cli.arguments.listen_verdict import note_run
    from tuner.cli.arguments.study import parse_bitrates
    from tuner.cli.display.progress import progress_bar
    from tuner.listening.consent import read_intro
    from tuner.listening.questions import read_questions
    from tuner.listening.stimuli import make_test
    from tuner.sound.audio import SAMPLE_RATE

    shown = read_intro(intro) if intro else ""
    asked = read_questions(questions) if questions else ()
    if (run is None) == (source is None):
        raise StudyError("give a run directory, or --from FOLDER", where="tuner listen make")
    wanted = tuple(conditions.split(",")) if conditions else None
    rates = parse_bitrates(bitrates) if bitrates else None
    if run is not None:
        total, names, materials = from_run(
            *(run, rates, wanted, clips, seed), make_trust(binary, trust)
        )
    else:
        assert source is not None
        total, names, materials = from_folder(source, wanted)

    lengths_s = []

    def counted() -> Iterator[Material]:
        with progress_bar("stimuli") as update:
            for done, material in enumerate(materials, start=1):
                lengths_s.append(material.reference.shape[1] / SAMPLE_RATE)
                yield material
                update(done, total, material.clip)

    plan = make_test(
        out,
        counted(),
        title=title,
        baseline="default" if "default" in names else names[0],
        kind="abx" if abx else "mushra",
        repeats=repeats or (ABX_REPEATS if abx else 1),
        seed=seed,
        intro=shown,
        questions=asked,
        tone_db=tone,
    )
    if run is not None:
        note_run(out, run)
    if plan.kind == "mushra":
        for note in _advice(len({trial.clip for trial in plan.trials}), max(lengths_s)):
            print(f"Note: {note}", file=sys.stderr)
    if as_json:
        print(json.dumps({"test": str(out), "kind": plan.kind, "pages": len(plan.trials)}))
    else:
        pages = "1 page" if len(plan.trials) == 1 else f"{len(plan.trials)} pages"
        print(f"{out}: {pages}. Next: tuner listen serve {out}")


def _advice(clips: int, longest_s: float) -> Iterator[str]:
    """Where a test is not what the standard wants."""
    if clips < LEAST_CLIPS:
        yield f"ITU-R BS.1534-3 (7.1) asks for at least {LEAST_CLIPS} clips; this test has {clips}"
    if longest_s > LONGEST_S:
        yield (
            f"ITU-R BS.1534-3 (5.1) asks for clips of about 10 s, at most {LONGEST_S:g};"
            f" the longest here has {longest_s:.1f}"
        )


app.command()(invite)
app.command()(serve)
app.command()(analyse)

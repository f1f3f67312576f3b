"""`tuner listen`: make a listening test, serve it, analyse it."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.errors import StudyError

if TYPE_CHECKING:
    from tuner.listening.analysis import Analysis
    from tuner.listening.crossed import Mean
    from tuner.listening.stimuli import Material

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Make, serve and analyse a listening test."
)

#: How often ABX asks each clip: 16 answers over the usual clips, see docs/listening.md.
ABX_REPEATS = 4
#: Of a MUSHRA test (BS.1534-3, 7.1 and 5.1): clips, and the length of one.
LEAST_CLIPS, LONGEST_S = 5, 12.0


@app.command()
def make(
    run: Annotated[Path | None, typer.Argument(help="Run directory of `tuner run`.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the test.")] = Path(
        "listening-test"
    ),
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Instead of a run: folder with reference/ and conditions."),
    ] = None,
    bitrates: Annotated[
        str | None, typer.Option("--bitrate", help="Only these kb/s, as in 64,96.")
    ] = None,
    conditions: Annotated[
        str | None,
        typer.Option(help="default,tuned unless given; also finalists by trial, as in trial-17."),
    ] = None,
    clips: Annotated[int, typer.Option(help="Held-out clips, drawn by the seed.", min=1)] = 8,
    abx: Annotated[bool, typer.Option(help="ABX instead of MUSHRA.")] = False,
    repeats: Annotated[int | None, typer.Option(help="How often each clip is asked.")] = None,
    title: Annotated[str, typer.Option(help="What listeners read.")] = "Listening test",
    seed: Annotated[int, typer.Option(help="Seed of clips, names and orders.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write stimuli and plan of a MUSHRA (or ABX) test, from a run or from a folder."""
    from tuner.audio import SAMPLE_RATE
    from tuner.cli.listen_material import from_folder, from_run
    from tuner.cli.listen_verdict import note_run
    from tuner.cli.progress import progress_bar
    from tuner.cli.study import parse_bitrates
    from tuner.listening.stimuli import make_test

    if (run is None) == (source is None):
        raise StudyError("tuner listen make: give a run directory, or --from FOLDER")
    wanted = tuple(conditions.split(",")) if conditions else None
    rates = parse_bitrates(bitrates) if bitrates else None
    if run is not None:
        total, names, materials = from_run(run, rates, wanted or ("default", "tuned"), clips, seed)
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
        yield f"ITU-R BS.1534-3 (7.1) wants at least {LEAST_CLIPS} clips; this test has {clips}"
    if longest_s > LONGEST_S:
        yield (
            f"ITU-R BS.1534-3 (5.1) wants clips of about 10 s, at most {LONGEST_S:g};"
            f" the longest here has {longest_s:.1f}"
        )


@app.command()
def serve(
    test: Annotated[Path, typer.Argument(help="Folder of the test.")],
    host: Annotated[str, typer.Option(help="Address; other than local needs --token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port.", min=1, max=65535)] = 8765,
    token: Annotated[str | None, typer.Option(help="Word that listeners' address holds.")] = None,
) -> None:
    """Serve a test to listeners' browsers until Ctrl-C."""
    from urllib.parse import quote

    import uvicorn

    from tuner.listening.server import check_host, make_app

    check_host(host, token)
    app_ = make_app(test, token)
    shown = f"[{host}]" if ":" in host else host
    query = f"?token={quote(token, safe='')}" if token else ""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise StudyError(
            f"{shown}:{port}: cannot be listened on ({error.strerror}); name another --port"
        ) from error
    print(f"http://{shown}:{port}/{query}", flush=True)
    # Not its access log: it would write the token.
    config = uvicorn.Config(app_, log_level="warning", access_log=False)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


@app.command()
def analyse(
    test: Annotated[Path, typer.Argument(help="Folder of the test.")],
    export: Annotated[
        Path | None, typer.Option(help="Write ratings as CSV for `tuner ratings`.")
    ] = None,
    webmushra: Annotated[
        Path | None, typer.Option(help="Write the test as a webMUSHRA configuration (YAML).")
    ] = None,
    webmushra_results: Annotated[
        Path | None, typer.Option(help="webMUSHRA's mushra.csv: its listeners count, too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Screen listeners; print means, comparisons and agreement with the model.

    Of a test on a run, the verdicts in its report follow.
    """
    from dataclasses import asdict

    from tuner.cli.listen_verdict import tell_run
    from tuner.listening.analysis import NobodyLeft
    from tuner.listening.analysis import analyse as analyse_answers
    from tuner.listening.answers import read_all_answers
    from tuner.listening.export import export_ratings
    from tuner.listening.plan import read_plan
    from tuner.listening.webmushra import export_webmushra, read_webmushra

    plan, answers = read_plan(test), read_all_answers(test)
    if webmushra:
        export_webmushra(plan, webmushra)
        if not as_json:
            print(
                f"{webmushra}: put it into webMUSHRA's configs/, and {test / 'stimuli'} into its"
                " configs/resources/"
            )
        if not answers and webmushra_results is None:
            return
    if webmushra_results:
        theirs = read_webmushra(webmushra_results, plan)
        # Whoever answered in both places is two listeners.
        answers |= {f"{n} (webMUSHRA)" if n in answers else n: each for n, each in theirs.items()}
    try:
        analysis = analyse_answers(plan, answers)
    except NobodyLeft as error:
        raise NobodyLeft(f"{test}: {error}") from error
    if export:
        export_ratings(test, plan, answers, analysis, export)
    told = tell_run(test, plan, analysis)
    if as_json:
        print(json.dumps({**asdict(analysis), "run": told}, indent=1))
        return
    _print(analysis)
    for sentence in told:
        print(sentence)
    if export:
        print(f"{export}: teach the model with  tuner ratings {export}")


def _print(analysis: Analysis) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    several = len(analysis.subjects) > 1
    console.print(
        f"{len(analysis.subjects)} subject{'s count' if several else ' counts'}.", highlight=False
    )
    for subject, reason in analysis.screened.items():
        console.print(Text(f"  {subject} is left out: {reason}"))
    for subject, left in analysis.unfinished.items():
        pages = "1 page" if left == 1 else f"{left} pages"
        console.print(Text(f"  {subject} is left out: {pages} to go"))
    if analysis.abx:
        table = Table("subject", "right", "p (guessing)", title="ABX")
        for one in analysis.abx:
            table.add_row(Text(one.subject), f"{one.right} of {one.trials}", _p(one.p))
        console.print(table)
        return
    table = Table("kb/s", "condition", "mean", "95 % interval", title="Ratings")
    for row in sorted(analysis.means, key=lambda m: (m.bitrate_kbps or 0, -m.mean.value)):
        figures = (f"{row.mean.value:.1f}", _interval(row.mean, ".1f"))
        table.add_row(_rate(row.bitrate_kbps), Text(row.condition), *figures)
    console.print(table)
    if analysis.comparisons:
        table = Table("kb/s", "difference", "points", "95 % interval", "p (Holm)")
        for each in analysis.comparisons:
            what = Text(f"{each.condition} less {each.baseline}")
            figures = (f"{each.difference.value:+.1f}", _interval(each.difference, "+.1f"))
            table.add_row(_rate(each.bitrate_kbps), what, *figures, _p(each.p))
        console.print(table)
    if agreement := analysis.agreement:
        parts = [f"{agreement.stimuli} stimuli"]
        if agreement.pearson is not None and agreement.spearman is not None:
            parts.append(f"Pearson {agreement.pearson:.2f}, Spearman {agreement.spearman:.2f}")
        if agreement.same_sign is not None:
            parts.append(f"the same order in {agreement.same_sign:.0%} of {agreement.pairs} pairs")
        console.print(f"Agreement with the model: {'; '.join(parts)}.", highlight=False)
    console.print(
        "Intervals and p: subjects and clips both count as samples (crossed random effects,"
        " Satterthwaite); with one subject, or one clip, only the other does.",
        highlight=False,
    )


def _interval(mean: Mean, form: str) -> str:
    if mean.low is None or mean.high is None:
        return "cannot be told"
    return f"{mean.low:{form}} to {mean.high:{form}}"


def _rate(kbps: float | None) -> str:
    return "" if kbps is None else f"{kbps:g}"


def _p(p: float | None) -> str:
    return "" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"

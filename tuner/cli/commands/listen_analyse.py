"""`tuner listen analyse`: who counts, means, differences, agreement; as text, JSON or a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tuner.listening.analysis import AbxResult, Analysis
    from tuner.listening.crossed import Mean
    from tuner.listening.ratings import Comparison, ConditionMean


def analyse(
    test: Annotated[Path, typer.Argument(help="Test folder.")],
    export: Annotated[
        Path | None, typer.Option(help="Write ratings as CSV for `tuner ratings`.")
    ] = None,
    webmushra: Annotated[
        Path | None, typer.Option(help="Write the test as a webMUSHRA configuration (YAML).")
    ] = None,
    webmushra_results: Annotated[
        Path | None, typer.Option(help="webMUSHRA's mushra.csv; its listeners are included.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write an HTML page with dot plots, per item and overall.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Question whose replies split the listeners, by its id.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Screen listeners; print means, comparisons and agreement with the model.

    For a test of a run, the verdicts in the run's report are updated.
    """
    from dataclasses import asdict

    from tuner.cli.arguments.listen_verdict import tell_run
    from tuner.listening.analysis import NobodyLeft
    from tuner.listening.analysis import analyse as analyse_answers
    from tuner.listening.answers import read_all_answers
    from tuner.listening.export import export_ratings
    from tuner.listening.plan import read_plan
    from tuner.listening.plot import write_analysis
    from tuner.listening.profiles import read_profiles
    from tuner.listening.webmushra import export_webmushra, read_webmushra

    plan = read_plan(test)
    answers, refused = read_all_answers(test, plan)
    if webmushra:
        export_webmushra(plan, webmushra)
        if not as_json:
            print(
                f"{webmushra}: copy it to webMUSHRA's configs/, and {test / 'stimuli'} to its"
                " configs/resources/"
            )
        if not answers and not refused and webmushra_results is None:
            return
    profiles = read_profiles(test, plan, answers)
    if webmushra_results:
        theirs = read_webmushra(webmushra_results, plan)
        # Whoever answered in both places is two listeners.
        answers |= {f"{n} (webMUSHRA)" if n in answers else n: each for n, each in theirs.items()}
    try:
        analysis = analyse_answers(plan, answers, refused, profiles, by)
    except NobodyLeft as error:
        raise NobodyLeft.of(error, where=str(test)) from error
    if export:
        export_ratings(test, plan, answers, analysis, export)
    if html:
        write_analysis(plan, analysis, html)
    told = tell_run(test, plan, analysis)
    if as_json:
        print(json.dumps({**asdict(analysis), "run": told}, indent=1))
        return
    _print(analysis)
    for sentence in told:
        print(sentence)
    if html:
        print(f"{html}: the plots")
    if export:
        print(f"{export}: fine-tune the model with  tuner ratings {export}")


def _print(analysis: Analysis) -> None:
    from rich.console import Console
    from rich.text import Text

    from tuner.listening.items import name_item

    console = Console()
    several = len(analysis.subjects) > 1
    console.print(
        f"{len(analysis.subjects)} subject{'s' if several else ''} included.", highlight=False
    )
    for subject, reason in analysis.screened.items():
        console.print(Text(f"  {subject} excluded: {reason}"))
    for subject, left in analysis.unfinished.items():
        pages = "1 page" if left == 1 else f"{left} pages"
        console.print(Text(f"  {subject} excluded: {pages} unfinished"))
    for file, reason in analysis.refused.items():
        console.print(Text(f"  {file} excluded: {reason}"))
    for comment in analysis.comments:
        item = name_item(comment.clip, comment.bitrate_kbps)
        console.print(Text(f"  {comment.subject} on {item}: {_plain(comment.text)}"))
        console.print(Text(f"    ({', '.join(comment.letters)})"))
    if analysis.abx:
        console.print(_guesses("subject", {one.subject: one for one in analysis.abx}, "ABX"))
        if by := {each.reply: each.abx for each in analysis.groups if each.abx}:
            console.print(_guesses(analysis.groups[0].question, by, "ABX by group"))
        return
    _print_ratings(console, "Ratings", analysis.means, analysis.comparisons)
    for group in analysis.groups:
        title = f"{group.question}: {group.reply} ({len(group.subjects)})"
        _print_ratings(console, title, group.means, group.comparisons)
    if agreement := analysis.agreement:
        parts = [f"{agreement.stimuli} stimuli"]
        if agreement.pearson is not None and agreement.spearman is not None:
            parts.append(f"Pearson {agreement.pearson:.2f}, Spearman {agreement.spearman:.2f}")
        if agreement.same_sign is not None:
            parts.append(f"the same order in {agreement.same_sign:.0%} of {agreement.pairs} pairs")
        console.print(f"Agreement with the model: {'; '.join(parts)}.", highlight=False)
    console.print(
        "Intervals and p-values treat subjects and clips as random samples (crossed random effects,"
        " Satterthwaite); with one subject or one clip, only the other.",
        highlight=False,
    )


def _guesses(heading: str, results: Mapping[str, AbxResult], title: str) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(heading, "right", "p (guessing)", title=title)
    for name, one in results.items():
        table.add_row(Text(name), f"{one.right} of {one.trials}", _p(one.p))
    return table


def _print_ratings(
    console: Console,
    title: str,
    means: Sequence[ConditionMean],
    comparisons: Sequence[Comparison],
) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("kb/s", "condition", "mean", "95 % interval", title=Text(title))
    for row in sorted(means, key=lambda m: (m.bitrate_kbps or 0, -m.mean.value)):
        figures = (f"{row.mean.value:.1f}", _interval(row.mean, ".1f"))
        table.add_row(_rate(row.bitrate_kbps), Text(row.condition), *figures)
    console.print(table)
    if comparisons:
        table = Table("kb/s", "difference", "points", "95 % interval", "p (Holm)")
        for each in comparisons:
            what = Text(f"{each.condition} minus {each.baseline}")
            figures = (f"{each.difference.value:+.1f}", _interval(each.difference, "+.1f"))
            table.add_row(_rate(each.bitrate_kbps), what, *figures, _p(each.p))
        console.print(table)


def _plain(text: str) -> str:
    """A listener's words without what would steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _interval(mean: Mean, form: str) -> str:
    if mean.low is None or mean.high is None:
        return "unknown"
    return f"{mean.low:{form}} to {mean.high:{form}}"


def _rate(kbps: float | None) -> str:
    return "" if kbps is None else f"{kbps:g}"


def _p(p: float | None) -> str:
    return "" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"

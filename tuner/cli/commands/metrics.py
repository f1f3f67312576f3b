"""`tuner metrics`: what is installed, what each cannot hear, and whether one keeps the contract."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.errors import MetricError, StudyError, TunerError
from tuner.metric import FAMILY_WORDS
from tuner.records import MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuner.metric import Metric


def metrics(
    name: Annotated[
        str | None, typer.Argument(help="Show this metric (name or TOML file).")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the metric against the contract.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the metrics with family, range, version, and what they cannot hear."""
    from tuner.metrics.registry import load_metric, metric_names

    if check:
        if name is None:
            raise StudyError("--check needs a metric, as in `tuner metrics my-metric.toml --check`")
        _check(load_metric(name), as_json=as_json)
        return
    names = list(metric_names()) if name is None else [name]
    rows = [_describe(load_metric(each)) if name else _state(each) for each in names]
    if as_json:
        print(json.dumps(rows if name is None else rows[0], indent=1))
    else:
        _print(rows)


def choose_metrics(
    names: Sequence[str], weights: str | None = None, device: str = "cpu"
) -> tuple[Metric, ...]:
    """Metrics by name or file; the quality model with the weights that are asked for.

    Raises:
        MetricError: one is not there or wrong, two are called the same, or one that a file
            declares does not hear loud noise.
        WeightsError: the weights are missing, damaged or of another network.
    """
    from tuner.metrics.insenet import load
    from tuner.metrics.registry import check_names, is_metric_file, load_metric

    found = []
    for name in names:
        metric = load(weights, device) if name == MODEL else load_metric(name)
        if is_metric_file(name):
            _refuse_deaf(metric)
        found.append(metric)
    check_names(found)
    return tuple(found)


def parse_names(text: str, flag: str) -> list[str]:
    """ "visqol,./my.toml" as names, files as absolute paths; "none" as none at all.

    Raises:
        StudyError: a name is missing.
    """
    from tuner.study.files import locate_metric

    names = [name.strip() for name in text.split(",")]
    if names == ["none"]:
        return []
    if not all(names):
        raise StudyError(
            "give metrics separated by commas (see `tuner metrics`)", where=f"{flag} {text}"
        )
    return [locate_metric(name, Path()) for name in names]


def _refuse_deaf(metric: Metric) -> None:
    """A program that prints whatever it likes must not judge a night's work."""
    from tuner.testing.metric_contract import hears_loud_noise

    if not hears_loud_noise(metric):
        raise MetricError(
            "a signal drowned in noise scores as high as the reference",
            where=f"metric {metric.name}",
            remedy="run `tuner metrics FILE --check` for details",
        )


def _describe(metric: Metric) -> dict[str, object]:
    about = asdict(metric.about)
    about["cannot_hear"] = list(metric.about.cannot_hear)
    return {"metric": metric.name, "version": metric.version, "problem": None, **about}


def _state(name: str) -> dict[str, object]:
    """One metric of the list; `problem` says why it cannot be used."""
    from tuner.metrics.registry import load_metric

    try:
        return _describe(load_metric(name))
    except TunerError as error:
        return {"metric": name, "problem": str(error), "failure": error.as_dict()}


def _print(rows: Sequence[dict[str, object]]) -> None:
    for row in rows:
        if row["problem"]:
            print(f"{row['metric']}: not usable: {row['problem']}")
            continue
        better = "" if row["better"] == "higher" else ", lower is better"
        taught = "; used to train the quality model" if row["taught_model"] else ""
        deaf: list[str] = row["cannot_hear"]  # type: ignore[assignment]
        print(
            f"{row['metric']}: {row['label']}, {FAMILY_WORDS[str(row['family'])]},"
            f" {row['low']:g} to {row['high']:g} {row['unit']}{better}{taught}\n"
            f"  version: {row['version']}"
        )
        if deaf:
            print(f"  cannot hear: {'; '.join(deaf)}")


def _check(metric: Metric, *, as_json: bool) -> None:
    from tuner.testing import find_breaches

    kept = {promise: problem for promise, problem in find_breaches(metric)}
    if as_json:
        print(json.dumps({"metric": metric.name, "version": metric.version, "checks": kept}))
    else:
        for promise, problem in kept.items():
            print(f"ok    {promise}" if problem is None else f"FAIL  {promise}: {problem}")
    if any(kept.values()):
        raise typer.Exit(1)

"""`tuner run`: search the best settings at each bitrate, validate, report."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.cli.arguments.study import (
    check_origin,
    parse_bitrates,
    parse_exhibits,
    parse_fixed,
    parse_qualities,
    parse_rate,
    resolve_study,
)
from tuner.cli.arguments.target_options import TargetShareOption
from tuner.cli.arguments.trust_options import TrustOption
from tuner.cli.commands.metrics import choose_metrics, parse_names
from tuner.cli.running import available_cores
from tuner.encoder import RATE_MODE
from tuner.errors import ClipError, TunerError
from tuner.records import MODEL
from tuner.study.database_url import locate_url
from tuner.study.files import locate, locate_metric
from tuner.study.spec import DEFAULT_JUDGES, ClipsSpec, StudySpec
from tuner.study.trust import remember

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuner.driver.parts import Parts
    from tuner.encoder import Encoder
    from tuner.metric import Metric
    from tuner.sound.clips import ClipSet

#: Where runs go when --out is not given.
RUNS_FOLDER = "runs"

log = logging.getLogger("tuner.run")


def run(
    study: Annotated[
        str | None,
        typer.Argument(help="Study file, or the name of a shipped study (aac-low)."),
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Encoder (see `tuner encoders`) or its TOML file.")
    ] = None,
    binary: Annotated[str | None, typer.Option(help="Path to the encoder executable.")] = None,
    clips: Annotated[Path | None, typer.Option(help="Folder of lossless audio files.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="CSV file with sides and excerpts.")] = None,
    allow_lossy: Annotated[
        bool, typer.Option("--allow-lossy", help="Accept MP3 and other lossy files as references.")
    ] = False,
    downmix: Annotated[
        bool, typer.Option("--downmix", help="Mix clips of more than two channels to stereo.")
    ] = False,
    group_by: Annotated[
        str | None,
        typer.Option(
            help="Unit that is never split between the sets: recording (default) or folder."
        ),
    ] = None,
    per_category: Annotated[
        bool,
        typer.Option("--per-category", help="Search each category (speech, music, …) separately."),
    ] = False,
    rate: Annotated[
        str | None,
        typer.Option(help="Sample rate to encode at: source (default), or Hz as in 44100."),
    ] = None,
    bitrates: Annotated[str | None, typer.Option(help="Target kb/s, as in 64,96.")] = None,
    target_quality: Annotated[
        str | None,
        typer.Option(help="Find the lowest bitrate for these qualities, 1 to 99, as in 80,90."),
    ] = None,
    target_share: TargetShareOption = None,
    trials: Annotated[int | None, typer.Option(help="Trials per bitrate.")] = None,
    hours: Annotated[float | None, typer.Option(help="Total hours of search.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed for search and bootstrap.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Quality-model weights, as written by `tuner ratings`.")
    ] = None,
    judges: Annotated[
        str | None,
        typer.Option(help="Metrics that judge the result: names or TOML files, or none."),
    ] = None,
    objective_metric: Annotated[
        str | None,
        typer.Option(help="Optimise this metric instead of the quality model (name or TOML file)."),
    ] = None,
    executor: Annotated[str | None, typer.Option(help="Executor: local or ray.")] = None,
    address: Annotated[str | None, typer.Option(help="Address of a Ray cluster.")] = None,
    workers: Annotated[int | None, typer.Option(help="Parallel jobs (0 = all cores).")] = None,
    scorer_gpu: Annotated[
        float | None, typer.Option(help="Ray: GPU share per scorer (0 = none).")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(envvar="TUNER_STORAGE", help="URL of a database shared by runs."),
    ] = None,
    fixed: Annotated[list[str] | None, typer.Option(help="Fix a parameter, as name=value.")] = None,
    no_prune: Annotated[
        bool, typer.Option("--no-prune", help="Score even losing trials on all clips.")
    ] = False,
    warm_start: Annotated[
        list[Path] | None, typer.Option(help="Finished run whose winners are tried first.")
    ] = None,
    no_ablation: Annotated[
        bool, typer.Option("--no-ablation", help="Skip ablation of the winner's settings.")
    ] = False,
    exhibits: Annotated[
        str | None,
        typer.Option(help="Clips to listen to: N best and N worst by gain, all or none."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run directory.")] = None,
    cache_gb: Annotated[float | None, typer.Option(help="Maximum cache size, GB.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would run, with time and disk estimates.")
    ] = False,
    notify: Annotated[
        str | None,
        typer.Option(help="Command (JSON on its stdin) or URL (POST) told how the run ended."),
    ] = None,
    trust: TrustOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary.")] = False,
) -> None:
    """Find the settings that sound best at each bitrate and write a report.

    With --target-quality, find the lowest bitrate that reaches a quality instead.

    Options override the study file. Run the same command again to resume a stopped run, or
    with more --trials to extend a finished one. Progress goes to stderr, results to stdout.
    """
    flags: dict[str, object] = {
        "encoder": encoder and locate(encoder, Path()),
        "binary": binary and locate(binary, Path()),
        "bitrates_kbps": parse_bitrates(bitrates) if bitrates is not None else None,
        "target_quality": parse_qualities(target_quality) if target_quality is not None else None,
        "target_share": target_share,
        "trials": trials,
        "hours": hours,
        "seed": seed,
        "weights": _absolute(weights),
        "judges": parse_names(judges, "--judges") if judges is not None else None,
        "executor": executor,
        "address": address,
        "workers": workers,
        "scorer_gpu": scorer_gpu,
        "storage": storage and locate_url(storage, Path()),
        "cache_gb": cache_gb,
        "rate": parse_rate(rate) if rate is not None else None,
        "exhibits": parse_exhibits(exhibits) if exhibits is not None else None,
        "clips": _given(
            {
                "folder": _absolute(clips),
                "manifest": _absolute(manifest),
                "allow_lossy": allow_lossy or None,
                "downmix": downmix or None,
                "group_by": group_by,
                "per_category": per_category or None,
            }
        ),
        "search": _given(
            {
                "objective_metric": objective_metric and locate_metric(objective_metric, Path()),
                "prune": False if no_prune else None,
                "ablation": False if no_ablation else None,
                "warm_start": [_absolute(run) for run in warm_start] if warm_start else None,
            }
        ),
        "fixed": parse_fixed(fixed or []),
    }
    if notify is not None:
        from tuner.cli.display.notify import check_target

        check_target(notify)
    spec = resolve_study(study, _given(flags))
    check_origin(study, spec, _given(flags), trust or ())
    parts = assemble(spec, out)
    target = out or default_folder(spec, parts.encoder)
    if dry_run:
        from tuner.cli.display.forecast import print_forecast
        from tuner.cli.per_category import forecast_each

        show = forecast_each if spec.clips.per_category else print_forecast
        show(parts, target, spec.workers or available_cores(), as_json=as_json)
        return
    remember(spec.encoder, spec.binary, parts.encoder)
    if spec.clips.per_category:
        from tuner.cli.per_category import conduct_each

        telling = functools.partial(_telling, notify)
        conduct_each(parts, target, _command(spec), telling, as_json=as_json)
        return
    with _telling(notify, target):
        conduct(parts, target, _command(spec), as_json=as_json)


@contextlib.contextmanager
def _telling(target: str | None, folder: Path) -> Iterator[None]:
    """Tell `target` how the run in `folder` ended: its answers, or what stopped it."""
    if target is None:
        yield
        return
    from tuner.cli.display.answers import summarise
    from tuner.cli.display.notify import notify
    from tuner.results import read_run

    run = str(folder.absolute())
    try:
        yield
    except TunerError as error:
        failure = {"error": str(error), "failure": error.as_dict()}
        notify(target, {"status": "failed", "run": run, **failure})
        raise
    results = read_run(folder)
    report = folder.absolute() / "report.html"
    notify(target, {"status": "finished", **summarise(results, folder.absolute(), report)})


def conduct(parts: Parts, folder: Path, command: str, *, as_json: bool = False) -> Path:
    """Run a study with a live display, write its report and print the answers.

    Args, Raises: see `search_and_report`.
        as_json: print JSON instead of a table.

    Returns:
        The path of the report.
    """
    from tuner.cli.display.answers import print_answers, summarise
    from tuner.cli.running import search_and_report

    results, report = search_and_report(parts, folder, command)
    # The run has ended well, whoever went away before the answers were read.
    with contextlib.suppress(BrokenPipeError):
        if as_json:
            print(json.dumps(summarise(results, folder.resolve(), report), indent=1))
        else:
            print_answers(results, report)
    return report


def _command(spec: StudySpec) -> str:
    """What was typed, without the password of a database."""
    typed = sys.argv[1:]
    if spec.storage is not None:
        typed = [argument.replace(spec.storage, str(spec.shown_storage)) for argument in typed]
    return shlex.join(["tuner", *typed])


def assemble(spec: StudySpec, folder: Path | None = None) -> Parts:
    """Everything that the study names, checked before anything runs; the clips come last.

    Reading them takes longest.

    Args:
        spec: the study.
        folder: the run directory, refused before clips are read if it is another study's; None:
            the default one.
    """
    from tuner.cli.per_category import check_each
    from tuner.driver.parts import Parts, identify
    from tuner.jobs.sample_rates import check_rates
    from tuner.plugins import load_encoder
    from tuner.rundir.folder import check_run
    from tuner.study.limits import check_limits
    from tuner.study.reach import check_bitrates
    from tuner.study.space import make_space

    encoder = load_encoder(spec.encoder, spec.binary)
    space = make_space(encoder, dict(spec.fixed))
    check_limits(encoder, spec.search.limits)
    check_bitrates(encoder, dict(spec.fixed).get(RATE_MODE), spec.bitrates_kbps)
    # A program that is missing is told now: reading clips takes longest.
    log.debug("%s", encoder.version.text)
    objective = spec.search.objective_metric
    wanted_judges = [name for name in spec.judges if name != objective]
    if MODEL not in (objective, *wanted_judges):
        # Where another metric is climbed, the model is asked what it thinks of that.
        wanted_judges.insert(0, MODEL)
    scorer, judges = load_metrics(spec.weights, wanted_judges, objective)
    check = check_each if spec.clips.per_category else check_run
    check(folder or default_folder(spec, encoder), identify(spec, encoder, scorer, ()), clips=False)
    clips = _read_clips(spec.clips, spec.clip_rate)
    check_rates(encoder, space.defaults(), clips.clips)
    return Parts(spec, encoder, clips, scorer, judges)


def default_folder(spec: StudySpec, encoder: Encoder) -> Path:
    """The run directory where none is given: named after the study."""
    return Path(RUNS_FOLDER) / f"{encoder.name}-{spec.digest()[:8]}"


def _read_clips(wanted: ClipsSpec, rate: int | None) -> ClipSet:
    from tuner.answer.content import guess_category
    from tuner.cli.display.progress import progress_bar
    from tuner.sound.clips import load_clips
    from tuner.sound.excerpts import Excerpting

    manifest = Path(wanted.manifest) if wanted.manifest else None
    excerpting = Excerpting(
        duration_s=wanted.excerpt_s, how=wanted.excerpt, per_file=wanted.per_file
    )
    with progress_bar("reading clips") as update:
        clip_set = load_clips(
            Path(wanted.folder),
            excerpting,
            manifest=manifest,
            allow_lossy=wanted.allow_lossy,
            group_by=wanted.group_by,
            guess=guess_category,
            rate=rate,
            to_stereo=wanted.downmix,
            progress=lambda done, total: update(done, total, ""),
        )
    return clip_set if wanted.category is None else _only(clip_set, wanted.category)


def _only(clip_set: ClipSet, category: str) -> ClipSet:
    found = clip_set.categories.get(category)
    if found is None or not found.tune or not found.holdout:
        known = ", ".join(clip_set.categories)
        raise ClipError(
            "not in both the tuning and the held-out set",
            where=f"category {category!r}",
            remedy=f"known: {known}",
        )
    return found


def load_metrics(
    weights: str | None = None, judges: Sequence[str] = DEFAULT_JUDGES, objective: str = MODEL
) -> tuple[Metric, tuple[Metric, ...]]:
    """What is maximised, and the judges.

    Args:
        weights: of the quality model; None for the shipped ones.
        judges: names or files.
        objective: name or file of what is maximised.

    Raises:
        MetricError: one is not there or wrong.
        WeightsError: the weights are missing, damaged or of another network.
    """
    first, *others = choose_metrics([objective, *judges], weights)
    return first, tuple(others)


def _given(flags: dict[str, object]) -> dict[str, object]:
    """The flags that were given."""
    return {name: value for name, value in flags.items() if value not in (None, {})}


def _absolute(path: Path | None) -> str | None:
    """Absolute, so that the stored study file works from anywhere."""
    return None if path is None else str(path.expanduser().absolute())

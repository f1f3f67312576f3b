"""`tuner compare`: two settings, builds or runs at equal measured bitrate; a gate for CI."""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuner.cli.arguments.target_options import TargetShareOption
from tuner.cli.arguments.trust_options import TrustOption, make_trust
from tuner.cli.display.counting import counted
from tuner.encoder import RATE_MODE
from tuner.errors import ClipError, StudyError
from tuner.records import MODEL

if TYPE_CHECKING:
    from tuner.apply.compare import Comparison, SideScores
    from tuner.apply.gate import Failure
    from tuner.cli.arguments.subjects import SubjectSpec
    from tuner.jobs.job import ClipRef
    from tuner.records import ClipRecord

#: Of the JSON.
FORMAT_VERSION = 1
#: Passes over the clips that a target of quality usually takes, for the progress that is shown.
USUAL_PASSES = 4

Clips = dict[str, tuple[str, "ClipRef"]]
"""Digest -> name and file."""


def compare(
    a: Annotated[
        str, typer.Argument(help="Old settings: name[:param=value,…], RUN@96, or a file.")
    ],
    b: Annotated[
        str, typer.Argument(help="New settings, likewise; name=BINARY uses another build.")
    ],
    clips: Annotated[
        Path | None,
        typer.Option(help="Folder of WAV or FLAC files (default: the run's held-out clips)."),
    ] = None,
    bitrates: Annotated[
        str | None, typer.Option(help="Target kb/s, as in 64,96 (default: the run's).")
    ] = None,
    target_quality: Annotated[
        str | None,
        typer.Option(help="Compare bits at these qualities instead, as in 85."),
    ] = None,
    target_share: TargetShareOption = None,
    most_more_bits: Annotated[
        float,
        typer.Option(
            help="With --target-quality: fail if B certainly needs over this % more bits."
        ),
    ] = 1.0,
    binary_a: Annotated[str | None, typer.Option(help="Path to A's encoder executable.")] = None,
    binary_b: Annotated[str | None, typer.Option(help="Path to B's encoder executable.")] = None,
    trust: TrustOption = None,
    fail_below: Annotated[
        float,
        typer.Option(help="Fail if B certainly gains less than this over A, points."),
    ] = 0.0,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail unless B certainly gains at least that much.")
    ] = False,
    judges: Annotated[
        bool, typer.Option(help="Also score with a run's judges (takes most of the run time).")
    ] = True,
    metrics: Annotated[
        str | None,
        typer.Option(help="Metrics to score with instead: names or TOML files; the first decides."),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Quality-model weights, as written by `tuner ratings`.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Cache folder for encodes and scores.")] = None,
    workers: Annotated[int, typer.Option(help="Parallel jobs (0 = all cores).", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Bootstrap seed.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    markdown: Annotated[
        Path | None, typer.Option(help="Also write a table in Markdown to this file.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Also write JUnit XML to this file.")] = None,
) -> None:
    """Compare two encoder settings, clip by clip, at equal measured bitrate.

    The exit status is 1 if B cannot be compared with A, or is certainly worse at any bitrate: the
    whole 95 % interval of its gain is below --fail-below, by the quality model (or the first of
    --metrics). With --target-quality, bits are compared at equal quality: the exit status is 1 if
    B certainly needs over --most-more-bits more.
    """
    from tuner.apply.compare import compare as compare_sides
    from tuner.apply.compare_files import to_junit, to_markdown
    from tuner.apply.gate import find_failures, summarise
    from tuner.cli.arguments.subjects import parse_subject
    from tuner.cli.commands.compare_quality import compare_quality, parse_goals
    from tuner.cli.commands.metrics import parse_names
    from tuner.cli.commands.run import load_metrics
    from tuner.cli.display.compare_tables import print_comparison
    from tuner.cli.running import available_cores
    from tuner.jobs.executor import make_executor
    from tuner.study.reach import check_bitrates
    from tuner.study.spec import DEFAULT_JUDGES

    if not math.isfinite(fail_below):
        raise StudyError(
            "give a number of points", where=f"tuner compare: --fail-below {fail_below}"
        )
    for path in (markdown, junit):
        if path is not None and not path.absolute().parent.is_dir():
            raise StudyError(
                "its folder is not there", where=f"tuner compare: {path}", remedy="make it first"
            )
    sides = tuple(
        parse_subject(text, make_trust(binary, trust))
        for text, binary in ((a, binary_a), (b, binary_b))
    )
    _warn_of_one_build(sides)
    goals = [] if target_quality is None else parse_goals(target_quality, target_share)
    if goals and bitrates is not None:
        raise StudyError("give --bitrates or --target-quality, not both", where="tuner compare")
    rates = [] if goals else _choose_bitrates(bitrates, sides)
    for side in sides:
        check_bitrates(side.encoder, None, rates)
    subjects = [side.subject(rates) for side in sides]
    wanted = [MODEL, *(DEFAULT_JUDGES if judges else ())]
    if metrics is not None and not (wanted := parse_names(metrics, "--metrics")):
        raise StudyError(
            "name at least one (see `tuner metrics`)", where="tuner compare: --metrics none"
        )
    scorer, jury = load_metrics(
        None if weights is None else str(weights.absolute()), wanted[1:], wanted[0]
    )
    with _cache_folder(cache) as folder:
        chosen = _choose_clips(clips, sides, folder)
        executor = make_executor("local", workers=workers or available_cores(), cache_folder=folder)
        if goals:
            passes = USUAL_PASSES + bool(jury)  # the judges score once more what was matched
            counting = counted(executor, 2 * passes * len(goals) * len(chosen))
            compare_quality(
                *(sides, goals, chosen, counting, (scorer, *jury)),
                most_more=most_more_bits / 100,
                strict=strict,
                seed=seed,
                as_json=as_json,
            )
            return
        with counted(executor, 2 * len(rates) * len(chosen)) as running:
            comparisons = compare_sides(
                subjects[0],
                subjects[1],
                rates,
                [ref for _, ref in chosen.values()],
                running,
                (scorer, *jury),
                seed,
            )
    labels, names = (a, b), {digest: name for digest, (name, _) in chosen.items()}
    failures = find_failures(comparisons, fail_below, strict=strict)
    sentences = [summarise(each, labels) for each in comparisons]
    for path, make in ((markdown, to_markdown), (junit, to_junit)):
        if path is not None:
            path.write_text(make(labels, comparisons, sentences, failures), encoding="utf-8")
    if as_json:
        told = _as_json(labels, sides, comparisons, names, sentences, failures)
        print(json.dumps(told, indent=1))
    else:
        for comparison, sentence in zip(comparisons, sentences, strict=True):
            print_comparison(comparison, names, sentence)
    for comparison in comparisons:
        for digest, why in comparison.left_out.items():
            print(
                f"{names[digest]} is left out at {comparison.target_kbps:g} kb/s: it cannot be"
                f" scored with A or B ({why})",
                file=sys.stderr,
            )
    for failure in failures:
        print(f"FAILED at {failure}", file=sys.stderr)
    if failures:
        raise typer.Exit(1)


def _warn_of_one_build(sides: Sequence[SubjectSpec]) -> None:
    a, b = (side.encoder.version for side in sides)
    if a.binary != b.binary and a.digest == b.digest:
        print(
            f"{a.binary} and {b.binary} are byte-identical. Wrapper scripts (as libtool makes)"
            " can look alike: give the program itself",
            file=sys.stderr,
        )


def _choose_bitrates(text: str | None, sides: Sequence[SubjectSpec]) -> list[float]:
    from tuner.cli.arguments.study import parse_bitrates

    if text is not None:
        return parse_bitrates(text)
    own = [set(side.bitrates_kbps) for side in sides if side.bitrates_kbps]
    if not own:
        raise StudyError("no bitrates given", where="tuner compare", remedy="add --bitrates 64,96")
    if not (common := sorted(set.intersection(*own))):
        raise StudyError(
            "A and B have no bitrate in common", where="tuner compare", remedy="give --bitrates"
        )
    return common


def _choose_clips(folder: Path | None, sides: Sequence[SubjectSpec], cache: Path) -> Clips:
    """The clips, less those on which one of the sides was tuned.

    Raises:
        ClipError: too few are left.
        StudyError: neither a folder nor a run.
    """
    from tuner.apply.compare import MIN_CLIPS
    from tuner.results import read_run

    runs = [(side.run, read_run(side.run)) for side in sides if side.run]
    if folder is not None:
        found = _load_clips(folder, cache, sides, {results.provenance.rate for _, results in runs})
    elif runs:
        run, results = runs[0]
        found = {
            c.digest: (
                c.name,
                str(Path(c.source).resolve()),
                clip_of(run, c),
            )
            for c in results.clips
            if c.side == "holdout"
        }
    else:
        raise StudyError("no clips given", where="tuner compare", remedy="add --clips FOLDER")
    tuned = [clip for _, results in runs for clip in results.clips if clip.side == "tune"]
    digests = {clip.digest for clip in tuned}
    sources = {str(Path(clip.source).resolve()) for clip in tuned}
    kept: Clips = {
        digest: (name, ref)
        for digest, (name, source, ref) in found.items()
        if digest not in digests and source not in sources
    }
    if left_out := len(found) - len(kept):
        print(f"clips excluded because settings were tuned on them: {left_out}", file=sys.stderr)
    if len(kept) < MIN_CLIPS:
        raise ClipError(f"clips to compare: {len(kept)}; at least {MIN_CLIPS} are needed")
    return kept


def clip_of(run: Path, clip: ClipRecord) -> ClipRef:
    """A clip of a run, its file made again where it is damaged."""
    from tuner.apply.player import load_run_clip
    from tuner.jobs.job import ClipRef

    load_run_clip(run, clip)
    path = run / "clips" / f"{clip.digest}.npy"
    return ClipRef(clip.digest, str(path), clip.channels, clip.duration_s, clip.rate)


def _load_clips(
    folder: Path, cache: Path, sides: Sequence[SubjectSpec], rates: set[int | None]
) -> dict[str, tuple[str, str, ClipRef]]:
    """The clips of a folder, at the one rate of the runs if they have one, else at their own."""
    from tuner.cli.display.progress import progress_bar
    from tuner.encoder import default_settings
    from tuner.jobs.job import ClipRef
    from tuner.jobs.sample_rates import check_rates
    from tuner.sound.clips import load_clips, store_clips

    with progress_bar("reading clips") as update:
        rate = rates.pop() if len(rates) == 1 else None
        found = load_clips(folder, rate=rate, progress=lambda done, total: update(done, total, ""))
    for side in sides:
        modes = side.encoder.rate_modes
        defaults = [default_settings(side.encoder, mode.name) for mode in modes]
        check_rates(side.encoder, defaults, found.clips)
    stored = (cache / "clips").absolute()
    store_clips(found, stored)
    return {
        c.digest: (
            c.name,
            str(Path(c.source).resolve()),
            ClipRef(c.digest, str(stored / f"{c.digest}.npy"), c.channels, c.duration_s, c.rate),
        )
        for c in found.clips
    }


@contextmanager
def _cache_folder(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="tuner-compare-") as name:
        yield Path(name)


def _as_json(
    labels: tuple[str, str],
    sides: Sequence[SubjectSpec],
    comparisons: Sequence[Comparison],
    names: dict[str, str],
    sentences: Sequence[str],
    failures: Sequence[Failure],
) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        **{
            which: {
                "label": label,
                "encoder": side.encoder.name,
                "version": side.encoder.version.text,
                "digest": side.encoder.version.digest,
            }
            for which, label, side in zip(("a", "b"), labels, sides, strict=True)
        },
        "clips": names,
        "passed": not failures,
        "failures": list(map(str, failures)),
        "bitrates": [
            {"sentence": sentence, **asdict(each), "a": _side(each.a), "b": _side(each.b)}
            for sentence, each in zip(sentences, comparisons, strict=True)
        ],
    }


def _side(heard: SideScores | None) -> dict[str, Any] | None:
    if heard is None:
        return None
    settings = heard.settings
    return {**asdict(heard), "settings": {RATE_MODE: settings.rate_mode, **settings.as_dict()}}

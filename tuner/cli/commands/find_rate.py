"""`tuner find-rate`: the lowest bitrate that is good enough for one's own files."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.cli.arguments.trust_options import TrustOption, make_trust
from tuner.errors import StudyError

if TYPE_CHECKING:
    from tuner.cli.arguments.subjects import SubjectSpec
    from tuner.cli.display.find_rate_tables import Found
    from tuner.jobs.executor import Executor
    from tuner.metric import Metric
    from tuner.study.goal import Goal

#: Folder of clips, encodes and scores in the folder of the results.
STATE_FOLDER = ".tuner-find-rate"
#: Passes over a file's excerpts that a search usually takes, for the progress that is shown.
USUAL_PASSES = 4


def find_rate(
    files: Annotated[list[Path], typer.Argument(help="Audio files, or folders of them.")],
    encoder: Annotated[
        list[str],
        typer.Option(help="opus, opus:param=value,…, or a run as RUN@96; repeat to compare."),
    ],
    target_quality: Annotated[
        float | None, typer.Option(help="Target quality, 1 to 99, as in 85.")
    ] = None,
    target_share: Annotated[
        float | None,
        typer.Option(
            help="Share of excerpts that must reach it, as in 0.95 (default: their mean must)."
        ),
    ] = None,
    transparent: Annotated[
        bool,
        typer.Option(
            "--transparent", help="Target quality: the model cannot tell it from the source."
        ),
    ] = False,
    together: Annotated[
        bool, typer.Option("--together", help="One bitrate for all files instead of one per file.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also encode the files into this folder.")
    ] = None,
    abx: Annotated[
        Path | None,
        typer.Option(help="Write the hardest excerpts here, for `tuner listen make --abx`."),
    ] = None,
    excerpts: Annotated[int, typer.Option(help="Excerpts per file.", min=2)] = 12,
    cache: Annotated[
        Path | None,
        typer.Option(help="Cache folder for encodes and scores."),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Quality-model weights, as written by `tuner ratings`.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Parallel jobs (0 = all cores).", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Bootstrap seed.")] = 0,
    trust: TrustOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find the lowest bitrate at which your own files sound good enough.

    A few short excerpts of each file are encoded and scored. Each file gets its own bitrate, or
    with --together all get the same. -o also encodes the files; run the same command again to
    resume. An unreachable target is a result, not an error; the exit status is 1 if a file
    cannot be used.
    """
    from tuner.cli.arguments.subjects import parse_subject
    from tuner.cli.commands.run import load_metrics
    from tuner.cli.display.find_rate_tables import as_data, print_table
    from tuner.cli.display.progress import progress_bar
    from tuner.cli.running import available_cores
    from tuner.jobs.executor import make_executor
    from tuner.study.goal import make_goal
    from tuner.target.abx import write_pairs

    goal = make_goal(target_quality, target_share, transparent=transparent)
    if (out or abx) and len(encoder) > 1:
        raise StudyError("-o and --abx need a single --encoder", where="tuner find-rate")
    sides = [parse_subject(text, make_trust(None, trust)) for text in encoder]
    scorer, _ = load_metrics(None if weights is None else str(weights.absolute()), ())
    cores = workers or available_cores()
    found: list[Found] = []
    with _state_folder(cache, out) as state:
        executor = make_executor("local", workers=cores, cache_folder=state)
        task = _Task(files, goal, scorer, executor, state, out, excerpts, seed, cores)
        with (
            stopping(executor, resumes=cache is not None or out is not None),
            progress_bar("finding bitrates") as update,
        ):
            for side in sides:
                found += task.answers(side, update, together=together)
        if abx is not None:
            titles = [each.title for each in found]
            count = write_pairs(abx, sides[0].encoder, sides[0].only_settings(), titles)
            told = f"tuner listen make --from {shlex.quote(str(abx))} --abx -o TEST"
            print(f"{abx}: {count} excerpts. Next: {told}", file=sys.stderr)
    if as_json:
        print(json.dumps(as_data(goal, found), indent=1))
    else:
        print_table(goal, found)
    if any(each.problem for each in found):
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Task:
    """What the command line asks for, and where it runs."""

    files: list[Path]
    goal: Goal
    scorer: Metric
    executor: Executor
    state: Path
    out: Path | None
    excerpts: int
    seed: int
    cores: int

    def answers(
        self, side: SubjectSpec, update: Callable[[int, int, str], None], *, together: bool
    ) -> Iterator[Found]:
        """The answers of one encoder, each with its files encoded where that is wanted."""
        from tuner.apply.encode import encode_library, make_encoding, plan
        from tuner.cli.display.find_rate_tables import Found
        from tuner.study.objective import DEFAULT_OBJECTIVE
        from tuner.target.per_title import Finder, start_knob

        settings = side.only_settings()
        encoding = make_encoding(side.encoder, settings, start_knob(side.encoder, settings))
        items = {
            item.source: item
            for item in plan(self.files, self.out or self.state / "none", encoding.suffix)
        }
        total, done, name = USUAL_PASSES * len(items), 0, side.text

        def count(_: object) -> None:
            nonlocal done
            done = min(done + (len(items) if together else 1), total - 1)
            update(done, total, name)

        finder = Finder(
            *(side.encoder, settings, self.goal, self.scorer, DEFAULT_OBJECTIVE, self.executor),
            *(self.state / "clips", self.excerpts, self.seed, count),
        )
        update(0, total, name)
        answered = 0
        for title in finder.find(list(items), together=together):
            made = []
            if self.out is not None and title.knob is not None:
                encoding = make_encoding(side.encoder, settings, title.knob)
                wanted = [items[source] for source in title.sources]
                made = list(encode_library(encoding, wanted, self.out, self.cores))
            answered += len(title.sources)
            done, name = USUAL_PASSES * answered, title.name
            update(done, total, name)
            yield Found(
                *(side.text, side.encoder, settings, title, encoding.suffix, tuple(made), self.out)
            )


@contextmanager
def _state_folder(cache: Path | None, out: Path | None) -> Iterator[Path]:
    if cache is not None:
        yield cache.absolute()
    elif out is not None:
        yield (out / STATE_FOLDER).absolute()
    else:
        with tempfile.TemporaryDirectory(prefix="tuner-find-rate-") as name:
            yield Path(name)


@contextmanager
def stopping(executor: Executor, *, resumes: bool) -> Iterator[None]:
    """Within it, Ctrl-C stops the executor with a word; at its end the executor is closed."""
    from tuner.cli.display.interrupts import EXIT_INTERRUPTED, as_interrupts, stop_twice

    try:
        with as_interrupts(), stop_twice(lambda: ""):
            yield
        executor.close()
    except KeyboardInterrupt:
        executor.close(cancel=True)
        told = "run the same command again to resume" if resumes else "with --cache it resumes"
        print(f"\nStopped; {told}.", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except BaseException:
        executor.close(cancel=True)
        raise

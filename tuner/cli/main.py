"""The `tuner` command: a table of subcommands, each imported only when it runs."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from tuner import __version__
from tuner.cli.display import streams as terminal
from tuner.cli.display.interrupts import EXIT_INTERRUPTED, as_interrupts, watch
from tuner.errors import TunerError
from tuner.suggestion import did_you_mean

#: Subcommand -> (module, function, one line of help).
COMMANDS = {
    "run": ("tuner.cli.commands.run", "run", "Find the best settings at each bitrate."),
    "status": (
        "tuner.cli.commands.status",
        "status",
        "Show a run's progress from another terminal.",
    ),
    "demo": (
        "tuner.cli.commands.demo",
        "demo",
        "Run a small search on synthetic clips.",
    ),
    "score": ("tuner.cli.commands.score", "score", "Score coded files against their references."),
    "spectrogram": (
        "tuner.cli.commands.spectrogram",
        "spectrogram",
        "Draw spectrograms, with the score over time.",
    ),
    "dashboard": (
        "tuner.cli.commands.dashboard",
        "dashboard",
        "Show a run's trials in Optuna Dashboard.",
    ),
    "report": ("tuner.cli.commands.report", "report", "Regenerate a finished run's report."),
    "encode": ("tuner.cli.commands.encode", "encode", "Encode your own files with a run's winner."),
    "find-rate": (
        "tuner.cli.commands.find_rate",
        "find_rate",
        "Find the lowest bitrate that is good enough for your own files.",
    ),
    "ladder": (
        "tuner.cli.commands.ladder",
        "ladder",
        "Build a bitrate ladder from finished runs.",
    ),
    "export": (
        "tuner.cli.commands.export",
        "export",
        "Print a run's settings as command lines or JSON.",
    ),
    "compare": (
        "tuner.cli.commands.compare",
        "compare",
        "Compare settings, builds or runs; works as a CI gate.",
    ),
    "listen": ("tuner.cli.commands.listen", "app", "Create, serve and analyse listening tests."),
    "encoders": ("tuner.cli.commands.encoders", "encoders", "List encoders and their parameters."),
    "metrics": ("tuner.cli.commands.metrics", "metrics", "List metrics and what they cannot hear."),
    "doctor": (
        "tuner.cli.commands.doctor",
        "doctor",
        "Check this machine and list what to install.",
    ),
    "dataset": ("tuner.cli.commands.dataset", "dataset", "Label coded signals for training."),
    "train": ("tuner.cli.commands.train", "train", "Train the quality model."),
    "ratings": (
        "tuner.cli.commands.ratings",
        "ratings",
        "Fine-tune the model on listening-test ratings.",
    ),
}


class LazyGroup(TyperGroup):
    """Lists the subcommands without importing them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stub with the one line of help; `resolve_command` loads the real one."""
        if cmd_name not in COMMANDS:
            return None
        stub = typer.Typer(add_completion=False)
        stub.command(cmd_name, help=COMMANDS[cmd_name][2])(lambda: None)
        return typer.main.get_command(stub)

    def invoke(self, ctx: Any) -> Any:
        """Run the subcommand; a Ctrl-C that it does not take itself ends it with a word."""
        try:
            with as_interrupts():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            print("\nStopped.", file=sys.stderr)
            raise typer.Exit(EXIT_INTERRUPTED) from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The real command, imported now."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            meant = did_you_mean(args[0], COMMANDS)
            ctx.fail(f"No such command {args[0]!r}{meant}.")
        name, _, rest = super().resolve_command(ctx, args)
        assert name is not None
        module, function, summary = COMMANDS[name]
        found = getattr(importlib.import_module(module), function)
        if isinstance(found, typer.Typer):
            return name, typer.main.get_command(found), rest
        real = typer.Typer(add_completion=False)
        real.command(name, short_help=summary, help=_join_lines(found.__doc__))(found)
        return name, typer.main.get_command(real), rest


def _join_lines(text: str) -> str:
    """Each paragraph on one line, which Typer wraps to the terminal's width."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Find an audio encoder's best-sounding settings at equal bitrate, judged by a learned"
    " quality metric.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"tuner {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


def main() -> None:
    """Entry point of the console command: a `TunerError` is a message and exit status 1."""
    terminal.prepare()
    watch()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    status: object = 0
    try:
        _call()
    except SystemExit as end:
        status = end.code
    problem = terminal.flush_answer()
    if problem is not None:
        print(f"tuner: {problem}", file=sys.stderr)
    sys.exit(status or int(problem is not None))  # type: ignore[arg-type]


def _call() -> None:
    for argument in sys.argv[1:]:
        # Study files, results and pages are UTF-8, and hold paths.
        if any("\udc80" <= letter <= "\udcff" for letter in argument):
            _fail(TunerError(f"{argument!r} is not UTF-8", remedy="rename the file or folder"))
    try:
        app()
    except TunerError as error:
        _fail(error)
    except OSError as error:
        # A file that was named and cannot be read or written; what has no name is a bug of ours.
        if error.filename is None and error.errno in terminal.CANNOT_WRITE:
            print(f"tuner: cannot write the output ({error.strerror})", file=sys.stderr)
            sys.exit(1)
        if error.filename is None:
            raise
        remedy = "choose another path"
        _fail(TunerError(error.strerror or str(error), where=error.filename, remedy=remedy))


def _fail(error: TunerError) -> NoReturn:
    """Tell an error, with `--json` also as an object on stdout, and end."""
    print(f"tuner: {error}", file=sys.stderr)
    if "--json" in sys.argv:
        print(json.dumps({"error": str(error), "failure": error.as_dict()}))
    sys.exit(1)

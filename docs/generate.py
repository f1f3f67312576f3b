"""Writes the references from the code: `docs/tuner.1`, `docs/command-line.md`, `docs/api.md`.

Run it when an option, or a docstring of the API, has changed::

    python docs/generate.py
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from tuner import __version__
from tuner.cli.main import COMMANDS, app

HERE = Path(__file__).parent
#: What no command's help says.
ERRORS = """## Errors

With `--json`, an error that ends a command is also an object on stdout, on one line: `error` is the
sentence that stderr shows, `failure` holds its fields. Whatever cannot be used in a table or a list
(a file in `tuner score`, `tuner encode` or `tuner find-rate`, an encoder, a metric, a category) has
the same `failure` beside its sentence. `tuner run --notify` sends both.

| field | |
|---|---|
| `kind` | class of the error in `tuner.errors`: `ClipError`, `StudyError`, `EncoderFailed`, … |
| `where` | what it is about: a file, a key, an option, an encoder |
| `what` | what is wrong |
| `remedy` | what to do |
| `clip` | digest of the clip on which it happened |
| `command` | the program that failed, with its arguments |
| `exit_code` | its exit code |
| `stderr` | the end of what it wrote to stderr |
| `parts` | the errors, likewise, where several are told together, as of clips |

Fields that do not apply are empty (`""`, `[]`, null)."""

#: Of the reference of the API: heading -> (module, names, what they are).
API = {
    "Scoring and tuning": (
        "tuner",
        ("score", "score_all", "Scored", "Metric", "Study", "open_run", "Run", "TunerError"),
        "For notebooks and training loops: `import tuner`. [From Python](python.md) shows how.",
    ),
    "Encoders": (
        "tuner.encoder",
        ("Encoder", "Parameter", "RateMode", "Settings", "Encoded", "Version", "settings_of"),
        "For adapters ([tutorial](adapters.md)): `from tuner.encoder import …`.",
    ),
    "Metrics": (
        "tuner.metric",
        ("Metric", "About", "check_pair"),
        "For metrics ([tutorial](metrics.md)): `from tuner.metric import …`.",
    ),
    "Tests": (
        "tuner.testing",
        ("EncoderContract", "MetricContract", "ExecutorContract", "FakeEncoder", "FakeScorer"),
        "Contracts that adapters, metrics and executors must pass, and fakes.",
    ),
    "Results": (
        "tuner.results",
        ("read_results",),
        "Finished runs ([schema](results.md)).",
    ),
}
#: Headings within docstrings.
SECTION = re.compile(r"(Args|Returns|Raises|Yields):")


def find_commands() -> Iterator[tuple[str, str, Any]]:
    """(name, one line, click command) of every subcommand, those of groups among them."""
    root: Any = typer.main.get_command(app)
    context = root.make_context("tuner", [], resilient_parsing=True)
    for name, (_, _, summary) in COMMANDS.items():
        _, command, _ = root.resolve_command(context, [name])
        yield name, summary, command
        for inner, found in getattr(command, "commands", {}).items():
            yield f"{name} {inner}", found.get_short_help_str(limit=200), found


def make_man() -> str:
    """The manual page, in the macros of man(7)."""
    lines = [
        f'.TH TUNER 1 "" "codec tuner {__version__}" "User Commands"',
        ".SH NAME",
        "tuner \\- find the best-sounding settings of audio encoders at equal measured bitrate",
        ".SH SYNOPSIS",
        ".B tuner",
        "COMMAND [OPTIONS] [ARGUMENTS]",
        ".SH DESCRIPTION",
        "Searches the settings of an audio encoder that sound best at each bitrate, judged by a"
        " learned quality metric. Results go to stdout, progress to stderr.",
        ".SH COMMANDS",
    ]
    for name, summary, command in find_commands():
        lines += [f'.SS "{_quoted(_usage(name, command))}"', _escaped(command.help or summary)]
        for option, told in _records(name, command):
            lines += [".TP", f"\\fB{_escaped(option)}\\fR", _escaped(told) or "See above."]
    lines += [
        ".SH EXIT STATUS",
        "0 on success; 1 on an error, or where `compare` finds B worse; 2 on wrong usage; 130 after"
        " Ctrl\\-C.",
        ".SH SEE ALSO",
        "The folder docs of the source: study files, metrics, adapters, results.",
    ]
    return "\n".join(lines) + "\n"


def make_reference() -> str:
    """The reference of the command line, in Markdown."""
    parts = [
        "# Command line",
        "Written by `python docs/generate.py` from `tuner COMMAND --help`. Results go to stdout,"
        " progress to stderr. The exit status is 0 on success, 1 on an error (or where"
        " `tuner compare` finds B worse), 2 on wrong usage, 130 after Ctrl-C.",
        ERRORS,
    ]
    for name, summary, command in find_commands():
        text = " ".join((command.help or summary).split())
        parts.append(f"## tuner {name}\n\n```\n{_usage(name, command)}\n```\n\n{_plain(text)}")
        rows = [
            f"| `{option.replace('|', '/')}` | {_plain(told)} |"
            for option, told in _records(name, command)
        ]
        if rows:
            parts.append("\n".join(["| option | |", "|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def make_api() -> str:
    """The reference of the API, in Markdown, from signatures and docstrings."""
    parts = [
        "# Python API",
        "Written by `python docs/generate.py` from the docstrings. Samples are float32 `[C, T]` of"
        " nominal range ±1 unless stated otherwise. Errors are `tuner.TunerError`s, with the"
        " sentences of the command line.",
    ]
    for title, (module, names, about) in API.items():
        parts += [f"## {title}", about]
        for name in names:
            parts += _describe(name, getattr(importlib.import_module(module), name))
    return "\n\n".join(parts) + "\n"


def _describe(name: str, thing: Any) -> Iterator[str]:
    """A class with its public methods, or a function."""
    yield f"### {name}"
    if not _is_plain(thing):
        yield f"```python\n{name}{signature(thing)}\n```"
    yield from _paragraphs(inspect.getdoc(thing) or "")
    for own, member in vars(thing).items() if _has_members(thing) else ():
        function = getattr(member, "__func__", member)
        text = inspect.getdoc(getattr(function, "fget", getattr(function, "func", function)))
        if own.startswith("_") or not (callable(function) or hasattr(member, "__get__")):
            continue
        called = " ".join(signature(function).split()) if callable(function) else ""
        yield f"**`{name}.{own}{called}`**"
        yield from _paragraphs(text or "")


def _is_plain(thing: Any) -> bool:
    """Whether nobody calls it: a protocol, a contract, an error."""
    return inspect.isclass(thing) and (
        getattr(thing, "_is_protocol", False)
        or issubclass(thing, Exception)
        or thing.__name__.endswith("Contract")
    )


def _has_members(thing: Any) -> bool:
    return inspect.isclass(thing) and not thing.__name__.endswith("Contract")


def signature(thing: Any) -> str:
    """Parameters with types and defaults, without `self`; on lines of their own where many."""
    found = inspect.signature(thing)
    kept = [p for p in found.parameters.values() if p.name not in ("self", "cls")]
    whole = _without_quotes(str(found.replace(parameters=kept)))
    if len(whole) <= 72:
        return whole
    star = next((p.name for p in kept if p.kind is p.KEYWORD_ONLY), None)
    lines = [_without_quotes(str(p)) for p in kept]
    if star:
        lines.insert([p.name for p in kept].index(star), "*")
    return "".join(["(\n", *(f"    {line},\n" for line in lines), ")", whole.rpartition(")")[2]])


def _without_quotes(text: str) -> str:
    text = re.sub(r"<factory>|<function .*?>|<object object at .*?>", "…", text)
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)


def _paragraphs(docstring: str) -> Iterator[str]:
    """Paragraphs; the entries of its sections as lists."""
    for part in docstring.split("\n\n"):
        first, _, rest = part.partition("\n")
        heading = SECTION.fullmatch(first.strip())
        if heading is None:
            yield part.replace("``", "`").replace("::", ":")
            continue
        entries = re.split(r"\n(?=\S)", textwrap.dedent(rest))
        lines = [" ".join(entry.split()).replace("``", "`") for entry in entries]
        if heading[1] != "Returns":
            lines = [re.sub(r"^([^:`]+): ", r"`\1`: ", line) for line in lines]
        yield f"*{heading[1]}*\n\n" + "\n".join(f"- {line}" for line in lines)


def _records(name: str, command: Any) -> Iterator[tuple[str, str]]:
    """(option or argument, help) of a command."""
    context = command.make_context(name, [], resilient_parsing=True)
    for record in (parameter.get_help_record(context) for parameter in command.params):
        if record is not None and not record[0].startswith("--help"):
            yield record[0], " ".join(record[1].split())


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")


def _usage(name: str, command: Any) -> str:
    words = [_argument(p) for p in command.params if _is_argument(p)]
    return " ".join(["tuner", name, "[OPTIONS]", *words])


def _argument(parameter: Any) -> str:
    name = str(parameter.name).upper()
    return name if parameter.required else f"[{name}]"


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _escaped(text: str) -> str:
    """Text for roff: one line, no request of its own."""
    plain = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain[:1] in (".", "'") else plain


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', "'")


if __name__ == "__main__":
    (HERE / "tuner.1").write_text(make_man(), encoding="utf-8")
    (HERE / "command-line.md").write_text(make_reference(), encoding="utf-8")
    (HERE / "api.md").write_text(make_api(), encoding="utf-8")

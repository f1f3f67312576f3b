"""Every command that README.md and docs/*.md show is run, page by page, in the order of the page.

What is replaced, and nothing else is:

- **Material.** `~` is a folder with four synthetic clips of 2.5 s in `~/music` and `~/clips`; the
  page's folder holds what its commands take as given (`prepare`). Runs named `aac`, `lame`,
  `opus`, `aac85` and `night` are finished, and commands that start them resume them; the answers of
  listeners and of webMUSHRA are written where a person would give them (`_answer`); `/shared` is
  the page's folder.
- **Size.** `SMALLER` adds options that make a command small: few trials, excerpts, epochs; a study
  file's clips and bitrates.
- **Workers.** Jobs run where they are submitted (`AtOnce`), which saves the start of a process;
  they find in their cache what finished runs encoded and scored.
- **Programs elsewhere.** Commands in `ELSEWHERE`, and those of `tuner` that match `UNRUN`, are
  parsed, by the program's own parser where there is one, and not run; why is said there.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import pytest
import soundfile
import typer
from filelock import FileLock
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from tuner.cli.main import COMMANDS, app
from tuner.encoder import default_settings
from tuner.jobs.cache import Cache
from tuner.listening.answers import store_answer
from tuner.listening.plan import read_plan
from tuner.listening.webmushra import webmushra_id
from tuner.plugins import load_encoder
from tuner.sound.synth import synthesize
from tuner.testing import AtOnce

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
SOUNDS = ("castanets", "mix", "speech", "drums")
CLIP_S = 2.5

#: The program of docs/metrics.md: quick, as it is started for each score; of every ninth sample
#: it reads the upper 16 bits.
SNR = """import array, sys, wave

def read(path):
    raw = wave.open(path).readframes(-1)
    upper = bytearray(len(raw) // 3 * 2)
    upper[::2], upper[1::2] = raw[1::3], raw[2::3]
    return array.array("h", bytes(upper))[::9]

a, b = map(read, sys.argv[-2:])
noise = sum((x - y) ** 2 for x, y in zip(a, b)) / sum(x * x for x in a)
print("MOS-LQO:", 1 + 4 / (1 + 30 * noise**0.5))
"""
#: Options that make a command small; an option given twice counts as it is given last.
SMALLER = {
    "run": "--trials 1 --workers 1 --no-ablation --exhibits none",
    "encode": "--workers 1",
    "compare": "--workers 1",
    "find-rate": "--workers 1 --excerpts 2",
    "ladder": "--workers 1",
    "ratings": "--epochs 1 --folds 0 --sounds 1",
}
#: The same where the page leaves it to a default that is slow: (option given, options instead).
UNLESS = {
    "run": {("--judges",): "--judges none", ("--encoder",): "--clips ~/music --bitrates 64"},
    "compare": {("--judges", "--metrics"): "--no-judges"},
}
#: Commands of `tuner` that are parsed and not run: pattern -> where the same is run.
UNRUN = {
    r"listen serve": "serves until it is stopped: tests/tuner/cli/test_listen.py, tests/browser",
    r"--executor ray": "needs a cluster: tests/tuner/jobs",
    r"^ladder": "takes long: tests/tuner/cli/test_ladder.py",
    r"^ratings|--weights taught": "takes long: tests/tuner/cli/test_ratings.py",
    r"--objective-metric": "takes long: tests/tuner/cli/test_metrics.py",
}
#: Programs that install, or run on other machines: how their words are parsed.
ELSEWHERE: dict[str, Callable[[list[str]], object]] = {}


# --- what the pages say ----------------------------------------------------------------------


def fences(page: Path, *languages: str) -> list[str]:
    """Contents of a page's fenced blocks in these languages."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    return [t.content for t in tokens if t.type == "fence" and t.info.strip() in languages]


def commands(page: Path) -> Iterator[str]:
    """The commands of a page's shell blocks; one may go over several lines."""
    for block in fences(page, "sh", "bash", "console", "shell"):
        whole = ""
        for line in block.splitlines():
            whole += line + "\n"
            if not line.endswith("\\") and _is_whole(whole):
                if words_of(whole):
                    yield whole.strip()
                whole = ""
        assert not whole, f"{page.name}: unclosed: {whole}"


def _is_whole(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(words_of(text)) or not text.strip().startswith("sh ")
    return False


def words_of(command: str) -> list[str]:
    """The command's words as a shell reads them, without comments."""
    return shlex.split(command.replace("\\\n", " "), comments=True)


def spans(page: Path) -> Iterator[str]:
    """Code within the text of a page."""
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8")):
        yield from (t.content for t in token.children or () if t.type == "code_inline")


# --- parsers ---------------------------------------------------------------------------------


def parse_tuner(words: Sequence[str]) -> None:
    """Let the real command line read the words, and run nothing."""
    root: Any = typer.main.get_command(app)
    _parse(root, ["tuner", *words])


def _parse(command: Any, words: list[str]) -> None:
    name, *rest = words
    while hasattr(command, "resolve_command"):
        context = command.make_context(name, [], resilient_parsing=True)
        name, command, rest = command.resolve_command(context, rest)
    with command.make_context(name, rest):
        pass


def _parse_ray(words: list[str]) -> None:
    from ray.scripts.scripts import cli

    # Without ray[default] there is no `ray job`.
    if words[1] in cli.commands or words[1] != "job":
        _parse(cli, words)


def _parse_pip(words: list[str]) -> None:
    from pip._internal.commands import create_command

    named = create_command(words[1]).parser.parse_args(words[2:])[1]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name in named:
        if found := re.fullmatch(r"(?:codec-tuner|\.)\[(.*)\]", name):
            known = extras["optional-dependencies"]
            assert set(found[1].split(",")) <= known.keys(), name


def _parse_bash(words: list[str]) -> None:
    subprocess.run(["bash", "-n", ROOT / words[1]], check=True)


ELSEWHERE |= {
    "ray": _parse_ray,  # starts servers: tests/tuner/jobs does
    "pip": _parse_pip,  # installs: tests/tuner/test_dependencies.py
    "bash": _parse_bash,  # our own checks and demo, with their installation
    "python3": lambda words: pytest.importorskip(words[2]),  # makes an environment
    "apt-get": lambda words: None,  # installs on the user's machine
    "kubectl": lambda words: None,  # no cluster, and no such program on a developer's machine
    ".": lambda words: None,  # enters the environment
}


# --- material --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, lacking: Callable[[str], NoReturn]) -> Path:
    """Clips and finished runs, made once for all pages and all processes of the tests."""
    for program in ("lame", "oggenc"):
        if shutil.which(program) is None:
            lacking(program)
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "documented"
    with FileLock(f"{folder}.lock"):
        if not (folder / "finished").exists():
            folder.mkdir()
            _make(folder)
            (folder / "finished").touch()
    return folder


def _make(folder: Path) -> None:
    (folder / "cache").mkdir()
    for name in ("music", "clips"):
        (folder / name).mkdir()
        for seed, sound in enumerate(SOUNDS):
            pcm = synthesize(sound, seed, CLIP_S).T
            soundfile.write(folder / name / f"{sound}.wav", pcm, 48_000, subtype="PCM_16")
    for name, more in (
        ("aac", "--encoder aac --bitrates 64,96 --trials 3 --judges none"),
        ("opus", "--encoder opus --bitrates 64 --judges none"),
        ("lame", "--encoder lame --bitrates 64 --judges none"),
        ("night", "--encoder aac --bitrates 64 --hours 10 --judges none"),
        ("aac85", "--encoder aac --target-quality 85 --judges none"),
    ):
        out = ["--clips", str(folder / "music"), "--out", str(folder / "runs" / name)]
        with mock.patch.dict(os.environ, HOME=str(folder)):
            run_tuner(["run", *out, *SMALLER["run"].split(), *more.split()])
        shutil.copytree(folder / "runs" / name / "cache", folder / "cache", dirs_exist_ok=True)


def prepare(made: Path, home: Path) -> Path:
    """A page's folder, within a home of its own: what its commands take as given."""
    shutil.copytree(made, home, dirs_exist_ok=True)
    page = home / "work"
    page.mkdir()
    (home / "runs").rename(page / "runs")
    (page / "shared").symlink_to(".")
    for name in ("references", "coded", "mine/reference", "mine/default", "mine/new"):
        (page / name).mkdir(parents=True)
    (page / "configs" / "resources").mkdir(parents=True)
    encoder = load_encoder("aac")
    for number, name in enumerate(SOUNDS[:2]):
        source = home / "music" / f"{name}.wav"
        pcm = soundfile.read(source, dtype="float32", always_2d=True)[0].T
        coded = encoder.encode(pcm, 48_000, default_settings(encoder), 64.0).data
        for folder in ("references", "mine/reference"):
            shutil.copy(source, page / folder)
        for folder in ("coded", "mine/default", "mine/new"):
            (page / folder / f"{name}.m4a").write_bytes(coded)
        if not number:
            shutil.copy(source, page / "reference.wav")
            (page / "coded.m4a").write_bytes(coded)
    shutil.copy(DOCS / "oggenc.toml", page)
    (page / "night.toml").write_text(_block("README.md", "hours"))
    (page / "my-metric.toml").write_text(_block("docs/metrics.md", "my-metric"))
    _write_program(page / "my-metric", f"#!{sys.executable} -IS\n{SNR}")
    lame = f'#!/bin/sh\nexec {shutil.which("lame")} "$@"\n'
    for name in ("old/lame", "new/lame", "lame-dev"):
        _write_program(page / name, lame)
    # The encoder of docs/adapters.md: reads its file, and copies.
    _write_program(page / "build" / "enc", '#!/bin/sh\ngrep -q kbd enc.conf && cp "$4" "$5"\n')
    shutil.copy(page / "reference.wav", page / "input.wav")
    return page


def _block(name: str, holds: str) -> str:
    return next(block for block in fences(ROOT / name, "toml") if holds in block)


def _write_program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _answer(test: Path) -> None:
    """Two listeners answer a test that is served, and one in webMUSHRA."""
    plan = read_plan(test)
    levels = {"reference": 100, "anchor35": 20, "anchor70": 40}
    for subject, page in itertools.product(("ann", "ben"), plan.trials):
        given = [levels.get(name.condition, 70) for name in plan.order(subject, page.name)]
        store_answer(test, plan, subject, page.name, given, 1.0)
    path = test.parent / "results" / webmushra_id(plan) / "mushra.csv"
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as stream:
        rows = csv.writer(stream)
        columns = "session_test_id name session_uuid trial_id rating_stimulus rating_score"
        rows.writerow([*columns.split(), "rating_time", "rating_comment"])
        for trial in plan.trials:
            for stimulus in (s.condition for s in trial.stimuli):
                score = levels.get(stimulus, 70)
                row = (webmushra_id(plan), "eve", "1", f"trial{trial.name}", stimulus, score, 1, "")
                rows.writerow(row)


# --- running ---------------------------------------------------------------------------------


def _make_at_once(name: str, *, cache_folder: Path, **given: Any) -> AtOnce:
    assert name == "local", given
    if not cache_folder.exists():
        shutil.copytree(Path.home() / "cache", cache_folder)
    return AtOnce(Cache(cache_folder.absolute()))


def run_tuner(words: Sequence[str]) -> str:
    """Run the command line within this process; its stdout."""
    with mock.patch("tuner.jobs.executor.make_executor", _make_at_once):
        done = CliRunner().invoke(app, list(words))
    judged = words[0] == "compare" and isinstance(done.exception, SystemExit)
    if done.exit_code > int(judged):
        told = f"{shlex.join(words)}: {done.output[-2000:]} {done.exception!r}"
        raise AssertionError(told) from done.exception
    return done.stdout


def smaller(words: Sequence[str]) -> list[str]:
    """The command with the options of `SMALLER` and `UNLESS`."""
    added = SMALLER.get(words[0], "")
    if "--dry-run" in words:
        added = ""
    for given, instead in UNLESS.get(words[0], {}).items():
        if not set(given) & set(words):
            added += f" {instead}"
    return [*words, *(_at_home(word) for word in added.split())]


def run_command(command: str, folder: Path) -> None:
    """Run one command of a page, or parse it."""
    words = words_of(command)
    while re.fullmatch(r"export|[A-Z_]+=\S*", words[0]):
        words = words[1:]
        if not words:
            return
    if words[0] in ELSEWHERE:
        ELSEWHERE[words[0]](words)
    elif words[0] != "tuner":
        subprocess.run(["bash", "-euc", command], cwd=folder, check=True)
    else:
        _run_own([_placed(word, folder) for word in words[1:]], folder)


def _run_own(words: list[str], folder: Path) -> None:
    target = None
    if ">" in words:
        words, target = words[:-2], folder / words[-1]
    if any(re.search(pattern, shlex.join(words)) for pattern in UNRUN):
        parse_tuner(words)
        if words[:2] == ["listen", "serve"] and not (folder / "results").exists():
            _answer(folder / words[2])
        return
    printed = run_tuner(smaller(words))
    if target:
        target.write_text(printed)
    for option, value in itertools.pairwise(words):
        if option in ("-o", "--out", "--csv", "--plots", "--html", "--export", "--webmushra"):
            assert "--dry-run" in words or (folder / value).exists(), (words, value)


def _placed(word: str, folder: Path) -> str:
    """Where a word leads in this test."""
    if word.startswith("results/tuner-"):
        (found,) = (folder / "results").iterdir()
        return str(found / Path(word).name)
    return _at_home(word).replace("/shared/", "shared/")


def _at_home(word: str) -> str:
    return str(Path(word).expanduser()) if word.startswith("~") else word


# --- tests -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page", [page for page in PAGES if list(commands(page))], ids=lambda page: page.name
)
def test_the_commands_of_a_page_work(
    page: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From top to bottom, in one folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("webbrowser.open", lambda address: True)
    folder = prepare(made, tmp_path)
    monkeypatch.chdir(folder)
    for command in commands(page):
        try:
            run_command(command, folder)
        except Exception as error:
            raise AssertionError(f"{page.name}: {command}") from error


def test_most_commands_are_run() -> None:
    """Few are only parsed, and each entry of the tables is in use."""
    found = [words for page in PAGES for c in commands(page) if (words := words_of(c))]
    own = [shlex.join(words[1:]) for words in found if words[0] == "tuner"]
    unrun = [c for c in own if any(re.search(pattern, c) for pattern in UNRUN)]
    assert len(own) > 60 and len(unrun) < 15
    for pattern in UNRUN:
        assert any(re.search(pattern, c) for c in own), pattern
    for name in ELSEWHERE:
        assert any(words[0] == name for words in found), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_within_the_text_exist(page: Path) -> None:
    """Each `tuner …` names a command, and options that it has."""
    root: Any = typer.main.get_command(app)
    context = root.make_context("tuner", [], resilient_parsing=True)
    for span in spans(page):
        name, *rest = (words := span.split())[1:] or ["run"]
        if words[0] != "tuner" or name not in COMMANDS:
            assert words[0] != "tuner" or name.startswith("--") or name == "COMMAND", span
            continue
        _, command, rest = root.resolve_command(context, [name, *rest])
        if rest and rest[0] in getattr(command, "commands", ()):
            command = command.commands[rest[0]]
        known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
        for word in rest:
            option = word.partition("=")[0]
            assert not re.match(r"--?[a-z]", option) or option in known, span


class _Parsed(Exception):
    """The arguments were accepted."""


@pytest.mark.parametrize(
    "command",
    sorted({s for p in [*PAGES, *ROOT.glob("*.md")] for s in spans(p) if "-m bench." in s}),
)
def test_benches_take_their_arguments(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read by the bench's own parser; what it measures is not run.

    One that is only named in the text, without its arguments, must tell them.
    """
    parse = ArgumentParser.parse_args

    def stop(self: ArgumentParser, *given: Any) -> None:
        parse(self, *given)
        raise _Parsed

    _, _, module, *words = shlex.split(command)
    monkeypatch.setattr(ArgumentParser, "parse_args", stop)
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setattr(sys, "argv", [module, *(words or ["--help"])])
    with pytest.raises(_Parsed if words else SystemExit, match=None if words else "^0$"):
        runpy.run_module(module, run_name="__main__")

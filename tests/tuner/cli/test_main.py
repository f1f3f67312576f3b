"""The command itself: help at once, errors as messages."""

import json
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from tuner.cli.main import COMMANDS, app

HEAVY = ("torch", "optuna", "ray", "numba", "av", "scipy", "visqol")


def test_help_lists_every_subcommand_and_imports_nothing_heavy() -> None:
    """`tuner --help` must not pay for torch, optuna or ray."""
    code = (
        "import sys; from tuner.cli.main import app, COMMANDS\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        f"print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules])\n"
        "print('COMMANDS', *COMMANDS)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "HEAVY []" in out.stdout
    for name in out.stdout.split("COMMANDS")[-1].split():
        assert f" {name} " in out.stdout.split("HEAVY")[0]


def test_every_subcommand_has_help() -> None:
    """Each subcommand's own help works."""
    for name in COMMANDS:
        shown = CliRunner().invoke(app, [name, "--help"])
        assert shown.exit_code == 0, name
        assert f" {name} " in shown.output, name


def test_an_error_is_a_message_not_a_traceback() -> None:
    """A missing file: exit status 1, one line that names it."""
    command = [sys.executable, "-m", "tuner", "score", "none.wav", "none.wav"]
    out = subprocess.run(command, capture_output=True, text=True)
    assert out.returncode == 1
    assert "none.wav: no such file" in out.stderr
    assert "Traceback" not in out.stderr
    assert out.stdout == ""


def test_an_error_is_an_object_for_machines() -> None:
    """With `--json`, on stdout; people and the exit status are told as ever."""
    command = [sys.executable, "-m", "tuner", "encoders", "none.toml", "--json"]
    out = subprocess.run(command, capture_output=True, text=True)
    assert out.returncode == 1
    told = json.loads(out.stdout)
    assert out.stderr == f"tuner: {told['error']}\n"
    assert told["failure"]["kind"] == "EncoderMissing"
    assert told["failure"]["where"] == "none.toml"


def test_a_file_that_cannot_be_written_is_a_message(tmp_path: Path) -> None:
    """The file is named, and what to do."""
    code = (
        "import importlib, sys\n"
        "main = importlib.import_module('tuner.cli.main')\n"
        "main.app = lambda: open(sys.argv[1], 'w')\n"
        "main.main()"
    )
    target = tmp_path / "none" / "report.html"
    out = subprocess.run([sys.executable, "-c", code, str(target)], capture_output=True, text=True)
    assert out.returncode == 1
    assert f"tuner: {target}: No such file or directory; choose another path" in out.stderr
    assert "Traceback" not in out.stderr

"""Manual page and references hold the command line and the API as they are."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import tuner

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generate() -> Any:
    """The module that writes the pages; it belongs to no package."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_api_names_everything(generate: Any) -> None:
    """Each public name of the package, with its parameters as they are."""
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    wanted = [line for line in generate.make_api().splitlines() if re.match(r"### |\w+\(", line)]
    assert {f"### {name}" for name in tuner.__all__ if not name.startswith("_")} <= set(wanted)
    assert [line for line in wanted if line not in page.splitlines()] == []


def test_the_manual_page_names_every_command_and_option(generate: Any) -> None:
    """What is missing here is written by `python docs/generate.py`."""
    page = (DOCS / "tuner.1").read_text(encoding="utf-8")
    reference = (DOCS / "command-line.md").read_text(encoding="utf-8")
    sections = dict(zip(*_sections(page), strict=True))
    commands = list(generate.find_commands())
    assert len(commands) > 15
    for name, _, command in commands:
        title = f"tuner {name} ".replace("-", "\\-")
        (section,) = [text for head, text in sections.items() if head == title]
        for parameter in command.params:
            for option in getattr(parameter, "opts", ()):
                if option.startswith("--") and option != "--help":
                    assert option.replace("-", "\\-") in section, (name, option)
                    assert option in reference.split(f"## tuner {name}\n")[1].split("## tuner")[0]


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_the_manual_page_is_formatted() -> None:
    """Without a warning, to text that names a command and its option."""
    command = ["groff", "-ww", "-man", "-Kutf8", "-Tutf8", "-P-c", str(DOCS / "tuner.1")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    text = re.sub(".\b", "", done.stdout)
    assert "tuner export [OPTIONS] RUN" in text and "--verify" in text


def _sections(page: str) -> tuple[list[str], list[str]]:
    parts = page.split('\n.SS "')[1:]
    return [part.partition("[OPTIONS]")[0] for part in parts], parts

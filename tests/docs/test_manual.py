"""Manual page and reference hold the command line as it is."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_manual_page_names_every_command_and_option() -> None:
    """What is missing here is written by `python docs/generate.py`."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
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


def _sections(page: str) -> tuple[list[str], list[str]]:
    parts = page.split('\n.SS "')[1:]
    return [part.partition("[OPTIONS]")[0] for part in parts], parts

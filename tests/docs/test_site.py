"""The documentation site: complete, without dead links, and built where MkDocs is installed."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def _pages(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    for each in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from _pages(each)


def test_every_page_is_in_the_navigation() -> None:
    """Once, and nothing else is."""
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(_pages(site["nav"])) == [path.name for path in sorted(DOCS.glob("*.md"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    """To a file of the repository, and to a heading that is there."""
    for target in _links(path):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), target
        if anchor and file.suffix == ".md":
            assert anchor in _anchors(file), target


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_lists_are_lists(path: Path) -> None:
    """MkDocs' Markdown wants an empty line before a list, and after a paragraph of an item."""
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", path.read_text(encoding="utf-8"))
    item = re.compile(r" *([-*]|\d+\.) ")
    for before, line in pairwise(text.splitlines()):
        if item.match(line) and before.strip() and not item.match(before):
            assert re.match(r" {2,3}\S", before), line


def _links(path: Path) -> Iterator[str]:
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(path.read_text("utf-8")):
        for inner in token.children or ():
            if inner.type in ("link_open", "image"):
                yield str(inner.attrs.get("href") or inner.attrs["src"])


def _anchors(path: Path) -> set[str]:
    heads = re.findall(r"(?m)^#+ (.*)$", path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.skipif(not importlib.util.find_spec("material"), reason="needs mkdocs-material")
def test_the_site_builds_strictly(tmp_path: Path) -> None:
    """Without a warning."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr

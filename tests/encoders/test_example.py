"""The example package: installed, found by entry point, keeps the contract, is the tutorial's."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "example_encoder"
SOURCE = EXAMPLE / "src" / "example_encoder" / "__init__.py"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The example installed into a folder of its own; the environment that sees it."""
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip, *offline, str(EXAMPLE)], check=True)
    return {**os.environ, "PYTHONPATH": str(target)}


def test_is_found_by_its_entry_point(installed: dict[str, str]) -> None:
    """`tuner encoders` shows an outsider's encoder, with no change to the core."""
    command = [sys.executable, "-m", "tuner", "encoders", "example-oggenc", "--json"]
    shown = subprocess.run(command, env=installed, capture_output=True, check=True)
    facts = json.loads(shown.stdout)
    assert facts["name"] == "example-oggenc"
    assert [p["name"] for p in facts["parameters"]] == ["noisetune", "coupling"]


def test_keeps_the_contract(installed: dict[str, str], tmp_path: Path) -> None:
    """Its own three lines of test pass against the installed package."""
    test = tmp_path / "test_oggenc.py"
    test.write_bytes((EXAMPLE / "tests" / "test_oggenc.py").read_bytes())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
    done = subprocess.run(command, env=installed, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode()[-2000:]
    passed = re.search(rb"(\d+) passed", done.stdout)
    assert passed and int(passed.group(1)) >= 20


def test_tutorial_prints_it() -> None:
    """docs/adapters.md shows the adapter as it is."""
    tutorial = (ROOT / "docs" / "adapters.md").read_text(encoding="utf-8")
    assert SOURCE.read_text(encoding="utf-8") in tutorial

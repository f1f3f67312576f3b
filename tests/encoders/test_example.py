"""The example packages: installed, found by entry point, keep the contract, are the tutorial's."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = {
    "example_encoder": ("example-oggenc", ["noisetune", "coupling"]),
    "example_neural_codec": ("example-neural", ["beam", "stereo"]),
}
SOURCE = ROOT / "tests" / "example_encoder" / "src" / "example_encoder" / "__init__.py"


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request: pytest.FixtureRequest) -> str:
    """The name of an example's folder and package."""
    return str(request.param)


@pytest.fixture(scope="module")
def installed(example: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The example installed into a folder of its own; the environment that sees it."""
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip, *offline, str(ROOT / "tests" / example)], check=True)
    paths = [str(target), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def test_is_found_by_its_entry_point(example: str, installed: dict[str, str]) -> None:
    """`tuner encoders` shows an outsider's encoder, with no change to the core."""
    name, parameters = EXAMPLES[example]
    command = [sys.executable, "-m", "tuner", "encoders", name, "--json"]
    # To list it, any file will do for weights: only its digest is asked for.
    env = {**installed, "EXAMPLE_NEURAL_WEIGHTS": str(SOURCE)}
    shown = subprocess.run(command, env=env, capture_output=True, check=True)
    facts = json.loads(shown.stdout)
    assert facts["name"] == name
    assert [p["name"] for p in facts["parameters"]] == parameters


def test_keeps_the_contract(example: str, installed: dict[str, str], tmp_path: Path) -> None:
    """Its own few lines of test pass against the installed package."""
    (source,) = (ROOT / "tests" / example / "tests").glob("test_*.py")
    test = tmp_path / source.name
    test.write_bytes(source.read_bytes())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
    done = subprocess.run(command, env=installed, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode()[-2000:]
    passed = re.search(rb"(\d+) passed", done.stdout)
    assert passed and int(passed.group(1)) >= 20


def test_tutorial_prints_it() -> None:
    """docs/adapters.md shows the adapter as it is."""
    tutorial = (ROOT / "docs" / "adapters.md").read_text(encoding="utf-8")
    assert SOURCE.read_text(encoding="utf-8") in tutorial

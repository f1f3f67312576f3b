"""The workflow of docs/compare.md, run as a CI runs it: its own shell steps in a fresh folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import soundfile
import yaml

from tuner.sound.audio import SAMPLE_RATE
from tuner.sound.synth import synthesize

DOCUMENT = Path(__file__).parents[3] / "docs" / "compare.md"
#: Installs software: the one step that is not run here.
INSTALL = "pip install ./codec-tuner"
#: Seconds of each clip: the least that is allowed.
CLIP_S = 2.5
#: Stand for LAME's source and a compiler: what is built starts the LAME that is here.
CONFIGURE = '#!/bin/sh\ntest "$*" = --disable-shared\n'
MAKE = "#!/bin/sh\nmkdir -p frontend\ncp lame.in frontend/lame\n"


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    """The job of the document's one whole workflow."""
    blocks = DOCUMENT.read_text(encoding="utf-8").split("```yaml\n")[1:]
    (block,) = [block for block in blocks if block.startswith("name: ")]
    workflow = yaml.safe_load(block.split("```")[0])
    (found,) = workflow["jobs"].values()
    # YAML 1.1 reads the word "on" as true.
    assert workflow[True] == "pull_request"
    return dict(found)


@pytest.fixture
def checkout(job: dict[str, Any], tmp_path: Path, lacking: Callable[[str], NoReturn]) -> Path:
    """The folders that its checkouts make: two sources, clips, and this program."""
    if shutil.which("lame") is None:
        lacking("lame")
    paths = [s["with"]["path"] for s in job["steps"] if "checkout" in s.get("uses", "")]
    assert sorted(paths) == ["clips", "codec-tuner", "new", "old"]
    for path in paths:
        (tmp_path / path).mkdir()
    for number, sound in enumerate(("castanets", "mix", "speech")):
        pcm = synthesize(sound, number, CLIP_S)
        soundfile.write(tmp_path / "clips" / f"{sound}.wav", pcm.T, SAMPLE_RATE)
    write_script(tmp_path / "bin" / "make", MAKE)
    return tmp_path


def write_script(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def write_source(folder: Path, options: str) -> None:
    """An encoder's source; `options` are what its build does beside what it is told."""
    write_script(folder / "configure", CONFIGURE)
    lame = shutil.which("lame")
    write_script(folder / "lame.in", f'#!/bin/sh\n# {folder.name}\nexec {lame} {options} "$@"\n')


def run_steps(job: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """Each shell step as the runner starts it, until one fails; the last one."""
    own = [str(folder / "bin"), str(Path(sys.executable).parent)]
    programs = os.pathsep.join([*own, os.environ["PATH"]])
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    assert scripts[0] == INSTALL and len(scripts) == 3
    for script in scripts[1:]:
        # The judges take most of the time, and have no say in the gate; so does a second worker.
        quick = script.replace("--fail-below", "--no-judges --workers 1 --fail-below")
        done = subprocess.run(
            ["bash", "-e", "-c", quick],
            cwd=folder,
            env={**os.environ, "PATH": programs},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            break
    return done


def test_the_gate_opens_and_shuts(job: dict[str, Any], checkout: Path) -> None:
    """A change that alters nothing passes; one that narrows the sound does not, nor a broken one.

    What is uploaded tells why each time, and the cache is where the workflow keeps it.
    """
    (upload,) = (s for s in job["steps"] if "upload-artifact" in s.get("uses", ""))
    (cache,) = (s for s in job["steps"] if "actions/cache@" in s.get("uses", ""))
    told = checkout / upload["with"]["path"]
    write_source(checkout / "old", "")
    write_source(checkout / "new", "")
    passed = run_steps(job, checkout)
    assert passed.returncode == 0, passed.stderr
    content = json.loads(told.read_text())
    assert [each["target_kbps"] for each in content["bitrates"]] == [96, 128]
    assert any((checkout / cache["with"]["path"]).rglob("*"))
    write_source(checkout / "new", "--lowpass 4")
    failed = run_steps(job, checkout)
    assert failed.returncode == 1, failed.stderr
    assert "FAILED at 96 kb/s" in failed.stderr
    assert len(json.loads(told.read_text())["failures"]) == 2
    write_source(checkout / "new", "--no-such-option")
    broken = run_steps(job, checkout)
    assert broken.returncode == 1
    assert "Traceback" not in broken.stderr, broken.stderr

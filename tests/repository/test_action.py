"""The GitHub Action's shell steps, run as a runner runs them, and the Dockerfile, read."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import soundfile
import yaml

from tuner.sound.synth import synthesize

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def steps() -> dict[str, dict[str, Any]]:
    """Name -> step of the action."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return {step["name"]: step for step in action["runs"]["steps"]}


def test_every_step_is_a_shell_program(steps: dict[str, dict[str, Any]]) -> None:
    """Inputs come by the environment, where no text of theirs is run."""
    shell = [step["run"] for step in steps.values() if "run" in step]
    assert len(shell) == 4
    for program in shell:
        subprocess.run(["bash", "-n", "-c", program], check=True)
        assert "${{" not in program


def test_a_comparison_fails_the_job_and_leaves_its_files(
    steps: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """A side not proven to be as good: table, JUnit XML and JSON are there; the verdict is 1."""
    music = tmp_path / "my music"
    music.mkdir()
    for index, name in enumerate(("drums", "plucked")):
        soundfile.write(music / f"{index}.wav", synthesize(name, 1, 2.5).T, 48_000)
    runner = tmp_path / "runner"
    (runner / "tuner" / "bin").mkdir(parents=True)
    program = runner / "tuner" / "bin" / "tuner"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tuner "$@"\n')
    program.chmod(0o755)
    env = {
        **os.environ,
        "RUNNER_TEMP": str(runner),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "A": "lame-ffmpeg",
        "B": "lame-ffmpeg:lowpass_hz=6000",
        "CLIPS": str(music),
        "BITRATES": "96",
        "OPTIONS": "--metrics=zimtohrli\n--strict\n--workers=1\n\n",
    }
    compared = _run(steps["Compare"]["run"], env)
    assert compared.returncode == 0, compared.stderr
    assert (tmp_path / "output").read_text() == "status=1\n"
    summary = (tmp_path / "summary").read_text(encoding="utf-8")
    assert summary.startswith("### tuner compare: failed"), compared.stderr
    suite = ElementTree.parse(runner / "comparison" / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert (runner / "comparison" / "comparison.json").stat().st_size > 100
    assert _run(steps["Verdict"]["run"], {**env, "STATUS": "1"}).returncode == 1


def _run(program: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """As a runner does: `bash -eo pipefail`."""
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", program]
    return subprocess.run(command, env=env, capture_output=True, text=True)


def test_the_dockerfile_is_sound() -> None:
    """Known instructions; what it copies exists; its arguments are used; it runs as no root."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", text))
    lines = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    words = [word for word, _ in lines]
    assert words[0] == "FROM" and words.count("ENTRYPOINT") == 1
    assert set(words) <= {"FROM", "ARG", "RUN", "COPY", "USER", "WORKDIR", "ENTRYPOINT", "CMD"}
    runs = [rest for word, rest in lines if word == "RUN"]
    for program in runs:
        subprocess.run(["bash", "-n", "-c", program], check=True)
    for argument in (rest.partition("=")[0] for word, rest in lines if word == "ARG"):
        assert any(f"${argument}" in run or f"${{{argument}" in run for run in runs), argument
    for source in (rest.split()[0] for word, rest in lines if word == "COPY"):
        assert (ROOT / source).exists()
    assert [rest for word, rest in lines if word == "USER"] == ["tuner"]


def _has_docker() -> bool:
    """Whether a daemon answers, not only the program is there."""
    return (
        bool(shutil.which("docker"))
        and not subprocess.run(
            ["docker", "info", "--format", "{{.ServerVersion}}"], capture_output=True
        ).returncode
    )


@pytest.mark.skipif(not _has_docker(), reason="no docker daemon")
def test_the_image_is_built_and_lists_encoders() -> None:
    """The CPU image, in which the encoders of Debian are found."""
    image = "codec-tuner-test"
    subprocess.run(["docker", "build", "--quiet", "-t", image, str(ROOT)], check=True)
    command = ["docker", "run", "--rm", image, "encoders", "lame", "--json"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert json.loads(shown)["name"] == "lame"

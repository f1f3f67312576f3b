"""A run directory that somebody else made: no command runs what its study names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tuner.cli.commands.compare import compare
from tuner.cli.commands.encode import encode
from tuner.cli.commands.export import Format, export
from tuner.cli.commands.listen import make
from tuner.cli.commands.run import run as run_study
from tuner.errors import RunError, TunerError
from tuner.plugins import load_encoder

#: What a study file may name; {evil} makes a file where it is run.
NAMED = {
    "binary": 'binary = "{evil}"\nencoder = "opus-ffmpeg"\n',
    "adapter": 'encoder = "{evil}.toml"\n',
}
REST = 'bitrates_kbps = [96]\n[clips]\nfolder = "music"\n'
ADAPTER = """
name = "opus-ffmpeg"
suffix = ".opus"
encode = ["{evil}", "{{rate}}", "{{options}}", "{{source}}", "{{target}}"]
[[rate_modes]]
name = "vbr"
knob = "bitrate_kbps"
low = 6
high = 510
options = ["{{knob}}"]
"""


@pytest.fixture
def received(tmp_path: Path, write_run: Callable[..., Path]) -> Path:
    """A finished run, its cache left out."""
    folder = write_run(tmp_path / "run", load_encoder("opus-ffmpeg"), {})
    (folder / "cache").rename(tmp_path / "cache")
    return folder


def commands(run: Path, out: Path, trust: list[str]) -> list[Callable[[], object]]:
    """Every command that needs the run's encoder."""
    return [
        lambda: encode(f"{run}@96", [run.parent / "music"], out, trust=trust),
        lambda: export(str(run), Format.SH, verify=True, trust=trust),
        lambda: make(run, out, trust=trust),
        lambda: compare(str(run), "opus-ffmpeg", trust=trust),
        lambda: compare("opus-ffmpeg", f"{run}@96:default", trust=trust),
        lambda: run_study(str(run / "study.toml"), trust=trust),
    ]


@pytest.mark.parametrize("kind", NAMED)
@pytest.mark.parametrize("place", ["run", "elsewhere"])
def test_no_command_runs_what_a_run_names(
    received: Path, tmp_path: Path, kind: str, place: str
) -> None:
    """Neither a program nor an adapter's file, in the run's folder or beside it."""
    folder, ran, out = tmp_path / place, tmp_path / "ran", tmp_path / "out"
    folder.mkdir(exist_ok=True)
    evil = folder / "evil.sh"
    evil.write_text(f"#!/bin/sh\necho ran >> {ran}\n")
    evil.chmod(0o755)
    (folder / "evil.sh.toml").write_text(ADAPTER.format(evil=evil))
    named = "./evil.sh" if place == "run" else str(evil)
    (received / "study.toml").write_text(NAMED[kind].format(evil=named) + REST)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("evil*")]
    for command in commands(received, out, []):
        with pytest.raises(RunError, match=r"evil\.sh"):
            command()
    assert not ran.exists() and not out.exists()
    # What lies elsewhere is used when the user says its digest, and only then.
    for command in commands(received, out, digests):
        with pytest.raises(TunerError) as caught:
            command()
        assert ("own folder" in str(caught.value)) == (place == "run"), caught.value
    assert ran.exists() == (place == "elsewhere")


def test_a_metrics_file_of_a_run_is_not_used(tmp_path: Path) -> None:
    """It names programs, too; in the run's folder it is never used, elsewhere when it is known."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "identity.json").write_text("{}")
    study = tmp_path / "run" / "study.toml"
    for place, told in (("run", "own folder"), (".", "does not know")):
        file = tmp_path / place / "mine.toml"
        file.write_text("")
        study.write_text(f'encoder = "opus-ffmpeg"\njudges = ["{file}"]\n{REST}')
        with pytest.raises(RunError, match=told):
            run_study(str(study))

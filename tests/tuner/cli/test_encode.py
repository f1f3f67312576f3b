"""`tuner encode` on a run of the fake encoder."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer

from tuner.apply import player
from tuner.cli.commands.encode import encode
from tuner.encoder import Encoded, converting
from tuner.errors import RunError
from tuner.results import read_results, write_results
from tuner.tags import Tags, write_tags
from tuner.testing import FakeEncoder


@pytest.fixture
def run(tmp_path: Path, write_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose winner has shaping 7."""
    monkeypatch.setattr(player, "load_encoder", lambda name, binary: FakeEncoder())
    return write_run(tmp_path / "run", FakeEncoder(), {"shaping": 7})


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Two files in folders."""
    for name in ("a/one.wav", "b/two.wav"):
        path = tmp_path / "music" / name
        path.parent.mkdir(parents=True)
        soundfile.write(path, np.random.default_rng(0).uniform(-0.1, 0.1, 9600), 48_000)
    return tmp_path / "music"


def test_the_winner_is_what_encodes(
    run: Path, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON tells the command and each file; another time all are skipped; the default differs."""
    encode(f"{run}@96", [music], tmp_path / "out", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert "--shaping=7" in told["command"]
    assert "--abr=96" in told["command"]
    assert [(f["target"], f["state"]) for f in told["files"]] == [
        ("a/one.fake", "encoded"),
        ("b/two.fake", "encoded"),
    ]
    assert told["convert"] == []
    encode(str(run), [music], tmp_path / "mixed", downmix=True, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["convert"] == converting(None, to_stereo=True)
    assert told["convert"][-1] in told["command"]
    encode(str(run), [music], tmp_path / "out")
    assert "0 encoded, 2 skipped, 0 failed" in capsys.readouterr().out
    encode(str(run), [music], tmp_path / "default", settings="default", workers=1)
    assert "2 encoded" in capsys.readouterr().out
    ours, theirs = (tmp_path / name / "a" / "one.fake" for name in ("out", "default"))
    assert ours.read_bytes() != theirs.read_bytes()


def test_tags_stay_behind_without_the_library_that_carries_them(
    run: Path,
    music: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Files are encoded all the same, and once it is told what to install."""
    monkeypatch.setitem(sys.modules, "mutagen", None)
    encode(f"{run}@96", [music], tmp_path / "out")
    told = capsys.readouterr().out
    assert "2 encoded, 0 skipped, 0 failed" in told
    (line,) = [one for one in told.splitlines() if "not carried over" in one]
    assert line.startswith("not carried over: tags") and line.endswith("(one.wav, two.wav)")
    assert "pip install 'codec-tuner[tags]'" in line


def test_tags_that_are_lost_are_told_once(
    run: Path, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fake encoder's files are as bare as raw AC-3."""
    for path in music.rglob("*.wav"):
        assert write_tags(path, Tags({"title": (path.stem,)})) == ()
    encode(f"{run}@96", [music], tmp_path / "out")
    (line,) = [one for one in capsys.readouterr().out.splitlines() if "not carried over" in one]
    told = "not carried over: tags: cannot be written into .fake files"
    assert line in (f"{told} (one.wav, two.wav)", f"{told} (two.wav, one.wav)")


def test_the_average_is_payload_over_time(
    run: Path, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A short skit of a high rate does not count as much as a song."""
    soundfile.write(music / "skit.wav", np.zeros(480), 48_000)
    encode(f"{run}@96", [music], tmp_path / "out")
    mean = float(re.search(r"([\d.]+) kb/s on average", capsys.readouterr().out)[1])
    size = sum(path.stat().st_size for path in (tmp_path / "out").rglob("*.fake"))
    assert mean == pytest.approx(8 * size / (0.2 + 0.2 + 0.01) / 1000, abs=0.06)


def test_a_failure_makes_the_exit_status(
    run: Path, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are encoded, and the one that failed is named."""
    (music / "bad.wav").write_bytes(b"RIFF")
    with pytest.raises(typer.Exit) as stop:
        encode(str(run), [music], tmp_path / "out")
    printed = capsys.readouterr()
    assert stop.value.exit_code == 1
    assert "2 encoded, 0 skipped, 1 failed" in printed.out
    assert "failed:" in printed.err and "bad.wav" in printed.err


def test_files_of_another_rate_are_warned_of(
    run: Path, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are encoded at their own rate, where the run's clips were; else brought to the run's."""
    soundfile.write(music / "hi.wav", np.random.default_rng(1).uniform(-0.1, 0.1, 9600), 96_000)
    stored = run / "results.json"
    encode(str(run), [music], tmp_path / "out")
    told = capsys.readouterr().err
    assert "1 file is at 96 kHz, but the settings were tuned at 48 kHz" in told and "hi.wav" in told
    assert decoded_rate(tmp_path / "out" / "hi.fake") == 96_000
    results = read_results(stored)
    write_results(replace(results, provenance=replace(results.provenance, rate=48_000)), stored)
    encode(str(run), [music], tmp_path / "brought")
    told = capsys.readouterr().err
    assert "kHz" not in told and "-ar 48000" in told
    assert decoded_rate(tmp_path / "brought" / "hi.fake") == 48_000


def decoded_rate(path: Path) -> int:
    return FakeEncoder().decode(Encoded(path.read_bytes(), ".fake", 1, 0.0))[1]


def test_another_build_is_refused(
    run: Path, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it is wanted."""
    monkeypatch.setattr(player, "load_encoder", lambda name, binary: FakeEncoder(build="2"))
    with pytest.raises(RunError, match=r"fake here .* differs from the run's build .*--any-build"):
        encode(str(run), [music], tmp_path / "out")
    encode(str(run), [music], tmp_path / "out", any_build=True)
    assert (tmp_path / "out" / "a" / "one.fake").is_file()


DRIVER = """
import sys, time
from pathlib import Path
import typer
from tuner.cli.commands.encode import encode
from tuner.apply import player
from tuner.tags import Tags, write_tags
from tuner.testing import FakeEncoder

begun = 0

class Slow(FakeEncoder):
    def encode(self, *arguments):
        global begun
        begun += 1
        time.sleep(0.1 if begun < 5 else 2)  # all of them would take two minutes
        return super().encode(*arguments)

player.load_encoder = lambda name, binary: Slow()
try:
    encode({run!r}, [Path({music!r})], Path({out!r}), workers=1)
except typer.Exit as stop:
    sys.exit(stop.exit_code)
"""


def test_ctrl_c_keeps_what_is_finished(run: Path, music: Path, tmp_path: Path) -> None:
    """Exit status 130, a word on how to go on, nothing half-done; then it goes on."""
    out = tmp_path / "out"
    for index in range(60):
        soundfile.write(music / f"{index}.wav", np.full(4800, index / 100), 48_000)
    script = DRIVER.format(run=str(run), music=str(music), out=str(out))
    with subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as driver:
        while len(list(out.rglob("*.fake"))) < 2 and driver.poll() is None:
            time.sleep(0.05)
        os.kill(driver.pid, signal.SIGINT)
        _, told = driver.communicate()
    assert driver.returncode == 130, told
    assert "run the same command again" in told and "Traceback" not in told
    done = len(list(out.rglob("*.fake")))
    assert 2 <= done < 62
    assert not (out / ".tuner-encode").exists()
    encode(str(run), [music], out)
    assert len(list(out.rglob("*.fake"))) == 62

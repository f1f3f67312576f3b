"""`tuner find-rate` on fakes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer

from tuner import plugins
from tuner.cli.commands import run as cli_run
from tuner.cli.commands.find_rate import find_rate
from tuner.errors import StudyError
from tuner.testing import FakeEncoder, FakeScorer

#: Folders of a test.
KINDS = ("reference", "coded")


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch, in_place: None) -> None:
    """The fake encoder and model instead of real ones."""
    monkeypatch.setattr(plugins, "load_encoder", lambda name, binary=None: FakeEncoder())
    monkeypatch.setattr(cli_run, "load_metrics", lambda *_: (FakeScorer("insenet"), ()))


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine seconds of noise."""
    path = tmp_path_factory.mktemp("music") / "song.wav"
    noise = np.random.default_rng(0).standard_normal(9 * 48_000)
    soundfile.write(path, 0.05 * noise, 48_000)
    return path


def test_better_settings_need_fewer_bits(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two encoders, each with its bitrate, its time, and a sentence; JSON holds the same."""
    encoders = ["fake", "fake:shaping=7"]
    find_rate([song], encoders, 60.0, excerpts=2, workers=1, as_json=True)
    answers = json.loads(capsys.readouterr().out)["answers"]
    default, better = (answer["kbps"] for answer in answers)
    assert better == pytest.approx(default * 2 ** (-4 / 12), rel=0.02)
    assert all(a["reached"] and a["low_kbps"] <= a["kbps"] <= a["high_kbps"] for a in answers)
    find_rate([song], encoders, 60.0, excerpts=2, workers=1)
    printed = " ".join(capsys.readouterr().out.split())
    assert "fake:shaping=7 is as good as fake with 20." in printed
    assert "% fewer bits, 1.00 times the encode time." in printed


def test_what_is_out_of_reach_is_told(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An answer, not a failure."""
    fake = "fake:rate_mode=abr"
    find_rate([song], [fake], 99.0, transparent=False, excerpts=2, workers=1)
    assert "not reached" not in capsys.readouterr().out  # 12 dB an octave reach far
    find_rate([song], ["fake:shaping=0"], None, 1.0, transparent=True, excerpts=2, workers=1)
    assert "transparency on 100 % of the clips" in capsys.readouterr().out


def test_a_broken_file_does_not_stop_the_others(
    song: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told by name, and the exit status is 1."""
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    with pytest.raises(typer.Exit) as stop:
        find_rate([broken, song], ["fake"], 60.0, excerpts=2, workers=1)
    printed = capsys.readouterr().out
    assert stop.value.exit_code == 1
    assert "broken.wav" in printed and "song.wav" in printed


def test_a_goal_is_needed(song: Path) -> None:
    """Neither a quality nor transparency, or values out of range, are refused."""
    with pytest.raises(StudyError, match="--target-quality, as in 85"):
        find_rate([song], ["fake"])
    with pytest.raises(StudyError, match=r"--target-quality must be .*got 120"):
        find_rate([song], ["fake"], 120.0)
    with pytest.raises(StudyError, match=r"--target-share must be .*got 95"):
        find_rate([song], ["fake"], 85.0, 95.0)


def test_excerpts_for_an_abx_test(song: Path, tmp_path: Path) -> None:
    """Reference and coded by the same stem, and the files themselves, encoded once."""
    given = {"excerpts": 2, "workers": 1, "out": tmp_path / "out", "abx": tmp_path / "abx"}
    for _ in range(2):
        find_rate([song], ["fake"], 60.0, **given)  # type: ignore[arg-type]
    stems = [sorted(p.stem for p in (tmp_path / "abx").glob(f"{kind}/*")) for kind in KINDS]
    assert stems[0] == stems[1] == ["1-song", "2-song"]
    reference, rate = soundfile.read(tmp_path / "abx" / "reference" / "1-song.wav")
    assert (len(reference), rate) == (3 * 48_000, 48_000)
    assert (tmp_path / "out" / "song.fake").stat().st_size > 0

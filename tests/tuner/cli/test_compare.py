"""`tuner compare` as a gate, on fakes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
import typer

from tuner import plugins
from tuner.apply import player
from tuner.cli.commands import run as cli_run
from tuner.cli.commands.compare import compare
from tuner.errors import ClipError, StudyError
from tuner.results import read_results
from tuner.testing import FakeEncoder, FakeScorer


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch, in_place: None) -> None:
    """The fake encoder and metrics instead of real ones."""
    model, judge = FakeScorer("insenet", slope=1.0), FakeScorer("visqol", slope=0.5)
    for module in (plugins, player):
        monkeypatch.setattr(module, "load_encoder", lambda name, binary=None: FakeEncoder())
    monkeypatch.setattr(
        cli_run, "load_metrics", lambda _, judges, __: (model, (judge,) if judges else ())
    )


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three files of noise."""
    folder = tmp_path_factory.mktemp("music")
    for index in range(3):
        noise = np.random.default_rng(index).standard_normal((48_000 * 3, 1))
        soundfile.write(folder / f"[{index}].wav", 0.05 * (1 + index) * noise, 48_000)
    return folder


def test_a_worse_setting_shuts_the_gate(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1 and a sentence; within what is tolerated it passes, from the cache."""
    with pytest.raises(typer.Exit) as stop:
        compare("fake", "fake:joint=false", music, "64", cache=tmp_path / "cache", workers=1)
    printed = capsys.readouterr()
    assert stop.value.exit_code == 1
    assert "FAILED at 64 kb/s: the gain of B is -2.0 points" in printed.err
    assert "scoring: 6/6" in printed.err
    assert "measured kb/s" in printed.out and "[1].wav" in printed.out
    assert "At 64 kb/s B (fake:joint=false) sounds worse" in printed.out
    made = {path for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    compare(
        "fake",
        "fake:joint=false",
        music,
        "64",
        fail_below=-3.0,
        strict=True,
        cache=tmp_path / "cache",
        workers=1,
        as_json=True,
        markdown=tmp_path / "table.md",
        junit=tmp_path / "junit.xml",
    )
    told = json.loads(capsys.readouterr().out)
    assert (told["passed"], told["failures"]) == (True, [])
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert table.startswith("### tuner compare: passed\n")
    assert "| 64 | InSE-NET |" in table
    assert ElementTree.parse(tmp_path / "junit.xml").getroot().get("failures") == "0"
    (row,) = told["bitrates"]
    assert row["gains"]["insenet"]["value"] == pytest.approx(-2.0, abs=0.1)
    assert row["b"]["settings"]["joint"] is False
    assert set(told["clips"].values()) == {"[0].wav", "[1].wav", "[2].wav"}
    assert {path for path in (tmp_path / "cache").rglob("*") if path.is_file()} == made


def test_clips_that_a_run_was_tuned_on_are_left_out(
    music: Path,
    tmp_path: Path,
    write_run: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By their file; a run brings its own bitrate and winner."""
    run = write_run(tmp_path / "run", FakeEncoder(), {"shaping": 7})
    results = run / "results.json"
    results.write_text(results.read_text().replace("/music/tune.wav", str(music / "[0].wav")))
    compare("fake", str(run), music, workers=1, judges=False, as_json=True)
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert "clips excluded because settings were tuned on them: 1" in printed.err
    assert set(told["clips"].values()) == {"[1].wav", "[2].wav"}
    (row,) = told["bitrates"]
    assert (row["target_kbps"], list(row["gains"])) == (96.0, ["insenet"])
    assert row["gains"]["insenet"]["value"] > 3
    with pytest.raises(ClipError, match="clips to compare: 1; at least 2"):
        compare("fake", str(run), workers=1)
    assert len(read_results(results).clips) == 2


def test_one_build_under_two_names_is_told(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gate that compares a build with itself would always be open."""
    monkeypatch.setattr(plugins, "load_encoder", lambda name, binary=None: FakeEncoder(binary))
    for name in "ab":
        (tmp_path / name).touch()
    sides = [f"fake={tmp_path / name}" for name in "ab"]
    compare(*sides, music, "64", judges=False, workers=1)
    printed = capsys.readouterr()
    assert "are byte-identical" in printed.err
    assert "as A (" in " ".join(printed.out.split())


def test_what_is_missing_is_asked_for(music: Path) -> None:
    """Clips and bitrates, where no run brings them."""
    with pytest.raises(StudyError, match="--clips FOLDER"):
        compare("fake", "fake", bitrates="64")
    with pytest.raises(StudyError, match="--bitrates 64,96"):
        compare("fake", "fake", music)


def test_a_gate_that_cannot_shut_is_refused(music: Path) -> None:
    """Nothing is below NaN, which an empty variable of a CI may become."""
    with pytest.raises(StudyError, match="--fail-below nan"):
        compare("fake", "fake", music, "64", fail_below=math.nan)
    for bitrates in ("0", "-5", "nan", "64,1e9"):
        with pytest.raises(StudyError, match="kb/s from 4 to 6000"):
            compare("fake", "fake", music, bitrates)


def test_bits_for_a_quality(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Better settings pass with fewer bits, and their opposite shuts the gate."""
    given = (music, None, "40")
    kept = {"cache": tmp_path / "cache", "workers": 1}
    compare("fake", "fake:shaping=7", *given, **kept)  # type: ignore[arg-type]
    # 4 dB of 12 an octave.
    assert "B (fake:shaping=7) needs" in (printed := capsys.readouterr().out)
    assert "-20." in printed and "% bits (95 % interval -" in printed
    assert "1.00 times the encode time, on 3 clips; ViSQOL" in printed
    with pytest.raises(typer.Exit) as stop:
        compare("fake:shaping=7", "fake", *given, as_json=True, **kept)  # type: ignore[arg-type]
    printed = capsys.readouterr()  # type: ignore[assignment]
    told = json.loads(printed.out)  # type: ignore[attr-defined]
    assert stop.value.exit_code == 1 and not told["passed"]
    assert told["targets"][0]["bits_ratio"]["value"] == pytest.approx(2 ** (4 / 12), rel=0.02)
    assert "FAILED for quality 40: B needs +2" in printed.err  # type: ignore[attr-defined]
    with pytest.raises(StudyError, match="not both"):
        compare("fake", "fake", music, "64", "40")

"""`tuner doctor`: what works here, and what to install for the rest."""

import json
from pathlib import Path

import pytest
import typer

from tuner.cli.commands.doctor import doctor
from tuner.plugins import encoder_names


def findings(capsys: pytest.CaptureFixture[str]) -> dict[tuple[str, str], dict[str, str]]:
    """What the doctor printed, by area and name."""
    rows = json.loads(capsys.readouterr().out)
    return {(row["area"], row["name"]): row for row in rows}


def test_looks_at_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every encoder, all metrics, devices, storage, clips."""
    doctor(out=tmp_path / "runs" / "deep", as_json=True)
    found = findings(capsys)
    assert {name for area, name in found if area == "encoder"} == encoder_names().keys()
    assert found["encoder", "aac"]["state"] == "ok"
    assert found["model", "insenet"]["says"] == "identity scores 100.0"
    assert found["device", "cores"]["state"] == "ok"
    assert found["storage", "runs"]["state"] in ("ok", "note")
    assert found["clips", "folder"]["state"] == "note"
    absent = found["encoder", "qaac"]
    assert absent["state"] == "note"
    assert "qaac" in absent["says"]


def test_clips_that_cannot_be_used_are_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit status is 1, and the file is named."""
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    with pytest.raises(typer.Exit) as caught:
        doctor(clips=tmp_path, out=tmp_path, as_json=True)
    assert caught.value.exit_code == 1
    problem = findings(capsys)["clips", str(tmp_path)]
    assert problem["state"] == "problem"
    assert "broken.wav" in problem["says"]

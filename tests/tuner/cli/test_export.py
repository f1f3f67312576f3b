"""`tuner export`: command lines, fields of foobar2000 and JSON, verified or not."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from tuner.cli.commands.export import Format, export
from tuner.encoder import converting
from tuner.errors import RunError
from tuner.plugins import load_encoder
from tuner.results import read_results, write_results

WriteRun = Callable[..., Path]


@pytest.fixture
def run(tmp_path: Path, write_run: WriteRun) -> Path:
    """A run of the encoder inside ffmpeg that is always there."""
    return write_run(tmp_path / "run", load_encoder("aac"), {"tns": False})


def test_command_lines(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A shell script: what is not a command is a comment, even where there is no such program."""
    export(str(run))
    printed = capsys.readouterr().out
    commands = [line for line in printed.splitlines() if line and not line.startswith("#")]
    results = read_results(run / "results.json")
    assert [shlex.split(command) for command in commands] == [
        results.bitrates[0].candidates[1].command
    ]
    assert "# Confirmed: it was made up." in printed
    export(f"{run}@96", settings="default")
    assert "aac_tns" not in capsys.readouterr().out
    with pytest.raises(RunError, match="available: 96"):
        export(f"{run}@64")


def test_a_mixed_run_shows_the_mix(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the command before; programs that hold one command cannot hold it."""
    results = read_results(run / "results.json")
    (bitrate,) = results.bitrates
    convert = converting(None, to_stereo=True)
    mixed = [replace(each, convert=convert) for each in bitrate.candidates]
    answers = [replace(bitrate, candidates=mixed)]
    write_results(replace(results, bitrates=answers), run / "results.json")
    export(str(run))
    printed = capsys.readouterr().out
    assert f"\n{shlex.join(convert)} && ffmpeg " in printed
    assert (
        "Files are converted first, as its clips were. The run's clips were at 48 kHz." in printed
    )
    with pytest.raises(RunError, match="HandBrake can hold none"):
        export(str(run), Format.HANDBRAKE)
    assert "no field for: converting the file first" in capsys.readouterr().err


def test_json_is_proved(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings, command and proof."""
    export(str(run), Format.JSON, verify=True)
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    (row,) = told["bitrates"]
    assert told["encoder"] == "aac"
    assert (row["target_kbps"], row["knob"], row["values"]["tns"]) == (96.0, 96.0, False)
    assert row["proof"]["kind"] == "verified"
    assert "96 kb/s: verified" in printed.err


def test_fields_of_foobar2000(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All options are in them; what they cannot hold is a comment, a line break among it."""
    export(str(run), Format.FOOBAR2000)
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("#")]
    assert lines[:3] == [
        "Encoder:    ffmpeg.exe",
        "Extension:  m4a",
        "Parameters: -i %s -aac_tns 0 -b:a 96k -c:a aac %d",
    ]
    path = run / "results.json"
    whole = path.read_text()
    for word in ("96k", "0", "ffmpeg"):
        path.write_text(whole.replace(f'"{word}"', f'"{word}\\nevil"'))
        export(str(run), Format.FOOBAR2000)
        printed = capsys.readouterr().out
        assert "# foobar2000 cannot hold this command line:" in printed
        assert all(line.startswith("#") for line in printed.splitlines() if line)


def test_an_encoder_for_freac(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file alone on stdout; what cannot be held is an error."""
    export(str(run), Format.FREAC)
    printed = capsys.readouterr()
    assert printed.out.startswith("<?xml")
    assert "<arguments>-i %INFILE -aac_tns 0 -b:a 96k -c:a aac %OUTFILE</arguments>" in printed.out
    assert "# Confirmed: it was made up." in printed.err
    path = run / "results.json"
    path.write_text(path.read_text().replace('"96k"', '"96 k"'))
    with pytest.raises(RunError, match="fre:ac cannot hold"):
        export(str(run), Format.FREAC)


def test_presets_of_handbrake(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The default can be held; an option of the codec cannot, and is named."""
    export(str(run), Format.HANDBRAKE, settings="default")
    (preset,) = json.loads(capsys.readouterr().out)["PresetList"]
    assert preset["PresetName"] == "tuner: aac, 96 kb/s"
    assert preset["AudioList"][0]["AudioEncoder"] == "av_aac"
    with pytest.raises(RunError, match="can hold none"):
        export(str(run), Format.HANDBRAKE)
    assert "HandBrake has no field for: -aac_tns 0" in capsys.readouterr().err


def test_a_difference_is_an_exit_status(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The stored command line is no longer what the adapter says."""
    path = run / "results.json"
    path.write_text(path.read_text().replace('"96k"', '"95k"'))
    with pytest.raises(typer.Exit) as stop:
        export(str(run), verify=True)
    assert stop.value.exit_code == 1
    assert "# differs: the command line has changed" in capsys.readouterr().out


def test_hostile_names_stay_comments(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A clip's or a folder's name with a line break must not become a command."""
    evil = run.rename(tmp_path / "run\ntouch $(id); '")
    path = evil / "results.json"
    path.write_text(path.read_text().replace("tune.wav", "a\\nrm -rf nowhere.wav"))
    export(str(evil), verify=True)
    printed = capsys.readouterr().out
    assert "rm -rf nowhere" in printed
    lines = [line for line in printed.splitlines() if line and not line.startswith("#")]
    assert lines == ["ffmpeg -i input.wav -aac_tns 0 -b:a 96k -c:a aac output.m4a"]


def test_a_command_of_prefixes_alone_is_shown(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An edited command that names no program is no crash."""
    _change(run, lambda told: told["bitrates"][0]["candidates"][1].update(command=["env", "A=b"]))
    export(str(run))
    printed = capsys.readouterr().out
    assert "# env in your PATH is missing or differs" in printed
    assert printed.splitlines()[-2] == "env A=b"


@pytest.mark.parametrize("form", [Format.FREAC, Format.HANDBRAKE])
def test_presets_of_no_answer_are_refused(run: Path, form: Format) -> None:
    """A run whose bitrates have no answer gives no preset, and the error says that."""
    _change(run, lambda told: told.update(bitrates=[]))
    with pytest.raises(RunError, match="no bitrate has an answer"):
        export(str(run), form)


def _change(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = run / "results.json"
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))

"""`tuner export`: command lines, presets and JSON, proved or not."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from tuner.cli.commands.export import Format, export
from tuner.errors import RunError
from tuner.plugins import load_encoder
from tuner.results import read_results

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


def test_json_is_proved(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings, command, preset and proof."""
    export(str(run), Format.JSON, verify=True)
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    (row,) = told["bitrates"]
    assert told["encoder"] == "aac"
    assert (row["target_kbps"], row["knob"], row["values"]["tns"]) == (96.0, 96.0, False)
    assert row["proof"]["kind"] == "verified"
    assert row["preset"]["text"] == "acodec=aac\nb:a=96k\n"
    assert "96 kb/s: verified" in printed.err


def test_presets_as_files(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What ffmpeg reads, the command that reads it in a comment."""
    export(str(run), Format.FFMPEG, verify=True, out=tmp_path / "presets")
    file = Path(capsys.readouterr().out.strip())
    assert file == tmp_path / "presets" / "aac-96.ffpreset"
    lines = file.read_text().splitlines()
    assert "# ffmpeg -i input.wav -fpre aac-96.ffpreset -aac_tns 0 output.m4a" in lines
    assert [line for line in lines if not line.startswith("#")] == ["acodec=aac", "b:a=96k"]


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


def test_presets_stay_in_their_folder(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the run calls its encoder, and whatever link lies there already."""
    path, out = run / "results.json", tmp_path / "a" / "presets"
    whole = path.read_text()
    for name in ("../evil", "/tmp/evil", "..", "aac\\n..", "a/../../evil"):
        path.write_text(whole.replace('"encoder": "aac"', f'"encoder": "{name}"'))
        export(str(run), Format.FFMPEG, out=out)
        assert Path(capsys.readouterr().out.strip()).parent == out
    path.write_text(whole)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (out / "aac-96.ffpreset").symlink_to(victim)
    export(str(run), Format.FFMPEG, out=out)
    assert victim.read_text() == "mine"
    assert not (out / "aac-96.ffpreset").is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "run", "victim"]
    assert [p.name for p in out.parent.iterdir()] == ["presets"]
    assert all(p.is_file() for p in out.iterdir())


def test_words_cannot_leave_a_presets_comment(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line break in any word of a stored command."""
    path = run / "results.json"
    whole = path.read_text()
    for word in ("96k", "0", "ffmpeg"):
        path.write_text(whole.replace(f'"{word}"', f'"{word}\\nf=evil"'))
        export(str(run), Format.FFMPEG, out=tmp_path / "presets")
        assert not (tmp_path / "presets").exists()
        assert "# No preset exists for this command line:" in capsys.readouterr().out

"""`tuner encoders`: the list, one encoder's parameters, an encoder's file, another binary."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tuner.cli.commands.encoders import encoders
from tuner.errors import AdapterError, EncoderMissing, StudyError
from tuner.plugins import encoder_names, load_encoder

DOCUMENTED = Path(__file__).parents[3] / "docs" / "oggenc.toml"


def test_list_names_every_adapter_usable_or_not(capsys: pytest.CaptureFixture[str]) -> None:
    """Those whose program is absent are listed with what to do; the others with their build."""
    encoders(as_json=True)
    rows = {row["encoder"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows.keys() == encoder_names().keys()
    for row in rows.values():
        assert row["problem"] or len(row["digest"]) == 16


def test_the_list_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Version and rate range of each."""
    encoders()
    shown = capsys.readouterr().out
    assert "aac" in shown
    assert "16 to 288 kb/s" in shown


def test_one_encoder(capsys: pytest.CaptureFixture[str]) -> None:
    """Its build, its rate modes and every parameter with its condition."""
    encoders("aac")
    shown = capsys.readouterr().out
    assert ", build " in shown
    assert "abr: 16 to 288 kb/s" in shown
    assert "cutoff_hz" in shown


@pytest.mark.parametrize("name", ["aac", "lame", "lame-api", "opus", "vorbis"])
def test_names_are_whole_in_a_terminal(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In 80 columns no parameter's name is broken, so that it can be copied to --fixed."""
    monkeypatch.setenv("COLUMNS", "80")
    encoder = load_encoder(name)
    encoders(name)
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert {len(line) for line in table} == {80}
    shown = {line.split("│")[1].strip() for line in table}
    assert shown == {"", *(p.name for p in encoder.parameters)}


def test_a_condition_on_any_number_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """`number` in a parameter's condition is said in words."""
    encoders("lame")
    shown = capsys.readouterr().out
    assert "is a number" in " ".join(shown.replace("│", " ").split())
    assert "in number" not in shown


def test_a_file_is_an_encoder(capsys: pytest.CaptureFixture[str]) -> None:
    """The path of a TOML file stands where a name stands."""
    encoders(str(DOCUMENTED), as_json=True)
    facts = json.loads(capsys.readouterr().out)
    assert facts["name"] == "oggenc-toml"
    assert facts["parameters"][0]["name"] == "noisetune"


def test_another_binary_is_another_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its path and its digest are shown."""
    original = shutil.which("twolame")
    assert original
    copy = tmp_path / "twolame-dev"
    copy.write_bytes(Path(original).read_bytes() + b"\0")
    copy.chmod(0o755)
    digests = []
    for binary in (None, str(copy)):
        encoders("twolame", binary=binary, as_json=True)
        facts = json.loads(capsys.readouterr().out)
        digests.append(facts["digest"])
    assert facts["binary"] == str(copy)
    assert digests[0] != digests[1]


def test_mistakes_are_told(tmp_path: Path) -> None:
    """An unknown name, a binary that is not there, a wrong file, --binary alone."""
    with pytest.raises(EncoderMissing, match="no encoder 'lima'"):
        encoders("lima")
    with pytest.raises(EncoderMissing, match="/nowhere/lame"):
        encoders("twolame", binary="/nowhere/lame")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("name = 1")
    with pytest.raises(AdapterError, match=r"wrong\.toml"):
        encoders(str(wrong))
    with pytest.raises(StudyError, match="--binary"):
        encoders(binary="x")


def test_a_relative_file_is_found_from_anywhere(tmp_path: Path) -> None:
    """`tuner run --encoder mine.toml` stores the file's absolute path."""
    shutil.copy(DOCUMENTED, tmp_path / "mine.toml")
    command = [sys.executable, "-m", "tuner", "run", "--encoder", "mine.toml"]
    more = ["--clips", "none", "--bitrates", "64"]
    done = subprocess.run(command + more, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "none" in done.stderr
    assert "mine.toml" not in done.stderr

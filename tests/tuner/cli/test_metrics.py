"""`tuner metrics`, and a metric of one's own through the real commands."""

import json
import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from tuner.cli.commands.metrics import choose_metrics, metrics, parse_names
from tuner.cli.main import app
from tuner.errors import MetricError, StudyError
from tuner.results import read_results

#: Python's own library only, and one sample of 16, as it is called often.
PROGRAM = """
import array, math, operator, sys

def read(path):
    data = open(path, "rb").read()
    return array.array("f", data[data.index(b"data") + 8 :])[::16]

reference, coded = map(read, sys.argv[1:])
error = map(operator.sub, reference, coded)
noise, signal = (sum(sample * sample for sample in each) for each in (error, reference))
print("SNR:", round(-10 * math.log10(max(noise / signal, 1e-6)), 4), "dB")
"""
#: Ten lines.
DECLARED = """\
name = "NAME"
command = ["PYTHON", "-IS", "./snr.py", "{reference}", "{coded}"]
pattern = "SNR: (-?[0-9.]+)"
range = [-40, 60]
better = "higher"
family = "FAMILY"
unit = "dB"
cannot_hear = ["what masks noise"]
samples = "float"
timeout_s = 100
"""
DOCS = Path(__file__).parents[3] / "docs" / "metrics.md"


def declare(
    folder: Path, name: str = "snr", family: str = "opinion", program: str = PROGRAM
) -> Path:
    (folder / "snr.py").write_text(program)
    path = folder / f"{name}.toml"
    text = DECLARED.replace("PYTHON", sys.executable)
    path.write_text(text.replace("NAME", name).replace("FAMILY", family))
    return path


def tuner(*words: object) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_the_list_says_what_each_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Family, own range, what it cannot hear, version; and who taught the model."""
    metrics()
    told = capsys.readouterr().out
    assert re.search(
        r"2f: 2f-model, masked noise, 0 to 100 MUSHRA; used to train the quality model\n", told
    )
    assert "visqol: ViSQOL, spectrogram similarity, 1 to 4.732 MOS" in told
    assert "cannot hear: pre-echo shorter than its windows of 80 ms; noise in bands" in told
    metrics(as_json=True)
    rows = {row["metric"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows.keys() >= {"insenet", "visqol", "zimtohrli", "2f", "peaq"}
    assert rows["peaq"]["family"] == "masked noise" and rows["peaq"]["problem"] is None


def test_a_file_is_shown_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sound one passes the whole contract."""
    path = declare(tmp_path)
    metrics(str(path))
    assert "snr: snr, listeners' opinions, -40 to 60 dB" in capsys.readouterr().out
    metrics(str(path), check=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 8 and all(line.startswith("ok    ") for line in lines)
    with pytest.raises(StudyError, match="--check needs a metric"):
        metrics(check=True)


def test_a_constant_fails_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong is told, the exit status is 1, and no run takes it for a judge."""
    path = declare(tmp_path, program="print('SNR: 30')")
    with pytest.raises(typer.Exit) as caught:
        metrics(str(path), check=True)
    assert caught.value.exit_code == 1
    assert "FAIL  hears damage: loud noise costs only 0.00 points" in capsys.readouterr().out
    with pytest.raises(MetricError, match="drowned in noise scores as high as the reference"):
        choose_metrics([str(path)])


def test_names_of_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files become absolute, none is none, a gap is told."""
    monkeypatch.chdir(tmp_path)
    assert parse_names("visqol, my.toml", "--judges") == ["visqol", str(tmp_path / "my.toml")]
    assert parse_names("none", "--judges") == []
    with pytest.raises(StudyError, match="--judges visqol,,2f: give metrics separated"):
        parse_names("visqol,,2f", "--judges")


def test_a_metric_of_ones_own_judges_and_is_climbed(tmp_path: Path) -> None:
    """Through the real commands: as judge and objective of a run, in `score` and `compare`."""
    music = tmp_path / "music"
    music.mkdir()
    for index in range(4):
        noise = np.random.default_rng(index).standard_normal((48_000 * 5 // 2, 1))
        soundfile.write(music / f"{index}.wav", 0.03 * (1 + index) * noise, 48_000)
    climbed, judge = declare(tmp_path, "climbed"), declare(tmp_path, "judge", "distance")
    common = ["--encoder", "opus-ffmpeg", "--clips", music, "--bitrates", "64", "--trials", "2"]
    tuner(
        *("run", *common, "--out", tmp_path / "run", "--no-ablation", "--exhibits", "none"),
        *("--objective-metric", climbed, "--judges", f"{judge},2f", "--workers", "1"),
    )
    results = read_results(tmp_path / "run" / "results.json")
    assert results.climbed == "climbed"
    assert results.families == {
        "climbed": "opinion",
        "insenet": "model",
        "judge": "distance",
        "2f": "masked noise",
    }
    (bitrate,) = results.bitrates
    side = bitrate.candidates[0].sides["holdout"]
    assert list(side.scores) == list(results.families)
    assert side.scores["climbed"] == side.scores["judge"]
    assert bitrate.trials[0].score is not None and 20 < bitrate.trials[0].score < 80
    assert "climbed" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")

    study = tomllib.loads((tmp_path / "run" / "study.toml").read_text())
    assert study["search"]["objective_metric"] == str(climbed)
    assert study["judges"] == [str(judge), "2f"]

    told = tuner("score", music / "0.wav", music / "0.wav", "--metrics", f"{judge},2f", "--json")
    (row,) = json.loads(told)["scores"]
    assert row["judge"] == 100 and row["2f"] == 100 and "insenet" not in row

    sides = ("opus-ffmpeg", "opus-ffmpeg:complexity=0")
    where = ("--clips", music, "--bitrates", "64", "--metrics", climbed, "--workers", "1", "--json")
    (compared,) = json.loads(tuner("compare", *sides, *where))["bitrates"]
    assert list(compared["gains"]) == ["climbed"]


def test_the_pages_files_are_right(tmp_path: Path) -> None:
    """The TOML on the page is read; its program alone is missing."""
    text = DOCS.read_text(encoding="utf-8")
    (toml,) = (t for t in re.findall(r"```toml\n(.*?)```", text, re.S) if "pattern" in t)
    (tmp_path / "my-metric.toml").write_text(toml)
    with pytest.raises(MetricError, match="my-metric: no such executable"):
        metrics(str(tmp_path / "my-metric.toml"))

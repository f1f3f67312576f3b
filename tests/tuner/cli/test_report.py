"""`tuner report`: a report again, from the stored results."""

import json
import subprocess
import sys

import pytest

from tuner.errors import RunError
from tuner.records import ClipRecord, Provenance, Results
from tuner.results import write_results


def make_run(folder, encoder="enc", clips=()):
    """A finished run without bitrates."""
    made = Provenance(
        "tuner run", "", 0, {}, encoder, "1", "/bin/enc", "ab", "w1", {}, "2025", "2025", "x", None
    )
    folder.mkdir()
    write_results(Results(list(clips), [], made), folder / "results.json")
    return folder


@pytest.fixture
def run_folder(tmp_path):
    return make_run(tmp_path / "run")


def tuner(*arguments, cwd=None):
    command = [sys.executable, "-m", "tuner", "report", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def test_it_prints_the_path_of_the_report(run_folder):
    """The path alone goes to standard output, progress elsewhere, and the file is there."""
    done = tuner(run_folder)
    assert done.returncode == 0
    assert done.stdout.strip() == str(run_folder / "report.html")
    assert (run_folder / "report.html").read_text("utf-8").startswith("<!doctype html>")


def test_several_runs_make_one_page_here(run_folder, tmp_path):
    """Of several runs the report lies in the current folder; the runs' own stay as they were."""
    other = make_run(tmp_path / "other", "opus")
    done = tuner(run_folder, other, "--json", cwd=tmp_path)
    answer = json.loads(done.stdout)
    assert answer["report"] == str(tmp_path / "report.html")
    assert [run["encoder"] for run in answer["runs"]] == ["enc", "opus"]
    assert not (run_folder / "report.html").exists()


def test_tables_and_plots_are_written_where_asked(run_folder, tmp_path):
    """`-o`, `--csv` and `--plots` name their places, and stdout lists the files."""
    page, tables, plots = tmp_path / "page.html", tmp_path / "csv", tmp_path / "plots"
    done = tuner(run_folder, "-o", page, "--csv", tables, "--plots", plots, "--plot-format", "png")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        str(page),
        *(str(tables / f"{name}.csv") for name in ("winners", "deltas", "trials", "clips")),
        str(plots / "rate-quality-insenet.png"),
        str(plots / "gains.png"),
    ]


def test_json_names_report_verdicts_and_deltas(run_folder):
    """`--json` prints one object."""
    answer = json.loads(tuner(run_folder, "--json").stdout)
    assert answer["report"] == str(run_folder / "report.html")
    assert answer["runs"] == [{"run": str(run_folder), "encoder": "enc", "bitrates_kbps": {}}]
    assert answer["deltas"] == []


def test_runs_over_other_clips_are_refused(run_folder, tmp_path):
    """The message names the clips, and nothing is written."""
    clip = ClipRecord("ab" * 32, "drums.flac", "tune", 8.0, 2, "/clips/drums.flac", 0.0)
    other = make_run(tmp_path / "other", clips=[clip])
    done = tuner(run_folder, other, cwd=tmp_path)
    assert done.returncode == 1
    assert "drums.flac (tuning)" in done.stderr
    assert not (tmp_path / "report.html").exists()


def test_a_run_that_has_not_finished_is_an_error(tmp_path):
    """Without results the message says what to do."""
    from tuner.cli.commands.report import report

    with pytest.raises(RunError, match="tuner run"):
        report([tmp_path])

"""`tuner report`: the report again, from the stored results."""

import json
import subprocess
import sys

import pytest

from tuner.errors import RunError
from tuner.results import Provenance, Results, write_results


@pytest.fixture
def run_folder(tmp_path):
    made = Provenance(
        "tuner run", "", 0, {}, "enc", "1", "/bin/enc", "ab", "w1", {}, "2025", "2025", "x"
    )
    write_results(Results([], [], made), tmp_path / "results.json")
    return tmp_path


def tuner(*arguments):
    command = [sys.executable, "-m", "tuner", "report", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_it_prints_the_path_of_the_report(run_folder):
    """The path alone goes to standard output, and the file is there."""
    done = tuner(str(run_folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(run_folder / "report.html")
    assert (run_folder / "report.html").stat().st_size > 1e6


def test_json_names_the_report(run_folder):
    """`--json` prints the path and the verdicts."""
    answer = json.loads(tuner(str(run_folder), "--json").stdout)
    assert answer == {"report": str(run_folder / "report.html"), "bitrates_kbps": {}}


def test_a_run_that_has_not_finished_is_an_error(tmp_path):
    """Without results the exit status is 1 and the message says what to do."""
    from tuner.cli.report import report

    with pytest.raises(RunError, match="tuner run"):
        report(tmp_path)

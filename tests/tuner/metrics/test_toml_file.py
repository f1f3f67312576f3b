"""A metric from a TOML file: a program that prints a number."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from tuner.errors import MetricError, ScoreError
from tuner.metrics.toml_file import TomlMetric, load
from tuner.testing import MetricContract, find_breaches, make_clip

#: Signal-to-noise ratio of two WAV files, dB, up to 60.
PROGRAM = """
import sys, numpy as np, soundfile
reference, coded = (soundfile.read(path)[0] for path in sys.argv[1:])
error = np.mean((reference - coded) ** 2) / np.mean(reference ** 2)
print("SNR:", round(float(-10 * np.log10(max(error, 1e-6))), 4), "dB")
"""


def write(folder: Path, **changes: str) -> Path:
    """A metric of ten lines and its program, some keys changed; an empty one is left out."""
    (folder / "snr.py").write_text(PROGRAM)
    keys = {
        "name": '"snr"',
        "command": f'["{sys.executable}", "./snr.py", "{{reference}}", "{{coded}}"]',
        "pattern": '"SNR: (\\\\S+)"',
        "range": "[-20, 60]",
        "unit": '"dB"',
        "family": '"opinion"',
        "cannot_hear": '["what masks"]',
        "samples": '"float"',
    } | changes
    path = folder / "my-metric.toml"
    path.write_text("".join(f"{key} = {value}\n" for key, value in keys.items() if value))
    return path


class TestProgram(MetricContract):
    @pytest.fixture(autouse=True)
    def declare(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        request.cls.metric = load(write(tmp_path))


def test_the_number_is_put_on_the_scale(tmp_path: Path) -> None:
    """20 dB of -20 to 60 is half way; where lower is better, from the other end."""
    clip = make_clip(2, 0.5)
    noise = np.random.default_rng(0).standard_normal(clip.shape)
    noise *= 0.1 * np.sqrt(np.mean(clip**2) / np.mean(noise**2))
    coded = (clip + noise).astype(np.float32)
    assert load(write(tmp_path)).score(clip, coded).mean == pytest.approx(50, abs=0.05)
    lower = load(write(tmp_path, better='"lower"', range="[0, 80]"))
    assert lower.score(clip, coded).mean == pytest.approx(75, abs=0.05)


def test_a_constant_is_refused_by_the_contract(tmp_path: Path) -> None:
    """`printf` is a program that prints a number, and no metric."""
    command = '["printf", "SNR: 30 %s", "{reference} {coded}"]'
    metric = load(write(tmp_path, command=command))
    assert metric.score(make_clip(1, 0.2), make_clip(1, 0.2)).mean == 62.5
    told = {promise for promise, problem in find_breaches(metric) if problem}
    assert told == {"hears damage"}


@pytest.mark.parametrize(
    ("body", "match"),
    [
        ("print('SNR: 99')", r"printed 99, outside its range -20 to 60"),
        ("print('SNR: nan')", r"printed nan, outside its range"),
        ("print('SNR: none')", r"'SNR: none' is not a number"),
        ("print('cannot read')", r"no number in its output: 'cannot read'"),
        ("raise SystemExit('licence expired')", r"exit code 1(.|\n)*licence expired"),
        ("import time; time.sleep(600)", r"timed out after 0.5 s"),
    ],
)
def test_a_failure_is_never_a_score(body: str, match: str, tmp_path: Path) -> None:
    """Whatever the program says that is no number of its range is an error that shows it."""
    timeout = "0.5" if "sleep" in body else "120"
    metric = load(write(tmp_path, timeout_s=timeout))
    (tmp_path / "snr.py").write_text(body)
    with pytest.raises(ScoreError, match=match):
        metric.score(make_clip(1, 0.2), make_clip(1, 0.2))


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    """The file and each key with what would be right."""
    path = write(
        tmp_path,
        name='"my metric"',
        command='["snr", "{reference}"]',
        pattern='"("',
        range="[5, 1]",
        better='"up"',
        family='"magic"',
        samples='"mp3"',
        timeout_s="0",
    )
    with pytest.raises(MetricError) as caught:
        load(path)
    told = str(caught.value)
    assert str(path) in told
    for key in (
        "name:",
        "command: must contain {coded}",
        "pattern:",
        "range:",
        "better:",
        "family:",
        "samples:",
    ):
        assert f"\n  {key}" in told, key
    with pytest.raises(MetricError, match=r"pattern: missing(.|\n)*|colour: unknown"):
        load(write(tmp_path, pattern="", colour='"red"'))


def test_a_missing_program_is_told(tmp_path: Path) -> None:
    """With its name, and the file to change."""
    metric = load(write(tmp_path, command='["no-such-metric", "{reference}", "{coded}"]'))
    with pytest.raises(MetricError, match=r"no-such-metric: no such executable.*my-metric.toml"):
        _ = metric.version


def test_another_program_is_another_version(tmp_path: Path) -> None:
    """Scores are kept under the version: it follows the file, the program and its script."""
    first = load(write(tmp_path)).version
    assert load(write(tmp_path)).version == first
    assert load(write(tmp_path, range="[-30, 60]")).version != first
    metric = load(write(tmp_path))
    (tmp_path / "snr.py").write_text(PROGRAM + "# 2\n")
    assert metric.version != first
    asked = load(write(tmp_path, version_arguments='["--version"]'))
    assert asked.version.startswith("Python 3")


def test_it_travels_without_its_file(tmp_path: Path) -> None:
    """A worker elsewhere needs the program, not the declaration."""
    path = write(tmp_path)
    packed = pickle.dumps(load(path))
    path.unlink()
    metric: TomlMetric = pickle.loads(packed)
    clip = make_clip(1, 0.2)
    assert metric.score(clip, clip).mean == 100

"""`tuner.score` gives what the command line gives, whatever the arrays are like."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import torch

import tuner
from tuner.cli.commands.score import score as score_files
from tuner.errors import ClipError, DecodeFailed, MetricError, StudyError
from tuner.library.arrays import to_pcm
from tuner.sound.audio import resample

Pcm = npt.NDArray[np.float32]


def test_it_gives_the_score_of_the_command_line(
    pair: tuple[Pcm, Pcm], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Late, at another rate than 48 kHz, 16 bits, and by a second metric: to the third digit."""
    files, arrays = [], []
    for name, pcm, delay in (("reference", pair[0], 0), ("coded", pair[1], 300)):
        at_rate = np.pad(resample(pcm, 48_000, 44_100), ((0, 0), (delay, 0)))
        samples = np.round(np.clip(at_rate, -1, 1) * 32767).astype(np.int16)
        files.append(tmp_path / f"{name}.wav")
        soundfile.write(files[-1], samples.T, 44_100, subtype="PCM_16")
        arrays.append(samples)
    score_files(files[0], files[1], device="cpu", metrics="insenet,zimtohrli", as_json=True)
    (row,) = json.loads(capsys.readouterr().out)["scores"]
    found = tuner.score(
        arrays[0], arrays[1], 44_100, device="cpu", metrics=["insenet", "zimtohrli"]
    )
    assert 20 < found.score < 99
    assert {name: round(value, 3) for name, value in found.scores.items()} == {
        name: row[name] for name in ("insenet", "zimtohrli")
    }
    assert (round(found.spread, 3), found.inverted) == (row["spread"], False)
    assert found.delay == pytest.approx(row["delay"], abs=0.01)
    assert float(found) == found.score
    assert set(found.families) == {"similarity", "distance", "masked noise"}


@pytest.mark.parametrize("kind", ["float64", "float16", "int16", "int32", "int64", "uint8"])
def test_any_type_is_read_by_its_full_scale(pair: tuple[Pcm, Pcm], kind: str) -> None:
    """Floats as they are, integers by their range, unsigned ones about their middle."""
    coded = 0.9 * pair[1].astype(np.float64) / np.max(np.abs(pair[1]))
    if kind.startswith("float"):
        samples: npt.NDArray[Any] = coded.astype(kind)
        wanted = samples.astype(np.float64)
    else:
        info = np.iinfo(kind)
        scale, middle = 2.0 ** (info.bits - 1), 2.0 ** (info.bits - 1) if info.min == 0 else 0.0
        samples = np.round(scale * coded + middle).astype(kind)
        wanted = (samples.astype(np.float64) - middle) / scale
    np.testing.assert_allclose(to_pcm(samples, "coded"), wanted, atol=1e-7)
    assert to_pcm(samples.T, "coded").shape == coded.shape


def test_axes_tensors_and_mono(pair: tuple[Pcm, Pcm]) -> None:
    """``[T, C]``, tensors with gradients, bfloat16, and 1-D signals."""
    reference, coded = pair
    plain = tuner.score(reference, coded, 48_000, device="cpu").score
    tensor = torch.tensor(coded.T, requires_grad=True)
    assert tuner.score(torch.from_numpy(reference), tensor, 48_000, device="cpu").score == plain
    mono = tuner.score(reference[0], coded[:1], 48_000, device="cpu").score
    assert tuner.score(reference[:1], torch.tensor(coded[0]), 48_000, device="cpu").score == mono
    brain = tuner.score(reference, torch.tensor(coded).bfloat16(), 48_000, device="cpu").score
    assert brain == pytest.approx(plain, abs=10)  # 8 bits of mantissa


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda pcm: pcm.astype(complex), "floats or integers, not complex"),
        (lambda pcm: np.where(pcm > 0.1, np.nan, pcm), "one to 8 channels of finite samples"),
        (lambda pcm: np.repeat(pcm, 5, axis=0), "one to 8 channels of finite samples"),
        (lambda pcm: pcm[None], "one or two dimensions"),
        (lambda pcm: pcm[:, :0], "one to 8 channels of finite samples"),
        (lambda pcm: (pcm * 32767).astype(np.int32), r"narrower type.*astype\('int16'\)"),
        (lambda pcm: [[1.0, 2.0], [1.0]], "no array of samples"),
        (lambda pcm: ["a"], "floats or integers"),
    ],
)
def test_what_is_no_signal_is_told(pair: tuple[Pcm, Pcm], change: Any, wanted: str) -> None:
    """By its name, never as a low score."""
    with pytest.raises(ClipError, match=f"coded signal: .*{wanted}"):
        tuner.score(pair[0], change(pair[1]), 48_000)


def test_errors_are_those_of_the_command_line(pair: tuple[Pcm, Pcm]) -> None:
    """A silent signal, a rate that is none, a metric and a device that are not there."""
    reference, coded = pair
    with pytest.raises(DecodeFailed, match="silent"):
        tuner.score(reference, 0 * coded, 48_000)
    for rate in (0, -48_000, float("nan"), "fast"):
        with pytest.raises(ClipError, match="sample rate"):
            tuner.score(reference, coded, rate)  # type: ignore[arg-type]
    with pytest.raises(MetricError, match="no metric 'visqool'"):
        tuner.score(reference, coded, 48_000, metrics=["visqool"])
    if not torch.cuda.is_available():
        with pytest.raises(StudyError, match="no CUDA device"):
            tuner.score(reference, coded, 48_000, device="cuda")


def test_many_in_one_call(pair: tuple[Pcm, Pcm], capsys: pytest.CaptureFixture[str]) -> None:
    """A pair that cannot be scored is an error in its place; nothing goes to stdout."""
    reference, coded = pair
    found = tuner.score_all([pair, (reference, 0 * coded), pair], 48_000, device="cpu")
    first, second, third = found
    assert isinstance(second, DecodeFailed)
    assert first == third == tuner.score(*pair, 48_000, device="cpu")
    assert capsys.readouterr().out == ""


def test_names_are_there_and_import_is_light() -> None:
    """`import tuner` loads none of its rooms; what it names exists; what it lacks is told."""
    code = "import sys, tuner; print(*sys.modules, *dir(tuner))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {"numpy", "torch", "optuna", "tuner.library"} & loaded
    assert set(tuner.__all__) <= loaded
    assert all(getattr(tuner, name) for name in tuner.__all__)
    with pytest.raises(AttributeError, match="no attribute 'scoer'"):
        tuner.scoer  # type: ignore[attr-defined]  # noqa: B018

"""`tuner score` as a user runs it."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.numpy import load_file, save_file

from tuner.cli.commands.score import find_pairs, score
from tuner.errors import ClipError, WeightsError
from tuner.layout import declare_speakers
from tuner.model.scorer import SHIPPED_WEIGHTS
from tuner.sound.audio import lowpass
from tuner.sound.synth import synthesize
from tuner.testing.clips import make_surround


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two references and their noisy, late copies; one of the copies is 44.1 kHz mp3."""
    reference, coded = tmp_path / "reference", tmp_path / "coded <b>"
    reference.mkdir()
    coded.mkdir()
    for name, suffix in (("drums", ".mp3"), ("bells", ".wav")):
        pcm = synthesize(name, seed=1, duration_s=2.0)
        soundfile.write(reference / f"{name}.flac", pcm.T, 48_000, subtype="PCM_24")
        late = np.pad(pcm, ((0, 0), (300, 0)))
        soundfile.write(coded / f"{name}{suffix}", late.T, 48_000)
    return reference, coded


def test_folders_as_json(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Pairs by name, delay measured and removed, versions told."""
    score(*folders, device="cpu", as_json=True)
    result = json.loads(capsys.readouterr().out)
    bells, drums = result["scores"]
    assert bells["delay"] == 300
    assert bells["insenet"] > 99
    assert 20 < drums["insenet"] < 100
    assert set(result["versions"]) == {"insenet"}


def test_folders_as_csv(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """One row a pair, with a header."""
    score(*folders, device="cpu", as_csv=True)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [Path(row["coded"]).name for row in rows] == ["bells.wav", "drums.mp3"]


def test_how_files_lie_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A late, inverted copy scores as a copy does; what else was found is told beside it."""
    pcm = synthesize("drums", seed=1, duration_s=3.0)
    soundfile.write(tmp_path / "mono.wav", pcm[0], 48_000, subtype="FLOAT")
    late = -np.pad(pcm[:1], ((0, 0), (9600, 48_000)))
    wide = np.concatenate([late, 0.9 * np.roll(late, 20, axis=1)])
    soundfile.write(tmp_path / "late.wav", np.repeat(late, 2, axis=0).T, 48_000, subtype="FLOAT")
    soundfile.write(tmp_path / "wide.wav", wide.T, 48_000, subtype="FLOAT")
    for name in ("late", "wide"):
        score(tmp_path / "mono.wav", tmp_path / f"{name}.wav", device="cpu", as_json=True)
        (row,) = json.loads(capsys.readouterr().out)["scores"]
        assert (row["delay"], row["polarity"]) == (9600, "inverted")
        assert row["note"] == "1.00 s longer than the reference; the rest is not scored"
        assert (row["insenet"] > 99 and row["correlation"] == 1.0) is (name == "late")


def test_a_file_that_cannot_be_scored_is_told(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The others keep their scores, the exit status is 1."""
    import typer

    (folders[1] / "bells.wav").write_bytes(b"no audio")
    with pytest.raises(typer.Exit) as exit_:
        score(*folders, device="cpu", as_json=True)
    assert exit_.value.exit_code == 1
    bells, drums = json.loads(capsys.readouterr().out)["scores"]
    assert "bells.wav" in bells["error"]
    assert bells["failure"]["kind"] == "ClipError"
    assert bells["failure"]["where"] == str(folders[1] / "bells.wav")
    assert "insenet" in drums


def test_wrong_arguments_are_told(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """Missing files, a file against a folder, and a coded file without reference."""
    reference, coded = folders
    with pytest.raises(ClipError, match="no such file"):
        find_pairs(tmp_path / "none", coded)
    with pytest.raises(ClipError, match="two files or two folders"):
        find_pairs(reference / "bells.flac", coded)
    (reference / "bells.flac").unlink()
    with pytest.raises(ClipError, match="no reference"):
        find_pairs(reference, coded)


def test_strays_beside_the_sounds_are_passed_over(folders: tuple[Path, Path]) -> None:
    """Pictures, cue sheets and logs of the same names, on either side."""
    reference, coded = folders
    for name in ("folder.jpg", "Thumbs.db", "bells.cue"):
        (coded / name).touch()
        (reference / name).touch()
    assert [pair[1].name for pair in find_pairs(reference, coded)] == ["bells.wav", "drums.mp3"]


def test_other_weights_score_otherwise(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What listeners taught can be used; a file that is none is told before anything is read."""
    taught = load_file(SHIPPED_WEIGHTS)
    for name in taught:
        if name.endswith("head.2.bias"):
            taught[name] = taught[name] + 1.0
    save_file(taught, tmp_path / "taught.safetensors")
    told = []
    for weights in (None, tmp_path / "taught.safetensors"):
        score(*folders, device="cpu", weights=weights, as_json=True)
        told.append(json.loads(capsys.readouterr().out))
    shipped, other = told
    assert shipped["versions"] != other["versions"]
    assert other["scores"][1]["insenet"] < shipped["scores"][1]["insenet"] - 1
    (tmp_path / "damaged.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"damaged\.safetensors"):
        score(*folders, device="cpu", weights=tmp_path / "damaged.safetensors")


def test_surround_is_scored_by_its_lowest_pair(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it is told which one that is."""
    pcm = make_surround(6, 3.0)
    coded = pcm.copy()
    coded[4:] = lowpass(coded[4:], 3500.0)
    for name, each in (("a", pcm), ("b", coded)):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, each.T, 48_000, "FLOAT", format="WAVEX")
        declare_speakers(path, 6)
    score(tmp_path / "a.wav", tmp_path / "b.wav", device="cpu", as_json=True)
    (row,) = json.loads(capsys.readouterr().out)["scores"]
    assert row["pair"] == "surround"
    assert row["note"] == "5.1, scored as stereo pairs: the surround pair is the lowest"
    assert row["insenet"] < 75

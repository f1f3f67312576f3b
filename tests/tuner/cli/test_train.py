"""`tuner train`: which files may teach, and what is written."""

import json
from pathlib import Path

import pytest
import torch

from tuner.cli.train import train_side, write_model
from tuner.errors import ClipError
from tuner.quality.insenet import InseNet
from tuner.quality.scorer import InseNetScorer
from tuner.synth import synthesize


def test_only_the_train_side_teaches(tmp_path: Path) -> None:
    """Rows of the tune and holdout sides are never among the training files."""
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("file,side\na.flac,train\nb.flac,tune\nc.flac,holdout\nd.flac,train\n")
    assert train_side(tmp_path) == [tmp_path / "a.flac", tmp_path / "d.flac"]
    manifest.write_text("file,side\nb.flac,tune\n")
    with pytest.raises(ClipError, match="train"):
        train_side(tmp_path)
    manifest.unlink()
    with pytest.raises(ClipError, match=r"manifest\.csv"):
        train_side(tmp_path)


def test_written_weights_are_what_the_scorer_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights and facts lie side by side; the scorer with them gives the model's score."""
    torch.manual_seed(0)
    out = tmp_path / "new" / "weights.safetensors"
    write_model(out, InseNet().eval(), {"pairs": 3})
    assert capsys.readouterr().out.strip() == str(out)
    assert json.loads(out.with_suffix(".json").read_text()) == {"pairs": 3}
    drums = synthesize("drums", seed=1, duration_s=1.0)
    first = InseNetScorer(str(out)).score(drums, drums[::-1].copy())
    torch.manual_seed(1)
    write_model(tmp_path / "other.safetensors", InseNet().eval(), {})
    other = InseNetScorer(str(tmp_path / "other.safetensors"))
    assert other.version != InseNetScorer(str(out)).version
    assert other.score(drums, drums[::-1].copy()) != first

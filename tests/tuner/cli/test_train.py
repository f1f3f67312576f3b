"""`tuner train`: which files may teach, and what is written."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tuner.cli.commands.dataset import train_side
from tuner.cli.commands.train import train
from tuner.errors import ClipError, StudyError
from tuner.model.insenet import InseNet
from tuner.model.scorer import InseNetScorer
from tuner.model.weights_file import write_model
from tuner.sound.audio import SAMPLE_RATE
from tuner.sound.synth import synthesize
from tuner.training.labels import Label, Labelled, digest_of, write_table
from tuner.training.material import Material, plan
from tuner.training.recipes import Recipe, artefact_step, cook


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


def test_written_weights_are_what_the_scorer_loads(tmp_path: Path) -> None:
    """Weights and facts lie side by side; the scorer with them gives the model's score."""
    torch.manual_seed(0)
    out = tmp_path / "new" / "weights.safetensors"
    write_model(out, [InseNet().eval()], {"pairs": 3})
    assert json.loads(out.with_suffix(".json").read_text()) == {"pairs": 3}
    drums = synthesize("drums", seed=1, duration_s=1.0)
    first = InseNetScorer(str(out)).score(drums, drums[::-1].copy())
    torch.manual_seed(1)
    write_model(tmp_path / "other.safetensors", [InseNet().eval()], {})
    other = InseNetScorer(str(tmp_path / "other.safetensors"))
    assert other.version != InseNetScorer(str(out)).version
    assert other.score(drums, drums[::-1].copy()) != first


def write_labels(clips: Path, table: Path, count: int) -> None:
    """A table of severities on references that need no program."""
    (clips / "manifest.csv").write_text("file,side\na.wav,train\n")
    soundfile.write(clips / "a.wav", synthesize("drums", 1, 4.0).T, SAMPLE_RATE)
    sources = plan(["a.wav"], 200, 7)
    material = Material(sources, clips)
    rows = []
    for index, source in enumerate(sources):
        if len(rows) == count or source.kind not in ("recording", "sound") or source.mixed_with > 0:
            continue
        reference, labels = material.read(index), []
        for severity, mos in ((0.2, 4.5), (0.9, 1.5)):
            recipe = Recipe((artefact_step("low-pass", severity, 1),), "low-pass")
            digest = digest_of(cook(reference, recipe, {}))
            raw = (mos, None, None, None)
            bad = (900.0, 500.0, 0.0, 30.0, 1.0, 1.0, 40.0, 90.0, 1.0, 1.0, 0.5)
            labels.append(Label(recipe, raw, raw, (-60.0, -60.0), digest, (bad, bad)))
        rows.append(Labelled(index, source, digest_of(reference), tuple(labels)))
    write_table(table, {"seed": 7, "recordings": ["a.wav"], "builds": {"x": ["X 1", "0"]}}, rows)


def test_from_a_table_to_an_ensemble(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features, two members, weights that the scorer loads, and a card; resumed at once."""
    monkeypatch.setattr("tuner.cli.commands.train.usable_encoders", lambda names: {})
    table, out = tmp_path / "labels.jsonl.xz", tmp_path / "new.safetensors"
    write_labels(tmp_path, table, 6)

    def run() -> str:
        train(tmp_path, [table], tmp_path / "work", out, epochs=1, members=2, workers=1)
        return capsys.readouterr().err

    assert "features: 6/6" in run()
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["references"]["taught"] + card["references"]["kept"] == 6
    assert [len(history) for history in card["members"]] == [1, 1]
    assert card["left_out"] == {}
    drums = synthesize("drums", 1, 1.0)
    score = InseNetScorer(str(out)).score(drums, np.roll(drums, 500, axis=1))
    assert 0 < score.disagreement < score.spread
    before = out.read_bytes()
    assert "features" not in run()
    assert out.read_bytes() == before
    with pytest.raises(StudyError, match="no such encoder, only x"):
        train(tmp_path, [table], tmp_path / "work", out, without="gone")


def test_labels_of_other_clips_do_not_teach(tmp_path: Path) -> None:
    """A table that was not made of this train side is refused."""
    table = tmp_path / "labels.jsonl.xz"
    (tmp_path / "manifest.csv").write_text("file,side\na.wav,train\nb.wav,tune\n")
    write_table(table, {"seed": 0, "recordings": ["a.wav", "b.wav"], "builds": {}}, [])
    with pytest.raises(StudyError, match="not made from the training files"):
        train(tmp_path, [table], tmp_path, tmp_path / "out.safetensors")

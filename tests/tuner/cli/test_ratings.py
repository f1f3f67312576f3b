"""`tuner ratings`: what is printed and written."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tuner.cli.commands.ratings import ratings
from tuner.errors import StudyError
from tuner.model.scorer import InseNetScorer


def test_weights_and_held_out_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures of held-out speakers are printed; the weights are what the scorer loads."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    rows = ["signal,condition,listener,rating,file"]
    for signal in ("a", "b"):
        reference = 0.1 * rng.standard_normal(24_000)
        for name, noise, given in (("Reference", 0, 100), ("Good", 0.01, 80), ("Bad", 0.1, 20)):
            file = f"{signal}-{name}.wav"
            soundfile.write(
                tmp_path / file, reference + noise * rng.standard_normal(24_000), 48_000
            )
            rows += [f"{signal},{name},{who},{given + who},{file}" for who in (-1, 0)]
    table, out = tmp_path / "ratings.csv", tmp_path / "out" / "w.safetensors"
    table.write_text("\n".join(rows))
    ratings(table, out=out, count=2, epochs=1, members=2, sounds=1)
    printed = capsys.readouterr().out
    assert printed.startswith("speakers held out: Pearson ")
    assert printed.splitlines()[-1] == str(out)
    facts = json.loads(out.with_suffix(".json").read_text())
    assert facts["speakers held out"].keys() == {"pearson", "spearman", "coverage", "error"}
    pcm = reference.astype(np.float32)[None]
    score = InseNetScorer(str(out)).score(pcm, pcm)
    assert score.mean == pytest.approx(100)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"none\.csv"):
        ratings(tmp_path / "none.csv")

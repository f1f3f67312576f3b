"""The training set: plan, settings, labels, resume."""

import json
from pathlib import Path

import numpy as np
import pytest

from tuner.encoder import validate
from tuner.quality import dataset
from tuner.quality.dataset import Source, label_source, load_labels, load_signals, plan_sources
from tuner.testing import FakeEncoder


def test_plan_is_deterministic_and_complete() -> None:
    """The same seed plans the same excerpts; two windows of each recording, all sounds."""
    files = [Path("b.wav"), Path("a.wav")]
    plan = plan_sources(files, seed=1)
    assert plan == plan_sources(files[::-1], seed=1)
    assert plan != plan_sources(files, seed=2)
    assert sum(s.file == "a.wav" for s in plan) == 2
    assert {s.sound for s in plan if s.sound} == set(dataset.SOUNDS)
    assert [s.index for s in plan] == list(range(len(plan)))


def test_random_settings_are_valid() -> None:
    """Whatever is drawn passes the adapter's own check."""
    encoder = FakeEncoder()
    rng = np.random.default_rng(0)
    for mode in encoder.rate_modes:
        drawn = {dataset.random_settings(encoder, mode, rng) for _ in range(50)}
        assert len(drawn) > 5
        for settings in drawn:
            validate(encoder, settings)


def test_labelling_stores_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An excerpt's pairs and signals are stored once and found again, not computed again."""
    monkeypatch.setattr(dataset, "EXCERPT_S", 1.0)
    monkeypatch.setattr(dataset, "FAMILIES_PER_EXCERPT", 2)
    monkeypatch.setattr(dataset, "SETTINGS_PER_GROUP", 2)
    source = Source(index=7, sound="drums", seed=5)
    count = label_source(source, [FakeEncoder()], 0, tmp_path)
    ((index, pairs),) = load_labels(tmp_path)
    reference, coded = load_signals(tmp_path, index)
    assert index == 7
    assert count == len(pairs) == len(coded)
    assert np.allclose(reference[0], source.read(), atol=1e-3)
    assert all(0 <= p.visqol <= 100 and 0 <= p.zimtohrli <= 100 for p in pairs)
    (record,) = tmp_path.glob("*.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), "pairs": []}))
    assert label_source(source, [FakeEncoder()], 0, tmp_path) == 0

"""Shards: the features of the signals that labels speak of, and of no others."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tuner.encoder import default_settings
from tuner.model.gammatone import features, know
from tuner.testing import FakeEncoder
from tuner.training import shards
from tuner.training.labels import Label, Labelled, digest_of
from tuner.training.material import Material, Source
from tuner.training.recipes import Recipe, artefact_step, codec_step, cook
from tuner.training.shards import FRAMES, FeatureSet, left_out, make_loader, write_shards

ENCODERS = {"fake": FakeEncoder()}
SOURCES = (
    Source("sound", "bells", seed=1),
    Source("sound", "castanets", seed=2, mono=True),
    Source("sound", "applause", seed=3, speed=0.9),
    Source("sound", "bells", seed=4, mixed_with=2),
)
CODEC = Recipe((codec_step("fake", default_settings(FakeEncoder()), 64.0),), "fake@64", 64.0)
LADDER = [Recipe((artefact_step("low-pass", s, 1),), "low-pass") for s in (0.2, 0.8)]


def make_rows(material: Material) -> list[Labelled]:
    """A codec and a ladder on every source; the same verdicts on all."""
    rows = []
    for index, source in enumerate(material.sources):
        reference = material.read(index)
        labels = []
        for recipe in (CODEC, *LADDER):
            mos = (3.0, None, None, None)
            digest = digest_of(cook(reference, recipe, ENCODERS))
            peaq = (900.0, 500.0, 0.0, 30.0, 1.0, 1.0, 40.0, 90.0, 1.0, 1.0, 0.5)
            labels.append(Label(recipe, mos, mos, (-60.0, -60.0), digest, (peaq, peaq)))
        rows.append(Labelled(index, source, digest_of(reference), tuple(labels)))
    return rows


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return Material(SOURCES, tmp_path_factory.mktemp("recordings"))


@pytest.fixture(scope="module")
def rows(material: Material) -> list[Labelled]:
    return make_rows(material)


@pytest.fixture(scope="module")
def written(
    material: Material, rows: list[Labelled], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """All rows, but for one label and one reference of another build."""
    first, second, third, last = rows
    spoilt = replace(first.labels[0], digest="0" * 12)
    unknown = replace(CODEC, steps=({**CODEC.steps[0], "encoder": "gone"},))
    stranger = replace(second.labels[0], recipe=unknown)
    told: list[tuple[int, int]] = []
    made = write_shards(
        material,
        [
            replace(first, labels=(spoilt, *first.labels[1:])),
            replace(second, labels=(stranger, *second.labels[1:])),
            third,
            replace(last, digest="0" * 12),
        ],
        ENCODERS,
        tmp_path_factory.mktemp("shards"),
        1,
        lambda done, total: told.append((done, total)),
    )
    assert told == [(n, 4) for n in range(1, 5)]
    return made


def test_what_another_build_made_is_left_out(written: list[Path]) -> None:
    """It is counted, by reason, and the other labels of the reference stay."""
    assert left_out(written) == {"other build": 1, "no encoder": 1, "other reference": 3}
    everything = FeatureSet(written, range(4))
    assert len(everything) == 3
    assert everything.pairs == 2 + 2 + 3


def test_features_are_those_of_the_signals(material: Material, written: list[Path]) -> None:
    """Reference and coded signals in the order of the labels, to the precision of float16."""
    one = FeatureSet(written, {2})[0]
    reference = material.read(2)
    for pcm, stored in (
        (reference, one.reference[0]),
        (cook(reference, CODEC, ENCODERS), one.coded[0]),
        (cook(reference, LADDER[1], ENCODERS), one.coded[2]),
    ):
        known = know(torch.from_numpy(reference)[None])
        expected = features(torch.from_numpy(pcm)[None], known)[0]
        assert expected.shape[-1] <= FRAMES
        torch.testing.assert_close(
            stored[..., : expected.shape[-1]].float(), expected, atol=1e-3, rtol=0
        )
    assert one.groups.tolist() == [0, 1, 1]
    assert one.severities.tolist() == pytest.approx([-1.0, 0.2, 0.8])


def test_a_batch_has_whole_references(written: list[Path]) -> None:
    """Every pair knows its reference."""
    (batch,) = make_loader(FeatureSet(written, {1, 2}), 5, workers=0)
    assert batch.of.tolist() == [0, 0, 1, 1, 1]
    assert batch.reference.shape == (2, 4, 18, 32, FRAMES)
    assert batch.coded.shape == (5, 4, 18, 32, FRAMES)
    assert batch.opinions.shape == (5, 4)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch, material: Material) -> None:
    """Workers are threads: `written` has those that are processes, which import torch first."""

    def start(workers: int, *_: object, **__: object) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(workers)

    monkeypatch.setattr(shards, "ProcessPoolExecutor", start)
    monkeypatch.setattr(shards, "_material", [material])


@pytest.mark.usefixtures("in_this_process")
def test_only_what_changed_is_made_again(
    material: Material, rows: list[Labelled], tmp_path: Path
) -> None:
    """A shard that is there is kept; one whose labels changed is not."""
    told: list[int] = []

    def run(rows: list[Labelled]) -> list[Path]:
        told.clear()
        return write_shards(material, rows, {}, tmp_path, 1, lambda done, _: told.append(done))

    first = run(rows[1:3])
    assert told == [1, 2]
    shorter = replace(rows[2], labels=rows[2].labels[:1])
    second = run([rows[1], shorter])
    assert told == [2]
    assert first[0] == second[0]
    assert first[1] != second[1]
    run([rows[1], shorter])
    assert told == []


def test_short_excerpts(material: Material, rows: list[Labelled]) -> None:
    """A somewhat short one is repeated from its beginning, a very short one left out."""
    pcm = material.read(0)
    stored = shards._stored(shards._know(pcm[:, : 60 * 1920]).features)
    np.testing.assert_array_equal(stored[..., 60:], stored[..., :15])
    with pytest.raises(shards._LeftOut):
        shards._know(pcm[:, : 45 * 1920])


@pytest.mark.usefixtures("in_this_process")
def test_a_damaged_shard_is_made_again(
    material: Material, rows: list[Labelled], tmp_path: Path
) -> None:
    """Features or an index cut short are neither an error nor a lesson."""
    told: list[int] = []

    def run() -> int:
        told.clear()
        one = replace(rows[2], labels=rows[2].labels[1:])  # needs no encoder
        made = write_shards(material, [one], {}, tmp_path, 1, lambda done, _: told.append(done))
        return FeatureSet(made, {2}).pairs

    assert run() == 2
    (index,) = tmp_path.glob("*.json")
    for path in (index, index.with_suffix(".npy")):
        path.write_bytes(path.read_bytes()[:200])
        assert run() == 2
        assert told == [1]
    run()
    assert told == []

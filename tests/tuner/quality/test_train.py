"""Training: no leaks, resume after a kill, and that it learns at all."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tuner.errors import StudyError
from tuner.quality.labels import Label, Labelled, to_json
from tuner.quality.material import Source, plan
from tuner.quality.recipes import Recipe
from tuner.quality.shards import Batch, FeatureSet, make_loader
from tuner.quality.train import Hyper, Member, Step, augment, split, train, validate

HYPER = Hyper(epochs=3, references_per_batch=4)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other in tiny batches take minutes on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_what_is_kept_shares_nothing_with_what_is_taught() -> None:
    """Recordings, scores and all else are on one side only, mixes included."""
    recordings = [f"{letter}.wav" for letter in "abcdefghijklmnop"]
    sources = plan(recordings, 2000, seed=0)
    taught, kept = split(sources, recordings, range(2000))

    def content(indices: list[int]) -> set[tuple[object, ...]]:
        parts = [sources[i] for i in indices]
        parts += [sources[p.mixed_with] for p in parts if p.mixed_with >= 0]
        return {
            ("recording", s.name)
            if s.kind == "recording"
            else (s.kind, s.name, s.seed // 10 if s.kind == "score" else s.seed)
            for s in parts
        }

    assert not content(taught) & content(kept)
    assert {sources[i].kind for i in kept} == {"recording", "score", "sound", "speech"}
    assert 2000 / 20 < len(kept) < 2000 / 8
    assert len(taught) + len(kept) > 0.9 * 2000
    part = split(sources, recordings, range(300))
    assert part == ([i for i in taught if i < 300], [i for i in kept if i < 300])


def test_left_and_right_are_exchanged_together() -> None:
    """A reference and all its coded signals, or none; mid and side stay."""
    reference = torch.arange(4.0).reshape(1, 4, 1, 1, 1).expand(16, 4, 5, 32, 2).half()
    of = torch.arange(16).repeat_interleave(2)
    empty = torch.empty(0)
    batch = Batch(reference, reference[of], of, empty, empty, empty)
    turned = augment(batch, np.random.default_rng(0))
    signals = turned.reference[:, :, 0, 0, 0]
    assert {tuple(row) for row in signals.tolist()} == {(0, 1, 2, 3), (1, 0, 2, 3)}
    torch.testing.assert_close(turned.coded, turned.reference[of])


@pytest.fixture
def features(tmp_path: Path) -> FeatureSet:
    """A tiny set in which a larger difference is worse."""
    rng = np.random.default_rng(0)
    recipe = Recipe(({"kind": "anchor", "hz": 7000.0},), "x@1")
    rows, stored = [], []
    for index in range(12):
        reference = rng.random((4, 5, 32, 12))
        stored += [reference] + [reference + 0.3 * gain for gain in (0.01, 0.1, 1.0)]
        labels = [
            Label(recipe, (mos, *[None] * 3), (mos, *[None] * 3), (-60.0, -60.0), "")
            for mos in (4.6, 3.0, 1.2)
        ]
        rows.append(to_json(Labelled(index, Source("sound", "bells"), "", tuple(labels))))
    np.save(tmp_path / "0000-x.npy", np.stack(stored).astype(np.float16))
    index_file = tmp_path / "0000-x.json"
    index_file.write_text(json.dumps({"rows": rows, "left_out": {}}))
    return FeatureSet([index_file], range(12))


def test_training_learns_and_resumes(features: FeatureSet, tmp_path: Path) -> None:
    """The order is learnt; a run stopped in its second member goes on to the same weights."""

    class KilledError(Exception):
        pass

    def kill(step: Step) -> None:
        if step.member == 1 and step.epoch == 1:
            raise KilledError

    def run(name: str, report: object = lambda _: None) -> list[Member]:
        (tmp_path / name).mkdir(exist_ok=True)
        return train(features, features, tmp_path / name, HYPER, 2, 0, report)  # type: ignore[arg-type]

    with pytest.raises(KilledError):
        run("killed", kill)
    steps: list[Step] = []
    resumed, straight = run("killed", steps.append), run("straight")
    assert {step.member for step in steps} == {1}
    assert (steps[-1].done, steps[-1].total) == (18, 18)
    for one, other in zip(resumed, straight, strict=True):
        assert len(one.history) == 3
        assert one.history[-1]["loss"] < one.history[0]["loss"]
        for name, value in one.model.state_dict().items():
            torch.testing.assert_close(value, other.model.state_dict()[name])
    weights = [member.model.head[0].weight for member in straight]
    assert not torch.equal(*weights)
    figures = validate([member.model for member in straight], make_loader(features, 4, 0))
    assert figures.order == 1.0


def test_a_checkpoint_of_another_run_is_refused(features: FeatureSet, tmp_path: Path) -> None:
    """It is named, and not written over."""
    checkpoint = tmp_path / "member-0.pt"
    member = Member(HYPER, checkpoint, len(features))
    member.learn(augment(features[0], np.random.default_rng(0)))
    member.finish_epoch({"loss": 1.0})
    with pytest.raises(StudyError, match=r"member-0\.pt"):
        Member(Hyper(epochs=5), checkpoint, len(features))

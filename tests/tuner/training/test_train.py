"""Training: no leaks, resume after a kill, and that it learns at all."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tuner.errors import StudyError
from tuner.model.insenet import InseNet
from tuner.training import processes
from tuner.training.labels import Label, Labelled, to_json
from tuner.training.learner import Hyper, Learner, augment, mid_of
from tuner.training.material import Source, plan
from tuner.training.recipes import Recipe
from tuner.training.shards import Batch, FeatureSet, join, make_loader
from tuner.training.train import Course, Step, split, validate

#: PEAQ's variables of a good, a middling and a bad signal.
PEAQ = [
    (900.0, 900 - 300 * b, -20 + 18 * b, 30 * b, 2 * b, 1.0, 40 * b, 90 * b, b, 1.0, b)
    for b in (0.02, 0.4, 1.0)
]
HYPER = Hyper(mono_epochs=1, epochs=3, references_per_batch=2)


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
    reference = torch.arange(4.0).reshape(1, 4, 1, 1, 1).expand(16, 4, 18, 32, 2).half()
    of = torch.arange(16).repeat_interleave(2)
    empty = torch.empty(0)
    batch = Batch(reference, reference[of], of, empty, empty, empty, empty)
    turned = augment(batch, np.random.default_rng(0))
    signals = turned.reference[:, :, 0, 0, 0]
    assert {tuple(row) for row in signals.tolist()} == {(0, 1, 2, 3), (1, 0, 2, 3)}
    torch.testing.assert_close(turned.coded, turned.reference[of])


def write_features(folder: Path) -> FeatureSet:
    """A tiny set in which a larger difference is worse."""
    rng = np.random.default_rng(0)
    recipe = Recipe(({"kind": "anchor", "hz": 7000.0},), "x@1")
    paths = []
    for index in range(12):
        reference = np.concatenate([rng.random((4, 9, 32, 12)), np.zeros((4, 9, 32, 12))], axis=1)
        stored = [reference] + [reference + 0.3 * gain for gain in (0.01, 0.1, 1.0)]
        labels = [
            Label(recipe, (mos, *[None] * 3), (mos, *[None] * 3), (-60.0, -60.0), "", (peaq, peaq))
            for mos, peaq in zip((4.6, 3.0, 1.2), PEAQ, strict=True)
        ]
        row = to_json(Labelled(index, Source("sound", "bells"), "", tuple(labels)))
        paths.append(folder / f"{index:06d}-x.json")
        np.save(paths[-1].with_suffix(".npy"), np.stack(stored).astype(np.float16))
        paths[-1].write_text(json.dumps({"row": row, "left_out": {}}))
    return FeatureSet(paths, range(12))


@pytest.fixture
def features(tmp_path: Path) -> FeatureSet:
    return write_features(tmp_path)


def course(
    features: FeatureSet, work: Path, report: Callable[[Step], None], members: int = 2
) -> Course:
    work.mkdir(exist_ok=True)
    return Course(features, features, work, HYPER, members, 0, report)


#: Loss that three short epochs take away, and what their networks then make of the features. How
#: far they come depends on the processor's arithmetic: over eleven seeds and two instruction sets
#: the loss fell by 0.5 to 1.1, the correlation was 0.83 to 0.99 and the share of pairs in their
#: order 0.72 to 1 (chance: 0 and 0.5). None of them is more than "it learns".
LEAST_FALL, LEAST_PEARSON, CHANCE = 0.2, 0.4, 0.5


def test_training_learns_and_resumes(features: FeatureSet, tmp_path: Path) -> None:
    """It learns; a run stopped in its second member goes on to the same weights."""

    class KilledError(Exception):
        pass

    def kill(step: Step) -> None:
        if step.network == "stereo 2" and step.epoch == 1:
            raise KilledError

    with pytest.raises(KilledError):
        course(features, tmp_path / "killed", kill).train()
    steps: list[Step] = []
    resumed = course(features, tmp_path / "killed", steps.append).train()
    straight = course(features, tmp_path / "straight", lambda _: None).train()
    assert {step.network for step in steps} == {"stereo 2"}
    assert steps[0].epoch == 1
    assert (steps[-1].done, steps[-1].total) == (48, 48)
    for one, other in zip(resumed, straight, strict=True):
        assert len(one.history) == 3
        assert one.history[-1]["loss"] < one.history[0]["loss"] - LEAST_FALL
        for name, value in one.model.state_dict().items():
            torch.testing.assert_close(value, other.model.state_dict()[name])
    weights = [member.model.head[0].weight for member in straight]
    assert not torch.equal(*weights)
    figures = validate([member.model for member in straight], make_loader(features, 4, 0))
    assert figures.pearson > LEAST_PEARSON
    assert figures.order > CHANCE


class Ear(InseNet):
    """Hears how far apart two signals are, and nothing else; the nearer the better, or not."""

    def __init__(self, sign: float) -> None:
        super().__init__(width=8)
        self.sign = sign

    def hear(
        self, stacked: torch.Tensor, distance: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.sign * distance, torch.ones_like(distance)


def test_the_known_order_is_counted(features: FeatureSet) -> None:
    """All pairs are in it, or none."""
    batches = list(make_loader(features, 4, 0))
    assert validate([Ear(-1.0)], batches).order == 1.0
    assert validate([Ear(+1.0)], batches).order == 0.0


def test_a_checkpoint_of_another_run_is_refused(features: FeatureSet, tmp_path: Path) -> None:
    """It is named, and not written over."""
    checkpoint = tmp_path / "stereo-1.pt"
    learner = Learner(InseNet(), HYPER, 3, 1, checkpoint, len(features))
    learner.learn(augment(features[0], np.random.default_rng(0)))
    learner.finish_epoch({"loss": 1.0})
    with pytest.raises(StudyError, match=r"stereo-1\.pt"):
        Learner(InseNet(), Hyper(epochs=5), 5, 1, checkpoint, len(features))


def test_the_mono_network_hears_the_mid(features: FeatureSet) -> None:
    """Its signal, its opinions, and none of the orders of the whole."""
    whole = join([features[0], features[1]])
    mid = mid_of(whole)
    torch.testing.assert_close(mid.coded[:, 0], whole.coded[:, 2])
    assert mid.reference.shape[1] == 1
    assert torch.equal(mid.opinions, whole.mid_opinions)
    assert (mid.severities == -1).all()


def _train_in_group(folder: Path) -> None:
    """What each process of the group does."""
    torch.set_num_threads(1)
    processes.join_group()
    with processes.first_process_first():
        if processes.is_first():
            write_features(folder)
    shards = sorted(folder.glob("*-x.json"))
    learners = course(FeatureSet(shards, range(12)), folder / "work", lambda _: None, 1).train()
    weights = [each.model.state_dict() for each in learners]
    torch.save(weights, folder / f"weights-{os.environ['RANK']}")
    torch.distributed.destroy_process_group()


def test_two_processes_train_one_network(tmp_path: Path) -> None:
    """Both end with the same weights, and what they learnt; one of them writes."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*torchrun, "--nproc-per-node", "2", __file__, str(tmp_path)]
    done = subprocess.run(
        command,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"weights-{rank}") for rank in (0, 1))
    learnt = [n for n in first[0] if "running" not in n and "num_batches" not in n]
    for one, other in zip(first, second, strict=True):
        for name in learnt:
            torch.testing.assert_close(one[name], other[name])
    checkpoint = torch.load(tmp_path / "work" / "stereo-1.pt")
    assert [len(checkpoint["history"]), checkpoint["run"]["taught"]] == [3, 12]
    losses = [record["loss"] for record in checkpoint["history"]]
    assert losses[-1] < losses[0]


if __name__ == "__main__":
    _train_in_group(Path(sys.argv[1]))

"""Training: losses, resume after a kill, and that it learns at all."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tuner.quality import train as training
from tuner.quality.dataset import STORED_SCALE
from tuner.quality.train import Hyper, likelihood_loss, ranking_loss


def test_likelihood_is_least_at_the_opinions() -> None:
    """The best mean is between the opinions, the best scale grows with their distance."""
    opinions = torch.tensor([[60.0, 80.0]])
    means = torch.arange(40.0, 100.0)
    losses = [float(likelihood_loss(m[None], torch.tensor([5.0]), opinions)) for m in means]
    assert means[int(np.argmin(losses))] == pytest.approx(70, abs=1)

    def best_scale(opinions: torch.Tensor) -> float:
        scales = torch.arange(0.5, 30.0, 0.5)
        return float(
            scales[
                int(
                    np.argmin(
                        [
                            float(likelihood_loss(torch.tensor([70.0]), s[None], opinions))
                            for s in scales
                        ]
                    )
                )
            ]
        )

    assert best_scale(opinions) > best_scale(torch.tensor([[69.0, 71.0]]))


def test_ranking_prefers_the_right_order() -> None:
    """Right order costs less than wrong order; ties in the label cost nothing."""
    label, groups = torch.tensor([50.0, 60.0, 70.0]), torch.tensor([0, 0, -1])
    assert ranking_loss(label, label, groups) < ranking_loss(label.flip(0), label, groups)
    assert float(ranking_loss(label, torch.full((3,), 50.0), groups)) == 0.0


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other in tiny batches take minutes on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _write_work(work: Path, excerpts: int) -> None:
    """A tiny data set in which louder noise is worse."""
    rng = np.random.default_rng(0)
    for index in range(excerpts):
        reference = 0.1 * rng.standard_normal((2, 9_600))
        noise = [0.1 * gain * rng.standard_normal((2, 9_600)) for gain in (0.01, 0.1, 1.0)]
        stack = np.stack([reference, *(reference + n for n in noise)]) * STORED_SCALE
        np.save(work / f"{index:04d}.npy", stack.astype(np.int16))
        pairs = [
            {"group": "x@1", "recipe": str(q), "visqol": q, "zimtohrli": q - 5}
            for q in (95.0, 60.0, 20.0)
        ]
        (work / f"{index:04d}.json").write_text(
            json.dumps({"source": {"index": index}, "pairs": pairs})
        )


def test_training_learns_and_resumes(tmp_path: Path) -> None:
    """The order is learnt; a run stopped after an epoch goes on to the same weights."""
    _write_work(tmp_path, 13)
    seen: list[int] = []
    training.compute_features(tmp_path, lambda done, total: seen.append(done))
    assert seen == list(range(1, 14))
    hyper = Hyper(epochs=3)

    class KilledError(Exception):
        pass

    def kill(epoch: int, loss: float, figures: training.Validation) -> None:
        if epoch == 1:
            raise KilledError

    with pytest.raises(KilledError):
        training.train(tmp_path, hyper, kill)
    resumed, history = training.train(tmp_path, hyper, lambda *_: None)
    (tmp_path / "checkpoint.pt").unlink()
    straight, _ = training.train(tmp_path, hyper, lambda *_: None)
    assert len(history) == 3
    assert history[-1]["loss"] < history[0]["loss"]
    for name, value in straight.state_dict().items():
        assert torch.allclose(value, resumed.state_dict()[name], atol=1e-5), name
    figures = training.validate(straight, training.load_excerpts(tmp_path)[:1])
    assert figures.order == 1.0

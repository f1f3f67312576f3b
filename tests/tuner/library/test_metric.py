"""`tuner.Metric`: the same scores as `tuner.score`, and gradients that teach."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

import tuner
from tuner.errors import ClipError, ScoreError, WeightsError
from tuner.sound.synth import synthesize

Pcm = npt.NDArray[np.float32]


@pytest.fixture
def tensors(pair: tuple[Pcm, Pcm]) -> tuple[torch.Tensor, torch.Tensor]:
    """Reference and coded signal, ``[2, T]``."""
    return torch.tensor(pair[0]), torch.tensor(pair[1])


def test_update_compute_reset(tensors: tuple[torch.Tensor, torch.Tensor]) -> None:
    """The mean over all signals, late ones too; a call gives the batch's alone and remembers."""
    reference, coded = tensors
    expected = [float(tuner.score(reference, s, 48_000, device="cpu")) for s in (coded, reference)]
    metric = tuner.Metric()
    metric.update(torch.nn.functional.pad(coded, (400, 0)), reference)
    assert float(metric.compute()) == pytest.approx(expected[0], abs=1.0)
    metric.reset()
    batch = torch.stack([coded, reference])
    metric.update(batch, torch.stack([reference, reference]))
    assert float(metric.compute()) == pytest.approx(sum(expected) / 2, abs=1e-3)
    assert float(metric(coded, reference)) == pytest.approx(expected[0], abs=1e-3)
    assert float(metric.compute()) == pytest.approx((2 * expected[0] + expected[1]) / 3, abs=1e-3)
    metric.reset()
    with pytest.raises(ScoreError, match="update"):
        metric.compute()


@pytest.mark.parametrize("rate", [48_000, 44_100])
def test_the_differentiable_score_is_the_score(
    tensors: tuple[torch.Tensor, torch.Tensor], rate: int
) -> None:
    """Whole or mono, half a side lost, at 48 kHz or resampled; and after an inference call."""
    reference, coded = tensors
    narrow = coded.clone()
    narrow[1] = 0.5 * coded[0] + 0.5 * coded[1]
    metric = tuner.Metric(rate, differentiable=True)
    for known, signal in ((reference, coded), (reference, narrow), (reference[:1], coded[:1])):
        expected = tuner.score(known, signal, rate, device="cpu").score
        assert metric(signal, known).item() == pytest.approx(
            expected, abs=0.002 if rate == 48_000 else 0.5
        )


def test_gradients_are_finite_where_nothing_is_lost(
    tensors: tuple[torch.Tensor, torch.Tensor],
) -> None:
    """Identity is the best there is: no NaN comes back from it."""
    same = tensors[0].clone().requires_grad_()
    tuner.Metric(differentiable=True)(same, tensors[0]).backward()
    assert same.grad is not None
    assert same.grad.isfinite().all()


def test_a_step_of_a_toy_codec_lowers_its_damage() -> None:
    """A codec of one filter and 16-bit rounding learns by the score alone, step by step."""
    reference = torch.tensor(synthesize("bells", seed=1, duration_s=2.0)[:1, :48_000])
    taps = torch.full((1, 1, 9), 1 / 9, requires_grad=True)  # a dull moving average at first

    def encode_and_decode() -> torch.Tensor:
        filtered = torch.nn.functional.conv1d(reference[None], taps, padding=4)[0]
        return filtered + ((filtered * 32768).round() / 32768 - filtered).detach()

    metric = tuner.Metric(differentiable=True)
    optimizer = torch.optim.Adam([taps], lr=0.02)
    scores = []
    for _ in range(3):
        damage = 100 - metric(encode_and_decode(), reference)
        scores.append(100 - damage.item())
        optimizer.zero_grad()
        damage.backward()
        optimizer.step()
    assert scores == sorted(scores)
    assert scores[-1] > scores[0] + 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_scores_as_the_cpu_does(tensors: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Where the signals lie, with and without gradients."""
    reference, coded = tensors
    for differentiable in (False, True):
        metric = tuner.Metric(differentiable=differentiable)
        on_gpu = metric(coded.cuda(), reference.cuda())
        assert on_gpu.is_cuda
        assert float(on_gpu) == pytest.approx(float(metric(coded, reference)), abs=0.01)


def test_wrong_arguments_are_told(
    tensors: tuple[torch.Tensor, torch.Tensor], tmp_path: object
) -> None:
    """Shapes, types, rates and weights, each by its name."""
    reference, coded = tensors
    metric = tuner.Metric(differentiable=True)
    for preds, wanted in (
        (coded[:, :-1], "equal shape"),
        (coded.repeat(2, 1), "preds .* one or two channels"),
        (coded.int(), "preds: must be a torch tensor of floats"),
        (coded[None, None], r"give \[T\], \[C, T\] or \[B, C, T\]"),
        (coded * torch.nan, "preds: holds NaN"),
        (torch.stack([coded, coded]), "differ"),
    ):
        with pytest.raises(ClipError, match=wanted):
            metric.update(preds, reference)
    with pytest.raises(ClipError, match="whole Hz"):
        tuner.Metric(44_100.5)  # type: ignore[arg-type]
    with pytest.raises(WeightsError, match=r"none\.safetensors"):
        tuner.Metric(weights=f"{tmp_path}/none.safetensors")

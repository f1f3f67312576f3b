"""`tuner.Metric`: the quality model in the manner of torchmetrics, and as a loss."""

from __future__ import annotations

from pathlib import Path

import torch

from tuner.errors import ClipError, ScoreError
from tuner.library.score import score
from tuner.model.gradient import predict, to_model_rate
from tuner.model.scorer import SHIPPED_WEIGHTS, load_model


class Metric:
    """Mean predicted quality, 0 to 100, of coded signals: update, compute, reset.

    As in torchmetrics, `preds` (the coded signals) come before `target` (their references). A
    signal is ``[T]``, ``[C, T]`` with one or two channels, or a batch ``[B, C, T]``. Scores are
    computed on the device where `preds` lie.

    Args:
        sample_rate: of the signals, Hz.
        differentiable: calling the metric gives a tensor with gradients with respect to `preds`.
            Signals must then be aligned and of equal shape; otherwise each is aligned first.
        weights: of the quality model; None for the shipped ones.

    Raises:
        ClipError: the rate is none.
        WeightsError: the weights are missing, damaged or of another network.
    """

    is_differentiable = True
    higher_is_better = True
    full_state_update = False

    def __init__(
        self,
        sample_rate: int = 48_000,
        *,
        differentiable: bool = False,
        weights: str | Path | None = None,
    ) -> None:
        from tuner.library.arrays import check_rate

        if check_rate(sample_rate) != int(sample_rate):
            raise ClipError("give whole Hz", where=f"sample rate {sample_rate!r}")
        self.sample_rate = int(sample_rate)
        self.differentiable = differentiable
        self.weights = load_model(None if weights is None else str(weights)).weights
        self._scores: list[torch.Tensor] = []

    def update(self, preds: torch.Tensor, target: torch.Tensor) -> None:
        """Score a batch and remember it.

        Raises:
            ClipError: other shapes than the class tells, or NaN or infinity.
            TunerError: see `tuner.score`.
        """
        self._scores.append(self._score(preds, target).detach())

    def compute(self) -> torch.Tensor:
        """The mean of all signals since `reset`. Raises `ScoreError` where there are none."""
        if not self._scores:
            raise ScoreError("nothing to compute a mean of: call update(preds, target) first")
        first = self._scores[0]
        return torch.cat([scores.to(first.device) for scores in self._scores]).mean()

    def reset(self) -> None:
        """Forget all signals."""
        self._scores.clear()

    def forward(self, preds: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean of this batch alone, which is remembered, too; with gradients where asked.

        Raises:
            TunerError: see `update`.
        """
        scores = self._score(preds, target)
        self._scores.append(scores.detach())
        return scores.mean()

    __call__ = forward

    def _score(self, preds: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """One score a signal, ``[B]``."""
        coded, references = _as_batch(preds, "preds"), _as_batch(target, "target")
        if len(coded) != len(references):
            raise ClipError(f"preds {tuple(preds.shape)} and target {tuple(target.shape)} differ")
        if self.differentiable:
            return self._differentiate(coded, references)
        device = str(coded.device) if coded.is_cuda else "cpu"
        weights = None if self.weights == str(SHIPPED_WEIGHTS) else self.weights
        scores = [
            score(reference, signal, self.sample_rate, weights=weights, device=device).score
            for reference, signal in zip(references, coded, strict=True)
        ]
        return torch.tensor(scores, device=coded.device)

    def _differentiate(self, coded: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
        if coded.shape != references.shape:
            raise ClipError(
                "signals that are differentiated must be aligned and of equal shape",
                where=f"preds {tuple(coded.shape)} and target {tuple(references.shape)}",
            )
        references = references.to(coded.device)
        for name, signal in (("preds", coded), ("target", references)):
            if not signal.isfinite().all():
                raise ClipError("holds NaN or infinity", where=name)
        at_rate = [to_model_rate(s.float(), self.sample_rate) for s in (references.detach(), coded)]
        return predict(at_rate[0], at_rate[1], self.weights)


def _as_batch(signals: torch.Tensor, name: str) -> torch.Tensor:
    """``[B, C, T]``. Raises `ClipError`."""
    if not isinstance(signals, torch.Tensor) or not signals.is_floating_point():
        raise ClipError("must be a torch tensor of floats", where=name)
    if signals.ndim not in (1, 2, 3):
        raise ClipError("give [T], [C, T] or [B, C, T]", where=f"{name} {tuple(signals.shape)}")
    batch = signals.reshape((1,) * (3 - signals.ndim) + signals.shape)
    if not (batch.shape[0] and 1 <= batch.shape[1] <= 2 and batch.shape[2]):
        raise ClipError(
            "needs one or two channels of samples",
            where=f"{name} {tuple(signals.shape)}",
            remedy="a batch of mono signals is [B, 1, T]",
        )
    return batch

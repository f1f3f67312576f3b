"""Training of InSE-NET on the labelled pairs of `tuner.quality.dataset`.

The loss of a batch (whole excerpts) is the logistic likelihood of both teachers' opinions,
which teaches mean and spread, plus a pairwise ranking term within an excerpt, weighted
towards pairs of one group (one encoder, one bitrate), which is what the search asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from tuner.encoder import Encoder
from tuner.quality.dataset import Pair, load_labels, load_signals
from tuner.quality.gammatone import FRONT_END_VERSION, features
from tuner.quality.insenet import InseNet
from tuner.quality.teachers import VisqolScorer, ZimtohrliScorer

#: Every this-many-th excerpt is kept from training, to watch it.
VALIDATION_EVERY = 12
#: Pairs that the mean opinion places closer than this (points) have no order to learn.
LEAST_DIFFERENCE = 1.0
RANKING_WEIGHT = 0.5
#: A pair within one encoder and bitrate counts this much against any other of the excerpt.
GROUP_WEIGHT = 4.0
#: Ranking margins are soft over this many points.
RANKING_SOFTNESS = 3.0


@dataclass(frozen=True)
class Hyper:
    """Hyperparameters of one training run."""

    epochs: int = 20
    excerpts_per_batch: int = 2
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    seed: int = 0


@dataclass(frozen=True)
class Excerpt:
    """One excerpt's features and labels.

    Args:
        reference, coded: float16 memory maps ``[N, 4, 5, 32, F]``. Row n of both is pair n;
            the last pair is the reference against itself.
        opinions: float32 ``[N, 2]``, 0 to 100 (ViSQOL, Zimtohrli).
        groups: integer ``[N]``; equal where encoder and bitrate are; -1 for none.
    """

    reference: np.ndarray
    coded: np.ndarray
    opinions: torch.Tensor
    groups: torch.Tensor


def compute_features(work: Path, progress: Callable[[int, int], None]) -> None:
    """Pre-compute the features of all labelled excerpts into float16 files; skips those there."""
    labels = load_labels(work)
    for done, (index, _) in enumerate(labels, start=1):
        target = _feature_path(work, index)
        if not target.exists():
            reference, coded = (torch.from_numpy(x) for x in load_signals(work, index))
            signals = (reference[0], *coded, reference[0])
            stacked = np.stack([features(pcm[None])[0].numpy() for pcm in signals])
            partial = target.with_suffix(".partial")
            with partial.open("wb") as stream:
                np.save(stream, stacked.astype(np.float16))
            partial.replace(target)
        progress(done, len(labels))


def _feature_path(work: Path, index: int) -> Path:
    return work / f"{index:04d}.features{FRONT_END_VERSION}.npy"


def load_excerpts(work: Path) -> list[Excerpt]:
    """All excerpts with features, in plan order."""
    return [
        _excerpt(work, index, pairs)
        for index, pairs in load_labels(work)
        if pairs and _feature_path(work, index).exists()
    ]


def _excerpt(work: Path, index: int, pairs: list[Pair]) -> Excerpt:
    stored = np.load(_feature_path(work, index), mmap_mode="r", allow_pickle=False)
    opinions = [p.opinions for p in pairs] + [(100.0, 100.0)]
    names = sorted({p.group for p in pairs if p.group})
    groups = [names.index(p.group) if p.group else -1 for p in pairs] + [-1]
    return Excerpt(stored[:1], stored[1:], torch.tensor(opinions), torch.tensor(groups))


def likelihood_loss(
    mean: torch.Tensor, scale: torch.Tensor, opinions: torch.Tensor
) -> torch.Tensor:
    """Negative log likelihood of the opinions ``[N, 2]`` under logistic(mean, scale)."""
    z = (opinions - mean[:, None]) / scale[:, None]
    return (z.abs() + 2 * functional.softplus(-z.abs()) + scale[:, None].log()).mean()


def ranking_loss(mean: torch.Tensor, label: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """Soft pairwise ranking loss within one excerpt, all tensors ``[N]``."""
    label_gap = label[:, None] - label[None, :]
    predicted_gap = mean[:, None] - mean[None, :]
    same = (groups[:, None] == groups[None, :]) & (groups[:, None] >= 0)
    weight = (label_gap > LEAST_DIFFERENCE) * (1 + (GROUP_WEIGHT - 1) * same)
    loss = functional.softplus(-predicted_gap / RANKING_SOFTNESS)
    return (loss * weight).sum() / weight.sum().clamp_min(1)


def _batches(
    excerpts: list[Excerpt], per_batch: int, rng: np.random.Generator
) -> Iterator[list[Excerpt]]:
    """Excerpts of equal length together, shuffled."""
    by_length: dict[int, list[Excerpt]] = {}
    for excerpt in excerpts:
        by_length.setdefault(excerpt.coded.shape[-1], []).append(excerpt)
    batches = []
    for same in by_length.values():
        order = rng.permutation(len(same))
        for begin in range(0, len(same), per_batch):
            batches.append([same[i] for i in order[begin : begin + per_batch]])
    for i in rng.permutation(len(batches)):
        yield batches[i]


def _tensors(excerpt: Excerpt, swap: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Reference and coded features, float32; left and right exchanged when `swap`."""
    coded = torch.from_numpy(np.array(excerpt.coded, dtype=np.float32))
    reference = torch.from_numpy(np.array(excerpt.reference, dtype=np.float32))
    if swap:
        exchange = [1, 0, 2, 3]
        reference, coded = reference[:, exchange], coded[:, exchange]
    return reference.expand_as(coded), coded


def batch_loss(model: InseNet, batch: list[Excerpt], rng: np.random.Generator) -> torch.Tensor:
    """Likelihood plus ranking loss of a batch of excerpts of equal length."""
    pairs = [_tensors(e, swap=bool(rng.random() < 0.5)) for e in batch]
    mean, scale = model(torch.cat([r for r, _ in pairs]), torch.cat([c for _, c in pairs]))
    sizes = [len(e.opinions) for e in batch]
    loss = likelihood_loss(mean, scale, torch.cat([e.opinions for e in batch]))
    rankings = [
        ranking_loss(part, e.opinions.mean(dim=1), e.groups)
        for part, e in zip(mean.split(sizes), batch, strict=True)
    ]
    return loss + RANKING_WEIGHT * torch.stack(rankings).mean()


@dataclass(frozen=True)
class Validation:
    """Figures on the excerpts kept from training.

    Args:
        error: mean absolute error of the mean against the mean opinion, points.
        pearson: with the mean opinion.
        order: share of pairs of one encoder and bitrate, on one excerpt, in the right order.
    """

    error: float
    pearson: float
    order: float


def validate(model: InseNet, excerpts: list[Excerpt]) -> Validation:
    """Figures of `model` on excerpts that it was not taught."""
    model.eval()
    predictions, labels, right = [], [], []
    with torch.inference_mode():
        for excerpt in excerpts:
            mean, _ = model(*_tensors(excerpt, swap=False))
            label = excerpt.opinions.mean(dim=1)
            predictions.append(mean)
            labels.append(label)
            same = excerpt.groups[:, None] == excerpt.groups[None, :]
            ordered = same & (excerpt.groups[:, None] >= 0)
            ordered &= (label[:, None] - label[None, :]) > LEAST_DIFFERENCE
            right.append((mean[:, None] > mean[None, :])[ordered])
    predicted, expected = torch.cat(predictions), torch.cat(labels)
    pearson = float(torch.corrcoef(torch.stack([predicted, expected]))[0, 1])
    error = float((predicted - expected).abs().mean())
    return Validation(error, pearson, float(torch.cat(right).float().mean()))


def train(
    work: Path, hyper: Hyper, report: Callable[[int, float, Validation], None]
) -> tuple[InseNet, list[dict[str, float]]]:
    """Train on the features in the work folder; resumes from its checkpoint after a kill.

    Args:
        report: called after every epoch with (epoch from 1, mean loss, validation figures).

    Returns:
        The model after the last epoch, when the learning rate has come down to 0 (the kept
        excerpts are too few to choose an epoch by), and the history.
    """
    excerpts = load_excerpts(work)
    kept = [e for n, e in enumerate(excerpts) if n % VALIDATION_EVERY == 0]
    taught = [e for n, e in enumerate(excerpts) if n % VALIDATION_EVERY != 0]
    torch.manual_seed(hyper.seed)
    model = InseNet()
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=hyper.learning_rate, weight_decay=hyper.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, hyper.epochs)
    checkpoint = work / "checkpoint.pt"
    history: list[dict[str, float]] = []
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        history = saved["history"]
    for epoch in range(len(history), hyper.epochs):
        rng = np.random.default_rng([hyper.seed, epoch])
        started, losses = time.monotonic(), []
        model.train()
        for batch in _batches(taught, hyper.excerpts_per_batch, rng):
            optimiser.zero_grad()
            loss = batch_loss(model, batch, rng)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            losses.append(float(loss.detach()))
        schedule.step()
        figures = validate(model, kept)
        record = {"loss": float(np.mean(losses)), "seconds": time.monotonic() - started}
        history.append(record | vars(figures))
        state: dict[str, object] = {
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "schedule": schedule.state_dict(),
            "history": history,
        }
        torch.save(state, checkpoint.with_suffix(".partial"))
        checkpoint.with_suffix(".partial").replace(checkpoint)
        report(epoch + 1, record["loss"], figures)
    model.eval()
    return model, history


def card(
    work: Path, hyper: Hyper, history: list[dict[str, float]], encoders: Sequence[Encoder]
) -> dict[str, object]:
    """The facts of a training run for the model card."""
    labels = load_labels(work)
    return {
        "excerpts": len(labels),
        "pairs": sum(len(pairs) for _, pairs in labels),
        "encoders": {e.name: e.version.text for e in encoders},
        "teachers": [VisqolScorer().version, ZimtohrliScorer().version],
        "hyperparameters": vars(hyper),
        "epochs": history,
        "torch": torch.__version__,
    }

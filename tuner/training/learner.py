"""One network in training: its steps and its checkpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from tuner.atomic import replacing
from tuner.errors import StudyError
from tuner.model.insenet import InseNet
from tuner.training.losses import better, family_loss, likelihood_loss, ranking_loss
from tuner.training.processes import is_first
from tuner.training.shards import Batch

RANKING_WEIGHT = 0.5
#: Where the mid is among the signals of a feature tensor.
MID = 2


@dataclass(frozen=True)
class Hyper:
    """Hyperparameters of one member.

    Args:
        mono_epochs: passes of the mono network; 0 leaves it out.
        epochs: passes of the stereo network.
        references_per_batch: of all processes together.
        learning_rate: at its highest; it rises over the first tenth of the steps, then falls
            to 0 (cosine).
        weight_decay: of AdamW.
        mixed: compute in bfloat16 what may be (autocast).
        seed: of weights, order and augmentation.
    """

    mono_epochs: int = 2
    epochs: int = 10
    references_per_batch: int = 12
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    mixed: bool = False
    seed: int = 0


def augment(batch: Batch, rng: np.random.Generator) -> Batch:
    """A float32 batch with left and right exchanged in half of the references."""
    swap = torch.from_numpy(rng.random(len(batch.reference)) < 0.5)

    def exchanged(features: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
        return torch.where(where[:, None, None, None, None], features[:, [1, 0, 2, 3]], features)

    return replace(
        batch,
        reference=exchanged(batch.reference, swap).float(),
        coded=exchanged(batch.coded, swap[batch.of]).float(),
    )


def mid_of(batch: Batch) -> Batch:
    """The mid signals and what the teachers say of them; the known orders are of the whole."""
    return replace(
        batch,
        reference=batch.reference[:, MID : MID + 1],
        coded=batch.coded[:, MID : MID + 1],
        opinions=batch.mid_opinions,
        severities=torch.full_like(batch.severities, -1),
    )


def batch_loss(network: nn.Module, batch: Batch) -> torch.Tensor:
    """Likelihood, family heads and ranking."""
    mean, scale, families = network(batch.reference[batch.of], batch.coded)
    opinions = batch.opinions[:, :-1]
    likelihood = likelihood_loss(mean, scale, batch.fused[:, None])
    # The families tell how wide opinions lie, not where: that is for the fused one.
    likelihood = likelihood + likelihood_loss(mean.detach(), scale, opinions)
    ranking = ranking_loss(mean, better(batch))
    return likelihood / 2 + family_loss(families, opinions) + RANKING_WEIGHT * ranking


class Learner:
    """One network in training, with all that a resumed run needs.

    Args:
        network: with its first weights.
        hyper: its hyperparameters.
        epochs, steps: passes, and batches in each.
        checkpoint: file that it is written to after every epoch, and read from if there.
        taught: how many references teach it.
        device: a torch device.

    Raises:
        StudyError: the checkpoint is of a run with other hyperparameters or references.
    """

    def __init__(
        self,
        network: InseNet,
        hyper: Hyper,
        epochs: int,
        steps: int,
        checkpoint: Path,
        taught: int,
        device: str = "cpu",
    ) -> None:
        self.hyper, self.device = hyper, device
        self.model = network.to(device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.history: list[dict[str, float]] = []
        self._run = {**vars(hyper), "taught": taught}
        self._checkpoint = checkpoint
        self._optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=hyper.learning_rate, weight_decay=hyper.weight_decay
        )
        total = epochs * steps
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimiser,
            lambda step: min(10 * (step + 1) / total, 0.5 + 0.5 * math.cos(math.pi * step / total)),
        )
        if checkpoint.exists():
            self._resume(torch.load(checkpoint, weights_only=True, map_location=device))
        self._network: nn.Module = self.model
        if dist.is_initialized():
            self._network = DistributedDataParallel(self.model)

    def _resume(self, saved: dict[str, Any]) -> None:
        if saved["run"] != self._run:
            raise StudyError(
                f"belongs to another run ({saved['run']}, not {self._run})",
                where=self._checkpoint,
                remedy="finish that run, or remove the file",
            )
        self.model.load_state_dict(saved["model"])
        self._optimiser.load_state_dict(saved["optimiser"])
        self._schedule.load_state_dict(saved["schedule"])
        self.history = saved["history"]

    def learn(self, batch: Batch) -> float:
        """One step; returns the loss."""
        tensors = {name: tensor.to(self.device) for name, tensor in vars(batch).items()}
        self._network.train()
        self._optimiser.zero_grad()
        kind = torch.device(self.device).type
        with torch.autocast(kind, torch.bfloat16, enabled=self.hyper.mixed):
            loss = batch_loss(self._network, Batch(**tensors))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimiser.step()
        self._schedule.step()
        return float(loss.detach())

    def finish_epoch(self, record: dict[str, float]) -> None:
        """Write the checkpoint, whole or not at all."""
        self.history.append(record)
        state = {
            "run": self._run,
            "model": self.model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "history": self.history,
        }
        if is_first():
            with replacing(self._checkpoint) as partial:
                torch.save(state, partial)

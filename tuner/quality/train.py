"""Training of InSE-NET on the features and labels of `tuner.quality.shards`.

Several members are trained from different seeds: where they disagree the model does not know.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from tuner.errors import StudyError
from tuner.quality.insenet import InseNet
from tuner.quality.losses import better, likelihood_loss, ranking_loss
from tuner.quality.material import EXCERPTS_PER_SCORE, Source
from tuner.quality.shards import Batch, FeatureSet, make_loader
from tuner.quality.teachers import VisqolScorer, ZimtohrliScorer

#: One in so many is kept from training, to watch it.
VALIDATION_EVERY = 12
RANKING_WEIGHT = 0.5


@dataclass(frozen=True)
class Hyper:
    """Hyperparameters of one member."""

    epochs: int = 20
    references_per_batch: int = 12
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    seed: int = 0


@dataclass(frozen=True)
class Validation:
    """Figures on the references kept from training.

    Args:
        error: mean absolute error of the mean against the mean opinion, points.
        pearson: with the mean opinion.
        order: share of the pairs with a known order (`better`) that are in it.
    """

    error: float
    pearson: float
    order: float


@dataclass(frozen=True)
class Step:
    """Where training is.

    Args:
        member: its number, from 0.
        epoch: finished epochs of this member.
        done, total: batches, of all epochs of all members.
        loss: mean of the epoch so far.
        validation: at the end of an epoch, else None.
    """

    member: int
    epoch: int
    done: int
    total: int
    loss: float
    validation: Validation | None


def split(
    sources: Sequence[Source], recordings: Sequence[str], indices: Collection[int]
) -> tuple[list[int], list[int]]:
    """References to teach, and references to watch it by, without material in common.

    One recording in twelve is kept from training, in all its excerpts and variations, one
    score in twelve, one in twelve of all other sources. A mix of what is kept with what is
    taught is in neither part.

    Args:
        sources: the whole plan.
        recordings: names of all recordings that it draws from.
        indices: references there are.

    Returns:
        Indices of the taught, indices of the kept.
    """
    places = {name: place for place, name in enumerate(sorted(recordings))}

    def is_kept(index: int) -> bool:
        source, number = sources[index], index
        if source.kind == "recording":
            number = places[source.name]
        elif source.kind == "score":
            number = source.seed // EXCERPTS_PER_SCORE
        return number % VALIDATION_EVERY == 0

    taught: list[int] = []
    kept: list[int] = []
    for index in sorted(indices):
        mixed_with = sources[index].mixed_with
        parts = {is_kept(part) for part in (index, mixed_with) if part >= 0}
        if len(parts) == 1:
            (kept if parts.pop() else taught).append(index)
    return taught, kept


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


def batch_loss(model: InseNet, batch: Batch) -> torch.Tensor:
    """Likelihood plus ranking loss; each reference is a pair with itself, too, of opinion 100."""
    mean, scale = model(
        torch.cat([batch.reference[batch.of], batch.reference]),
        torch.cat([batch.coded, batch.reference]),
    )
    itself = torch.full((len(batch.reference), 2), 100.0)
    likelihood = likelihood_loss(mean, scale, torch.cat([batch.opinions, itself]))
    return likelihood + RANKING_WEIGHT * ranking_loss(mean[: len(batch.of)], better(batch))


def validate(models: Sequence[InseNet], loader: DataLoader[Batch]) -> Validation:
    """Figures of the mean of `models` on references that they were not taught."""
    predictions, labels, right = [], [], []
    with torch.inference_mode():
        for batch in loader:
            reference = batch.reference[batch.of].float()
            means = [model.eval()(reference, batch.coded.float())[0] for model in models]
            mean = torch.stack(means).mean(dim=0)
            predictions.append(mean)
            labels.append(batch.opinions.mean(dim=1))
            right.append((mean[:, None] > mean)[better(batch)])
    predicted, expected = torch.cat(predictions), torch.cat(labels)
    pearson = float(torch.corrcoef(torch.stack([predicted, expected]))[0, 1])
    error = float((predicted - expected).abs().mean())
    return Validation(error, pearson, float(torch.cat(right).float().mean()))


class Member:
    """One network in training, with all that a resumed run needs.

    Args:
        hyper: its hyperparameters.
        checkpoint: file that it is written to after every epoch, and read from if there.
        taught: how many references teach it.

    Raises:
        StudyError: the checkpoint is of a run with other hyperparameters or references.
    """

    def __init__(self, hyper: Hyper, checkpoint: Path, taught: int) -> None:
        torch.manual_seed(hyper.seed)
        self.hyper = hyper
        self.model = InseNet()
        self.history: list[dict[str, float]] = []
        self._run = {**vars(hyper), "taught": taught}
        self._checkpoint = checkpoint
        self._optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=hyper.learning_rate, weight_decay=hyper.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimiser, hyper.epochs)
        if checkpoint.exists():
            self._resume(torch.load(checkpoint, weights_only=True))

    def _resume(self, saved: dict[str, Any]) -> None:
        if saved["run"] != self._run:
            raise StudyError(
                f"{self._checkpoint}: is of another run ({saved['run']}, not {self._run});"
                " finish that, or remove the file"
            )
        self.model.load_state_dict(saved["model"])
        self._optimiser.load_state_dict(saved["optimiser"])
        self._schedule.load_state_dict(saved["schedule"])
        self.history = saved["history"]

    def learn(self, batch: Batch) -> float:
        """One step; returns the loss."""
        self.model.train()
        self._optimiser.zero_grad()
        loss = batch_loss(self.model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimiser.step()
        return float(loss.detach())

    def finish_epoch(self, record: dict[str, float]) -> None:
        """Lower the learning rate and write the checkpoint, whole or not at all."""
        self._schedule.step()
        self.history.append(record)
        state = {
            "run": self._run,
            "model": self.model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "history": self.history,
        }
        partial = self._checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self._checkpoint)


def train(
    taught: FeatureSet,
    kept: FeatureSet,
    work: Path,
    hyper: Hyper,
    members: int,
    workers: int,
    report: Callable[[Step], None],
) -> list[Member]:
    """Train an ensemble; goes on from its checkpoints after a kill.

    Args:
        taught, kept: from `split`.
        work: folder of the checkpoints, one for each member.
        hyper: of the first member; the others take the next seeds.
        members: how many.
        workers: processes that read features ahead; 0 for none.
        report: called after every batch and, with figures, after every epoch.

    Returns:
        The members after their last epoch, when the learning rate has come down to 0 (the
        kept references are too few to choose an epoch by).

    Raises:
        StudyError: a checkpoint is of another run.
    """
    order = torch.Generator()
    loader = make_loader(taught, hyper.references_per_batch, workers, order)
    watch = make_loader(kept, hyper.references_per_batch, 0)
    per_member = hyper.epochs * len(loader)
    trained = []
    for number in range(members):
        own = replace(hyper, seed=hyper.seed + number)
        member = Member(own, work / f"member-{number}.pt", len(taught))
        for epoch in range(len(member.history), hyper.epochs):
            rng = np.random.default_rng([own.seed, epoch])
            order.manual_seed(int(rng.integers(1 << 31)))
            started, losses = time.monotonic(), []
            done = number * per_member + epoch * len(loader)
            for batch in loader:
                losses.append(member.learn(augment(batch, rng)))
                done += 1
                loss = float(np.mean(losses))
                report(Step(number, epoch, done, members * per_member, loss, None))
            figures = validate([member.model], watch)
            seconds = time.monotonic() - started
            member.finish_epoch({"loss": loss, "seconds": seconds, **vars(figures)})
            report(Step(number, epoch + 1, done, members * per_member, loss, figures))
        member.model.eval()
        trained.append(member)
    return trained


def card(
    header: Mapping[str, Any],
    parts: Mapping[str, FeatureSet],
    left_out: Mapping[str, int],
    members: Sequence[Member],
    figures: Validation,
) -> dict[str, object]:
    """The facts of a training run for the model card.

    Args:
        header: of the table of labels.
        parts: "taught" and "kept", from `split`.
        left_out: labels that could not be used, by reason.
        members: trained ones.
        figures: of all members together on the kept references.
    """
    return {
        "references": {name: len(part) for name, part in parts.items()},
        "pairs": {name: part.pairs for name, part in parts.items()},
        "left_out": dict(left_out),
        "encoders": {name: text for name, (text, _) in header["builds"].items()},
        "teachers": [VisqolScorer().version, ZimtohrliScorer().version],
        "hyperparameters": vars(members[0].hyper),
        "members": [member.history for member in members],
        "validation": vars(figures),
        "torch": torch.__version__,
    }

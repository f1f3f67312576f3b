"""Training of InSE-NET on the features and labels of `tuner.training.shards`.

A mono network learns first, on mid signals; its weights go to the stereo network, which learns
on. Several members are trained from different seeds: where they disagree the model does not
know.

Several processes share the work where they were started as a group (`torchrun`): each takes
its part of every batch, the first one reports and writes checkpoints.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.utils.data import DataLoader, DistributedSampler

from tuner.metrics.scales import VisqolScorer, ZimtohrliScorer
from tuner.model.insenet import InseNet, stack, transfer
from tuner.sound.stereo import lost_width
from tuner.training.fusion import FUSION_VERSION
from tuner.training.learner import Hyper, Learner, augment, mid_of
from tuner.training.losses import better
from tuner.training.material import EXCERPTS_PER_SCORE, Source
from tuner.training.processes import is_first
from tuner.training.shards import Batch, FeatureSet, make_loader

#: One in so many is kept from training, to watch it.
VALIDATION_EVERY = 12


@dataclass(frozen=True)
class Validation:
    """Figures on the references kept from training.

    Args:
        error: mean absolute error of the mean against the fused opinion, points.
        pearson: with the fused opinion.
        order: share of the pairs with a known order (`better`) that are in it.
    """

    error: float
    pearson: float
    order: float


@dataclass(frozen=True)
class Step:
    """Where training is.

    Args:
        network: "mono 1", "stereo 1", "mono 2", …
        epoch: finished epochs of this network.
        done, total: batches, of all epochs of all members.
        loss: mean of the epoch so far.
        validation: at the end of an epoch, else None.
    """

    network: str
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
        made_of = sources[index].made_of
        own = (index,) if sources[index].kind != "dense" else ()
        parts = {is_kept(part) for part in (*own, *made_of)}
        if len(parts) == 1:
            (kept if parts.pop() else taught).append(index)
    return taught, kept


def validate(models: Sequence[InseNet], batches: Iterable[Batch]) -> Validation:
    """Figures of the mean of `models` on references that they were not taught."""
    predictions, labels, right = [], [], []
    device = next(models[0].parameters()).device
    with torch.inference_mode():
        for batch in batches:
            pairs = (batch.reference[batch.of].float(), batch.coded.float())
            stacked = stack(*(features.to(device) for features in pairs))
            mean = torch.stack([model.eval().hear(*stacked)[0] for model in models]).mean(dim=0)
            predictions.append(mean.cpu())
            labels.append(batch.fused)
            right.append((mean.cpu()[:, None] > mean.cpu())[better(batch)])
    predicted, expected = torch.cat(predictions), torch.cat(labels)
    pearson = float(torch.corrcoef(torch.stack([predicted, expected]))[0, 1])
    error = float((predicted - expected).abs().mean())
    return Validation(error, pearson, float(torch.cat(right).float().mean()))


def width_underrated(models: Sequence[InseNet], parts: Sequence[FeatureSet]) -> float:
    """Share of the points that networks forget to take where all of a loud side is lost.

    Few of their lessons show that. By least squares over all of `parts`, and every so many of
    each after the first (`VALIDATION_EVERY`); 0 to 1.
    """
    taken, missed = [], []
    for number, part in enumerate(parts):
        for position in range(0, len(part), VALIDATION_EVERY if number else 1):
            batch, row = part[position], part.rows[position]
            pair = stack(batch.reference[batch.of].float(), batch.coded.float())
            with torch.inference_mode():
                said = torch.stack([model.eval().hear(*pair).mean for model in models])
            mean = said.mean(dim=0).double().numpy()
            lost = np.array([lost_width(label.side_db) for label in row.labels])
            taken.append(mean * lost)
            missed.append(mean - batch.fused.double().numpy())
    costs, errors = np.concatenate(taken), np.concatenate(missed)
    return float(np.clip(np.sum(costs * errors) / max(np.sum(costs**2), 1e-9), 0, 1))


@dataclass(frozen=True)
class Course:
    """What all networks of a training have in common.

    Args:
        taught, kept: from `split`.
        work: folder of the checkpoints, one for each network.
        hyper: of the first member; the others take the next seeds.
        members: how many.
        workers: processes that read features ahead; 0 for none.
        device: a torch device.
        report: called after every batch and, with figures, after every epoch.
    """

    taught: FeatureSet
    kept: FeatureSet
    work: Path
    hyper: Hyper
    members: int
    workers: int
    report: Callable[[Step], None]
    device: str = "cpu"

    def train(self) -> list[Learner]:
        """Train an ensemble; goes on from its checkpoints after a kill.

        Returns:
            The members after their last epoch, when the learning rate has come down to 0
            (the kept references are too few to choose an epoch by).

        Raises:
            StudyError: a checkpoint is of another run.
        """
        processes = dist.get_world_size() if dist.is_initialized() else 1
        rank = dist.get_rank() if dist.is_initialized() else 0
        order: DistributedSampler[Batch] = DistributedSampler(
            self.taught, processes, rank, seed=self.hyper.seed
        )
        per_process = max(self.hyper.references_per_batch // processes, 1)
        loader = make_loader(self.taught, per_process, self.workers, order)
        trained = []
        for number in range(self.members):
            hyper = replace(self.hyper, seed=self.hyper.seed + number)
            torch.manual_seed(hyper.seed)
            stereo = InseNet()
            if hyper.mono_epochs:
                mono = self._train(InseNet(1), "mono", number, hyper, loader)
                transfer(mono.model.cpu(), stereo)
            trained.append(self._train(stereo, "stereo", number, hyper, loader))
        return trained

    def _train(
        self, network: InseNet, kind: str, number: int, hyper: Hyper, loader: DataLoader[Batch]
    ) -> Learner:
        epochs = hyper.mono_epochs if kind == "mono" else hyper.epochs
        view = mid_of if kind == "mono" else lambda batch: batch
        path = self.work / f"{kind}-{number + 1}.pt"
        learner = Learner(network, hyper, epochs, len(loader), path, len(self.taught), self.device)
        before = number * (hyper.mono_epochs + hyper.epochs) + (
            0 if kind == "mono" else hyper.mono_epochs
        )
        total = self.members * (hyper.mono_epochs + hyper.epochs) * len(loader)
        watch = make_loader(self.kept, hyper.references_per_batch, 0)
        order = loader.sampler
        assert isinstance(order, DistributedSampler)
        for epoch in range(len(learner.history), epochs):
            order.set_epoch(1000 * hyper.seed + 100 * (kind == "mono") + epoch)
            rng = np.random.default_rng([hyper.seed, kind == "mono", epoch, order.rank])
            started, losses = time.monotonic(), []
            done = (before + epoch) * len(loader)
            step = Step(f"{kind} {number + 1}", epoch, done, total, 0.0, None)
            for batch in loader:
                losses.append(learner.learn(view(augment(batch, rng))))
                step = replace(step, done=step.done + 1, loss=float(np.mean(losses)))
                self.report(step)
            figures = None
            if is_first():
                figures = validate([learner.model], map(view, watch))
            record = {"loss": step.loss, "seconds": time.monotonic() - started}
            learner.finish_epoch(record | (vars(figures) if figures else {}))
            self.report(replace(step, epoch=epoch + 1, validation=figures))
        learner.model.eval()
        return learner


def card(
    headers: Sequence[Mapping[str, Any]],
    parts: Mapping[str, FeatureSet],
    left_out: Mapping[str, int],
    members: Sequence[Learner],
    figures: Validation,
) -> dict[str, object]:
    """The facts of a training run for the model card.

    Args:
        headers: of the tables of labels.
        parts: "taught" and "kept", from `split`.
        left_out: labels that could not be used, by reason.
        members: trained ones.
        figures: of all members together on the kept references.
    """
    return {
        "references": {name: len(part) for name, part in parts.items()},
        "pairs": {name: part.pairs for name, part in parts.items()},
        "left_out": dict(left_out),
        "encoders": {name: text for h in headers for name, (text, _) in h["builds"].items()},
        "teachers": [
            VisqolScorer().version,
            ZimtohrliScorer().version,
            "PEAQ basic version and 2f-model (tuner.metrics.peaq_basic)",
        ],
        "fusion": FUSION_VERSION,
        "hyperparameters": vars(members[0].hyper),
        "members": [member.history for member in members],
        "validation": vars(figures),
        "torch": torch.__version__,
    }

"""Listeners teach a trained network: maximum likelihood of their individual ratings.

There are few rated signals, so the early blocks and all batch statistics stay as they are, and
what they make of every signal is computed once. Self-distillation holds the rest of the world
in place: on coded sounds that nobody rated the network is to say what it said before.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tuner.model.gammatone import features, know
from tuner.model.insenet import InseNet, stack
from tuner.model.windows import windows
from tuner.sound.audio import Pcm
from tuner.sound.synth import SOUNDS, synthesize
from tuner.training.degrade import degrade
from tuner.training.losses import LEAST_DIFFERENCE, ranking_loss
from tuner.training.recipes import families

#: Share of a signal's length that a step hears at least.
LEAST_CROP = 0.6
#: Seconds, versions and first seed of the replayed sounds; no benchmark uses these seeds.
REPLAY_S, REPLAY_VERSIONS, REPLAY_SEED = 3.0, 5, 500_000
#: A change of this many points on a replayed sound costs as much as 1 in log likelihood.
REPLAY_SOFTNESS = 3.0


@dataclass(frozen=True)
class Hyper:
    """Hyperparameters of fine-tuning.

    Args:
        epochs: passes over the rated references; the learning rate falls to 0 (cosine).
        first_block: of `InseNet.blocks` that learns; those before stay as they are.
        references_per_batch: rated references in a step; as many replayed ones.
        ranking: weight of the pairwise order of mean ratings on one reference.
        replay: weight of self-distillation.
        members: networks that one network becomes, by seed.
        seed: of the order, the crops and the speeds.
    """

    epochs: int = 80
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    first_block: int = 5
    references_per_batch: int = 3
    ranking: float = 0.0
    replay: float = 0.1
    members: int = 1
    seed: int = 0


@dataclass(frozen=True)
class Taught:
    """Features of one reference with its coded versions, and their ratings.

    Args:
        features: one for each speed, ``[1 + N, 4, 18, 32, F]``; row 0 is the reference.
        ratings: of each coded version, 0 to 100; empty where the network's own word counts.
    """

    features: tuple[torch.Tensor, ...]
    ratings: tuple[tuple[float, ...], ...] = ()


def likelihood_loss(
    mean: torch.Tensor, scale: torch.Tensor, ratings: Sequence[Sequence[float]]
) -> torch.Tensor:
    """Mean negative log likelihood of every rating under its version's logistic distribution.

    Args:
        mean, scale: ``[N]``.
        ratings: of each of the N versions, as many as there are.
    """
    of = torch.tensor([n for n, given in enumerate(ratings) for _ in given])
    rating = torch.tensor([value for given in ratings for value in given])
    z = (rating - mean[of]) / scale[of]
    return (z.abs() + 2 * functional.softplus(-z.abs()) + scale[of].log()).mean()


def features_of(signals: Pcm) -> torch.Tensor:
    """Features of a reference and its coded versions, float16 ``[1 + N, 4, 18, 32, F]``.

    Args:
        signals: float32 ``[1 + N, C, T]`` at 48 kHz, aligned; row 0 is the reference.
    """
    pcm = torch.from_numpy(signals)
    known = know(pcm[:1])
    return torch.cat([known.features, features(pcm[1:], known)]).half()


def replayed_sounds(count: int = len(SOUNDS)) -> list[Taught]:
    """Synthetic music with random artefacts, of which the network keeps its opinion.

    Args:
        count: how many sounds.
    """
    made = []
    for number, sound in enumerate(SOUNDS[:count]):
        rng = np.random.default_rng([REPLAY_SEED, number])
        reference = synthesize(sound, REPLAY_SEED + number, REPLAY_S)
        signals = [reference]
        for family in rng.choice(families(reference), REPLAY_VERSIONS, replace=False):
            severity, seed = float(rng.random()), int(rng.integers(1 << 30))
            signals.append(degrade(reference, str(family), severity, seed))
        made.append(Taught((features_of(np.stack(signals)),)))
    return made


class _Recalled(nn.Module):
    """Stands for the early blocks: gives back what they once made of a signal."""

    maps: torch.Tensor

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        """The maps, whatever comes in."""
        return self.maps


@dataclass(frozen=True)
class _Heard:
    """Maps ``[N, channels, bands, frames]`` and feature distances ``[N]``."""

    maps: torch.Tensor
    distance: torch.Tensor

    def cropped(self, rng: np.random.Generator) -> _Heard:
        frames = self.maps.shape[-1]
        length = math.ceil(frames * rng.uniform(LEAST_CROP, 1))
        start = int(rng.integers(frames - length + 1))
        return _Heard(self.maps[..., start : start + length], self.distance)


def pairs(stored: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Stored features ``[1 + N, ...]`` as float32 references and coded signals ``[N, ...]``."""
    coded = stored[1:].float()
    return stored[:1].float().expand_as(coded), coded


def _parts(stored: torch.Tensor) -> list[torch.Tensor]:
    """The windows of stored features ``[1 + N, ...]``, each with its reference."""
    return list(windows(stored).split(len(stored)))  # type: ignore[no-untyped-call]


def _hear(model: InseNet, first_block: int, stored: torch.Tensor) -> _Heard:
    """What the blocks that stay as they are make of stored features ``[1 + N, ...]``."""
    caught: list[torch.Tensor] = []
    block = model.blocks[first_block]
    reference, coded = pairs(stored)
    hook = block.register_forward_pre_hook(lambda _, maps: caught.append(maps[0]))
    with torch.no_grad():
        model(reference, coded)
    hook.remove()
    return _Heard(caught[0], stack(reference, coded)[1])


class _Late:
    """The part of a network that learns; shares its weights with the network."""

    def __init__(self, model: InseNet, first_block: int) -> None:
        self.network = InseNet()
        self._recalled = _Recalled()
        self.network.stem = self._recalled  # type: ignore[assignment]
        self.network.blocks = nn.Sequential(*list(model.blocks)[first_block:])
        self.network.bands, self.network.head = model.bands, model.head
        self.network.eval()  # batch statistics stay

    def __call__(self, heard: _Heard) -> tuple[torch.Tensor, torch.Tensor]:
        self._recalled.maps = heard.maps
        predicted = self.network.hear(heard.maps, heard.distance)
        return predicted.mean, predicted.scale


class Tuning:
    """One trained network and all that is there to teach it; hears every signal once.

    Args:
        model: trained; stays as it is.
        rated: references with ratings.
        replayed: from `replayed_sounds`; none to let the network forget.
        hyper: hyperparameters.
    """

    def __init__(
        self,
        model: InseNet,
        rated: Sequence[Taught],
        replayed: Sequence[Taught],
        hyper: Hyper,
    ) -> None:
        self.hyper = hyper
        self._model = model.eval()
        self._ratings = [each.ratings for each in rated]
        first = hyper.first_block
        self._known = [
            [_hear(model, first, part) for whole in each.features for part in _parts(whole)]
            for each in rated
        ]
        self._kept = [_hear(model, first, each.features[0]) for each in replayed]
        with torch.no_grad():
            self._before = [_Late(model, first)(heard) for heard in self._kept]

    def fit(self, places: Sequence[int], seed: int) -> InseNet:
        """A copy of the network taught by the rated references at `places`."""
        hyper, rng = self.hyper, np.random.default_rng(seed)
        taught = copy.deepcopy(self._model)
        late = _Late(taught, hyper.first_block)
        weights = list(late.network.parameters())
        optimiser = torch.optim.AdamW(
            weights, lr=hyper.learning_rate, weight_decay=hyper.weight_decay
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, hyper.epochs)
        for _ in range(hyper.epochs):
            order = rng.permutation(places)
            for begin in range(0, len(order), hyper.references_per_batch):
                step = order[begin : begin + hyper.references_per_batch]
                optimiser.zero_grad()
                loss = torch.stack([self._loss(late, place, rng) for place in step]).mean()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(weights, 1.0)
                optimiser.step()
            schedule.step()
        return taught

    def _loss(self, late: _Late, place: int, rng: np.random.Generator) -> torch.Tensor:
        versions = self._known[place]
        mean, scale = late(versions[int(rng.integers(len(versions)))].cropped(rng))
        loss = likelihood_loss(mean, scale, self._ratings[place])
        if self.hyper.ranking:
            loss = loss + self.hyper.ranking * order_loss(mean, self._ratings[place])
        if self._kept:
            other = int(rng.integers(len(self._kept)))
            loss = loss + self.hyper.replay * _change(late(self._kept[other]), self._before[other])
        return loss


def fit_ensemble(tunings: Sequence[Tuning], places: Sequence[int]) -> list[InseNet]:
    """Each network taught by the rated references at `places`, `Hyper.members` times."""
    return [
        tuning.fit(places, tuning.hyper.seed + member)
        for tuning in tunings
        for member in range(tuning.hyper.members)
    ]


def order_loss(mean: torch.Tensor, ratings: Sequence[Sequence[float]]) -> torch.Tensor:
    """Soft pairwise loss of means ``[N]`` against the order of the mean ratings."""
    given = torch.tensor([sum(values) / len(values) for values in ratings])
    order = (given[:, None] - given) > LEAST_DIFFERENCE
    return ranking_loss(mean, order)


def _change(
    now: tuple[torch.Tensor, torch.Tensor], before: tuple[torch.Tensor, torch.Tensor]
) -> torch.Tensor:
    """How far replayed predictions have moved: of the mean, and of the scale (log)."""
    mean = (now[0] - before[0]).abs().mean() / REPLAY_SOFTNESS
    return mean + (now[1].log() - before[1].log()).abs().mean()

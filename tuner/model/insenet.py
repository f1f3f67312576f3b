"""InSE-NET: Inception blocks with squeeze-and-excitation over stacked spectrograms.

Jiang, Biswas et al., "InSE-NET: a perceptually coded audio quality model based on CNN", AES
151, 2021 (arXiv 2108.13087); the stereo network and the transfer of a mono network's weights
to it follow arXiv 2209.11666, the predicted distribution of ratings arXiv 2308.09493. Input:
features of the reference and the coded signal, its error among them (see
`tuner.model.gammatone`). Output: mean (0 to 100) and scale of the opinions, a logistic
distribution, and what each family of metrics would say (0 to 100).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn

from tuner.model.gammatone import FLOOR_DB, PLANES, SIGNALS

#: Differences enter four times enlarged: most are a few dB on a scale of 70.
_DIFFERENCE_GAIN = 4.0
#: Mean absolute feature difference at which the score is free to fall: 0.2 dB. Below, it is
#: held towards 100, so that identity is 100 by construction.
_JUST_DIFFERENT = 0.2 / FLOOR_DB
#: Standard deviation of a logistic distribution of scale 1.
LOGISTIC_STD = math.pi / math.sqrt(3)
#: Families of metrics whose opinions are predicted, in the order of `tuner.scorer.FAMILIES`.
FAMILY_HEADS = 3
#: Kinds of planes that a network is given: of the reference, of the difference, of the error.
_KINDS = 3
#: How a mono network's first weights are shared out to L, R, M and S. A mono clip, whose L, R
#: and M are the same and whose S is silent, is heard as by the mono network.
_TRANSFER = (0.25, 0.25, 0.5, 0.5)


class _ConvBlock(nn.Sequential):
    """Convolution (same size, but for its stride), batch norm, ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
    ) -> None:
        padding = (kernel[0] // 2, kernel[1] // 2)
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class _SqueezeExcitation(nn.Module):
    """Channel gains from the global mean (Hu et al., 2018)."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.gains = nn.Sequential(
            nn.Linear(channels, channels // reduction),
            nn.ReLU(inplace=True),
            nn.Linear(channels // reduction, channels),
            nn.Sigmoid(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gains: torch.Tensor = self.gains(x.mean(dim=(2, 3)))
        return x * gains[:, :, None, None]


class InceptionSE(nn.Module):
    """Four parallel branches (1x1; 3x3; long in time; long in frequency), then SE.

    Shape: ``[B, inputs, bands, frames]`` to ``[B, outputs, bands, frames]``.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        part, neck = outputs // 4, max(inputs // 4, 8)
        self.point = _ConvBlock(inputs, part, (1, 1))
        self.square = nn.Sequential(
            _ConvBlock(inputs, neck, (1, 1)), _ConvBlock(neck, part, (3, 3))
        )
        self.time = nn.Sequential(_ConvBlock(inputs, neck, (1, 1)), _ConvBlock(neck, part, (1, 7)))
        self.frequency = nn.Sequential(
            _ConvBlock(inputs, neck, (1, 1)), _ConvBlock(neck, part, (7, 1))
        )
        self.excite = _SqueezeExcitation(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        branches = [self.point(x), self.square(x), self.time(x), self.frequency(x)]
        excited: torch.Tensor = self.excite(torch.cat(branches, dim=1))
        return excited


class Predicted(NamedTuple):
    """What a network says of B pairs.

    Args:
        mean: 0 to 100, ``[B]``.
        scale: of the logistic distribution of opinions, points, ``[B]``.
        families: each family's opinion, 0 to 100, ``[B, 3]``.
    """

    mean: torch.Tensor
    scale: torch.Tensor
    families: torch.Tensor


class InseNet(nn.Module):
    """InSE-NET with two time resolutions; clips of any length.

    Args:
        signals: that it hears: 4 (L, R, M, S), or 1 for the mono network.
        width: channels of its first block.
    """

    def __init__(self, signals: int = SIGNALS, width: int = 48) -> None:
        super().__init__()
        neck = width * 2 // 3
        # All planes of a point become a few, then two bands become one: half the sums of one 3 x 3
        # convolution over all planes (counted; what that would score was not tried).
        self.stem = nn.Sequential(
            _ConvBlock(_KINDS * signals * PLANES, neck, (1, 1)),
            _ConvBlock(neck, width, (3, 3), stride=(2, 1)),
        )
        self.blocks = nn.Sequential(
            InceptionSE(width, width),
            nn.MaxPool2d((2, 2), ceil_mode=True),
            InceptionSE(width, width * 2),
            nn.AvgPool2d((2, 2), ceil_mode=True),
            InceptionSE(width * 2, width * 2),
            InceptionSE(width * 2, width * 2),
        )
        channels = width * 2
        self.bands = nn.Conv1d(channels * 4, channels, 1)  # four bands are left
        self.head = nn.Sequential(
            nn.Linear(channels * 3, channels),
            nn.ReLU(inplace=True),
            nn.Linear(channels, 2 + FAMILY_HEADS),
        )

    def forward(self, reference: torch.Tensor, coded: torch.Tensor) -> Predicted:
        """What it says of pairs.

        Args:
            reference, coded: features ``[B, signals, 18, 32, F]``.
        """
        return self.hear(*stack(reference, coded))

    def hear(self, stacked: torch.Tensor, distance: torch.Tensor) -> Predicted:
        """The same, of what `stack` gives: several networks can share it."""
        maps = self.blocks(self.stem(stacked))
        moments = torch.relu(self.bands(maps.flatten(1, 2))).float()
        # Listeners remember the worst moment: the mean, the spread and the maximum over time.
        pooled = torch.cat(
            [moments.mean(dim=2), moments.std(dim=2, correction=0), moments.amax(dim=2)], dim=1
        )
        with torch.autocast(pooled.device.type, enabled=False):  # half a point is too coarse here
            damage, scale, families = self.head(pooled).split([1, 1, FAMILY_HEADS], dim=1)
        heard = torch.tanh(distance / _JUST_DIFFERENT)[:, None]
        points = 100 * torch.exp(
            -heard * nn.functional.softplus(torch.cat([damage, families], dim=1) - 1)
        )
        spread = 0.5 + 10 * heard * nn.functional.softplus(scale - 1)
        return Predicted(points[:, 0], spread[:, 0], points[:, 1:])


def stack(reference: torch.Tensor, coded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What a network hears of a pair: its input maps, and how far apart the magnitudes are.

    Args:
        reference, coded: features ``[B, signals, 18, 32, F]``.

    Returns:
        ``[B, 3 * signals * 9, 32, F]`` (the reference, the enlarged difference, the error), and
        the mean absolute difference ``[B]``.
    """
    known = reference[:, :, :PLANES]
    difference = coded[:, :, :PLANES] - known
    parts = [known, _DIFFERENCE_GAIN * difference, coded[:, :, PLANES:]]
    maps = torch.cat(parts, dim=1).flatten(1, 2)
    distance = difference.abs().mean(dim=(1, 2, 3, 4))
    return maps.contiguous(memory_format=torch.channels_last), distance


def transfer(mono: InseNet, stereo: InseNet) -> None:
    """Give a stereo network the weights of a mono one."""
    state = mono.state_dict()
    # [neck, kinds * PLANES, 1, 1]
    first = state["stem.0.0.weight"].unflatten(1, (_KINDS, 1, PLANES))
    shares = torch.tensor(_TRANSFER).reshape(1, 1, SIGNALS, 1, 1, 1)
    state["stem.0.0.weight"] = (first * shares).flatten(1, 3)
    stereo.load_state_dict(state)

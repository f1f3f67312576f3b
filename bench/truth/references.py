"""What the bench listens to: excerpts of the tune and holdout side, and synthetic sounds.

The synthetic sounds have seeds that training never uses (`tuner.training.material`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from tuner.sound.audio import SAMPLE_RATE, Pcm, sample_digest
from tuner.sound.clips import load_clips
from tuner.sound.excerpts import Excerpting
from tuner.sound.synth import SOUNDS, synthesize
from tuner.training.degrade import find_attacks

SIDES = ("tune", "holdout", "synthetic")
SEEDS = (1, 2, 3)
#: The shortest excerpt that `tuner.sound.excerpts` cuts, seconds; it is shortened here.
LEAST_EXCERPT_S = 5.0
#: Attacks in a second from which on a sound is one of transients.
RICH_ATTACKS_HZ = 1.0


@dataclass(frozen=True, eq=False)
class Reference:
    """One sound that is degraded: float32 ``[C, T]`` at 48 kHz, on one of `SIDES`."""

    name: str
    side: str
    pcm: Pcm = field(repr=False)

    @cached_property
    def digest(self) -> str:
        """sha256 (hex) of the samples."""
        return sample_digest(self.pcm)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(self.pcm.shape[1] / SAMPLE_RATE)

    @property
    def seed(self) -> int:
        """Seed of everything random that is done to it."""
        return int(self.digest[:7], 16)

    @property
    def transient(self) -> bool:
        """Whether it lives from its attacks."""
        return len(find_attacks(self.pcm)) >= RICH_ATTACKS_HZ * self.duration_s


def load_references(
    clips: Path, excerpt_s: float, limit: int | None = None, sides: tuple[str, ...] = SIDES
) -> list[Reference]:
    """All references, side by side.

    Args:
        clips: folder with a manifest.
        excerpt_s: length of each, seconds.
        limit: how many of each side, spread over it; None for all.
        sides: some of `SIDES`.
    """
    excerpting = Excerpting(duration_s=max(excerpt_s, LEAST_EXCERPT_S))
    length = round(excerpt_s * SAMPLE_RATE)
    everything = [
        Reference(clip.name, clip.side, np.ascontiguousarray(clip.reference[:, :length]))
        for clip in load_clips(clips, excerpting).clips
    ] + [
        Reference(f"{sound} {seed}", "synthetic", synthesize(sound, seed, excerpt_s))
        for seed in SEEDS
        for sound in SOUNDS
    ]
    chosen: list[Reference] = []
    for side in sides:
        part = [reference for reference in everything if reference.side == side]
        count = min(limit or len(part), len(part))
        chosen += [part[i] for i in np.linspace(0, len(part) - 1, count).round().astype(int)]
    return chosen

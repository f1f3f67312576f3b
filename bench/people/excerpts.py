"""The references: excerpts of the `train` side, in the roles that ODAQ's items had.

Each of ODAQ's families was heard on two full mixes and on two solos that suit the artefact:
tonal ones for holes, mismatch and noise, claps and castanets for pre-echoes. Dense mixes are
sums of three to five recordings at equal level, as a band is more than any of our solos.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from tuner.sound.audio import SAMPLE_RATE, Pcm, read_audio, resample

Role = Literal["mix", "tonal", "transient", "solo"]

#: Length of an excerpt, s.
LENGTH_S = 3.0
#: Peak to which dense mixes are scaled.
MIX_PEAK = 0.9

#: Where a part lies: folder of the data, file, place of the excerpt in it (0 start, 1 end).
Part = tuple[str, str, float]


@dataclass(frozen=True)
class Excerpt:
    """One reference.

    Args:
        name: of the excerpt in the table.
        role: what it stands for.
        parts: recordings of which it is the sum.
        seed: of everything random that is done to it.
    """

    name: str
    role: Role
    parts: tuple[Part, ...]
    seed: int

    def read(self, data: Path) -> Pcm:
        """The excerpt, float32 ``[2, T]`` at 48 kHz."""
        signals = [_read(data, part) for part in self.parts]
        if len(signals) == 1:
            return signals[0]
        length = min(signal.shape[1] for signal in signals)
        levelled = [signal[:, :length] / _rms(signal) for signal in signals]
        total = np.sum(levelled, axis=0)
        return np.asarray(total * (MIX_PEAK / np.max(np.abs(total))), dtype=np.float32)


def excerpts() -> tuple[Excerpt, ...]:
    """All references, in the order in which they are measured."""
    clip, band = "clips", "refs_freedoom"
    found: list[tuple[str, Role, tuple[Part, ...]]] = [
        ("band_dm09", "mix", ((band, "d_dm09", 0.4),)),
        ("latin_percussion", "transient", ((clip, "render_latin_percussion", 0.3),)),
        ("shanai", "tonal", ((clip, "render_shanai_solo", 0.3),)),
        (
            "dense_jazz_orchestra",
            "mix",
            (
                (clip, "render_jazz_combo", 0.2),
                (clip, "render_orchestra_tutti", 0.4),
                (clip, "audiokit_beat", 0.3),
            ),
        ),
        ("jazz", "solo", ((clip, "render_jazz_combo", 0.6),)),
        ("band_e1m1", "mix", ((band, "d_e1m1", 0.3),)),
        ("body_percussion", "transient", ((clip, "render_body_percussion", 0.3),)),
        ("ensemble", "tonal", ((clip, "flactest_01", 0.4),)),
        (
            "dense_band_voice",
            "mix",
            (
                (band, "d_dm18", 0.5),
                (clip, "vocadito_10", 0.4),
                (clip, "sonicpi_loop_mika", 0.2),
                (clip, "flactest_04", 0.5),
            ),
        ),
        ("close_miked", "solo", ((clip, "flactest_14", 0.4),)),
        ("band_dm23", "mix", ((band, "d_dm23", 0.6),)),
        ("drumloop", "transient", ((clip, "audiokit_drumloop", 0.2),)),
        ("bell", "tonal", ((clip, "sonicpi_perc_bell2", 0.1),)),
        (
            "dense_loop_ensemble",
            "mix",
            (
                (clip, "webaudio_coolloop7", 0.2),
                (clip, "flactest_09", 0.5),
                (clip, "render_shanai_solo", 0.7),
                (band, "d_dm11", 0.4),
                (clip, "render_latin_percussion", 0.6),
            ),
        ),
        ("strings_dm11", "tonal", ((band, "d_dm11", 0.2),)),
        ("applause", "transient", ((clip, "render_applause", 0.4),)),
    ]
    return tuple(
        Excerpt(name, role, parts, seed) for seed, (name, role, parts) in enumerate(found, 1)
    )


def of_roles(*roles: Role) -> Iterator[Excerpt]:
    """The references of some roles."""
    return (each for each in excerpts() if each.role in roles)


def _read(data: Path, part: Part) -> Pcm:
    folder, name, place = part
    pcm, rate = read_audio(data / folder / f"{name}.flac")
    pcm = resample(pcm, rate)
    length = round(LENGTH_S * SAMPLE_RATE)
    start = round(place * max(pcm.shape[1] - length, 0))
    excerpt = pcm[:, start : start + length]
    return np.repeat(excerpt, 2, axis=0) if excerpt.shape[0] == 1 else excerpt


def _rms(pcm: Pcm) -> float:
    return float(np.sqrt(np.mean(np.square(pcm, dtype=np.float64))))

"""A few short excerpts that stand for a long sound file: evenly spaced, one in each equal part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tuner.errors import ClipError
from tuner.jobs.job import ClipRef
from tuner.sound.audio import SILENCE_PEAK, Pcm, sample_digest
from tuner.sound.clip_files import clip_path, is_whole, write_clip
from tuner.sound.decoding import read_format
from tuner.sound.long_audio import Block, read_blocks

#: Length of an excerpt, s: what the quality model hears at a time (`tuner.scorer.WINDOW_S`).
EXCERPT_S = 3.0
#: Excerpts of a file, unless the user says.
DEFAULT_EXCERPTS = 12
#: The shortest file, s.
LEAST_S = 2.5


@dataclass(frozen=True)
class Excerpts:
    """The excerpts of one file.

    Args:
        source: the file.
        duration_s: its length.
        starts_s: where each begins, s.
        clips: each as a clip's file.
    """

    source: Path
    duration_s: float
    starts_s: tuple[float, ...]
    clips: tuple[ClipRef, ...]

    @property
    def heard_s(self) -> float:
        """How much of the file they are, s."""
        return sum(clip.duration_s for clip in self.clips)


def cut_excerpts(source: Path, folder: Path, count: int = DEFAULT_EXCERPTS) -> Excerpts:
    """Cut a file's excerpts and store them.

    The file is divided into `count` equal parts, and the middle of each is taken. A file too short
    for that is taken whole, in as many pieces as fit. What is silent is left out.

    Args:
        source: a sound file, mono or stereo, of any length; it is read in blocks.
        folder: where the clips are stored.
        count: how many, at least 1.

    Raises:
        ClipError: the file cannot be read, is too short, or is silent.
    """
    about = read_format(source)
    rate, duration_s = about.rate, about.duration_s
    if duration_s is None:
        duration_s = sum(len(block) for block in read_blocks(source)) / rate
    if duration_s < LEAST_S:
        raise ClipError(
            f"too short ({duration_s:.2f} s); at least {LEAST_S:g} s is needed", where=source
        )
    pieces = min(count, max(int(duration_s / EXCERPT_S), 1))
    part = duration_s / pieces
    length = min(EXCERPT_S, duration_s)
    starts = [round((n + 0.5) * part - length / 2, 3) for n in range(pieces)]
    cut = _cut(source, rate, starts, length)
    loud = {s: pcm for s, pcm in cut.items() if np.max(np.abs(pcm), initial=0.0) >= SILENCE_PEAK}
    if not loud:
        raise ClipError(
            f"silent in all {pieces} excerpts", where=source, remedy="choose another file"
        )
    folder.mkdir(parents=True, exist_ok=True)
    refs: dict[str, tuple[float, ClipRef]] = {}
    for start, pcm in loud.items():
        ref = _store(pcm, rate, folder)
        refs.setdefault(ref.digest, (start, ref))  # a loop repeats itself
    return Excerpts(
        source,
        duration_s,
        tuple(start for start, _ in refs.values()),
        tuple(ref for _, ref in refs.values()),
    )


def _cut(source: Path, rate: int, starts_s: list[float], length_s: float) -> dict[float, Pcm]:
    """The samples from each start, float32 ``[C, T]``; what the file has of them."""
    wanted = {start: round(start * rate) for start in starts_s}
    length = round(length_s * rate)
    parts: dict[float, list[Block]] = {start: [] for start in starts_s}
    at = 0
    for block in read_blocks(source):
        for start, first in wanted.items():
            low, high = max(first - at, 0), min(first + length - at, len(block))
            if low < high:
                parts[start].append(block[low:high].copy())
        at += len(block)
    cut = {start: np.concatenate(found).T for start, found in parts.items() if found}
    least = round(LEAST_S * rate)
    # The file may be shorter than its header says.
    return {s: np.ascontiguousarray(x, np.float32) for s, x in cut.items() if x.shape[1] >= least}


def _store(pcm: Pcm, rate: int, folder: Path) -> ClipRef:
    digest = sample_digest(pcm, rate)
    path = clip_path(folder, digest)
    if not is_whole(path, digest, rate):
        write_clip(path, pcm)
    return ClipRef(digest, str(path.absolute()), pcm.shape[0], pcm.shape[1] / rate, rate)

"""Excerpts of a file: where they are cut, and what a file must be to be cut at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from tuner.errors import ClipError
from tuner.sound.audio import (
    SILENCE_PEAK,
    Pcm,
    convert_rate,
    read_audio,
    resample,
    sample_digest,
)
from tuner.sound.fingerprints import Fingerprint, take_fingerprint
from tuner.sound.manifest import Wanted, is_text
from tuner.sound.surround import downmix

How = Literal["loudest", "varied", "start"]
#: Under this rate a file has no audio band worth coding (8 kHz is telephony).
LEAST_RATE = 16_000
#: Excerpts begin on this grid, seconds.
GRID_S = 0.1


@dataclass(frozen=True)
class Excerpting:
    """How excerpts are cut.

    Args:
        duration_s: length, 5 to 10 s; shorter files are kept whole.
        min_duration_s: shorter files are an error.
        how: "loudest" (highest RMS), "varied" (most change of level), or "start".
        per_file: how many, without overlap.

    Raises:
        ClipError: if a value is out of range.
    """

    duration_s: float = 8.0
    min_duration_s: float = 2.5
    how: How = "loudest"
    per_file: int = 1

    def __post_init__(self) -> None:
        if not 5 <= self.duration_s <= 10:
            raise ClipError(f"excerpts must be 5 to 10 s (got {self.duration_s:g} s)")
        if self.how not in get_args(How):
            raise ClipError(
                f"choose one of {', '.join(get_args(How))}", where=f"excerpt {self.how!r}"
            )
        if self.per_file < 1:
            raise ClipError(f"excerpts per file must be >= 1 (got {self.per_file})")


@dataclass(frozen=True)
class Cut:
    """A file's excerpts: (start in seconds, samples) of each, and their rate in Hz."""

    want: Wanted
    excerpts: list[tuple[float, Pcm]]
    rate: int

    @property
    def digest(self) -> str:
        """Of the first excerpt."""
        return sample_digest(self.excerpts[0][1], self.rate)


def cut_excerpts(
    want: Wanted, excerpting: Excerpting, wanted_rate: int | None, *, to_stereo: bool = False
) -> tuple[Cut, Fingerprint | None]:
    """A file's excerpts, and its fingerprint. Raises `ClipError`."""
    path = want.path
    if not is_text(str(path)):
        raise ClipError("the name is not UTF-8", where=repr(str(path)), remedy="rename it")
    if not path.is_file():
        raise ClipError("no such file, though the manifest names it", where=path)
    if path.stat().st_size == 0:
        raise ClipError("empty file", where=path)
    pcm, rate = read_audio(path)
    pcm = downmix(pcm) if to_stereo else pcm
    seconds = pcm.shape[1] / rate
    if rate < LEAST_RATE:
        raise ClipError(
            f"sample rate {rate} Hz is too low; at least {LEAST_RATE} Hz is needed", where=path
        )
    if not np.isfinite(pcm).all():
        raise ClipError("contains NaN or infinite samples", where=path, remedy="export it again")
    if seconds < excerpting.min_duration_s:
        least = excerpting.min_duration_s
        raise ClipError(f"too short ({seconds:.2f} s); at least {least:g} s is needed", where=path)
    fingerprint = take_fingerprint(resample(pcm, rate))
    pcm, rate = convert_rate(pcm, rate, wanted_rate or rate), wanted_rate or rate
    cuts: list[tuple[float, Pcm]] = []
    silent: list[str] = []
    for start_s, duration_s in _windows(pcm, rate, want, excerpting):
        begin = round(start_s * rate)
        excerpt = pcm[:, begin : begin + round(duration_s * rate)]
        if np.max(np.abs(excerpt), initial=0.0) < SILENCE_PEAK:
            silent.append(f"from {start_s:.1f} s for {duration_s:.1f} s")
        else:
            cuts.append((start_s, np.ascontiguousarray(excerpt)))
    # A pause where a second excerpt would lie is no fault; nothing to hear at all is.
    if not cuts:
        raise ClipError(f"silent {silent[0]}", where=path, remedy="choose another excerpt or file")
    return Cut(want, cuts, rate), fingerprint


def _windows(
    pcm: Pcm, rate: int, want: Wanted, excerpting: Excerpting
) -> Iterable[tuple[float, float]]:
    """(start, duration) in seconds of each excerpt."""
    seconds = pcm.shape[1] / rate
    if want.start_s is not None or want.duration_s is not None:
        start = want.start_s or 0.0
        duration = want.duration_s or min(excerpting.duration_s, seconds - start)
        if start + duration > seconds + GRID_S or duration < excerpting.min_duration_s:
            raise ClipError(
                f"the manifest asks for {duration:g} s from {start:g} s; the file has"
                f" {seconds:.2f} s, and an excerpt needs at least {excerpting.min_duration_s:g} s",
                where=want.path,
            )
        return [(start, duration)]
    duration = min(excerpting.duration_s, seconds)
    merit = _merit(pcm, rate, duration, excerpting.how)
    chosen: list[int] = []
    span = round(duration / GRID_S)
    for start in np.argsort(-merit, kind="stable"):
        if all(abs(int(start) - other) >= span for other in chosen):
            chosen.append(int(start))
        if len(chosen) == excerpting.per_file:
            break
    return [(round(start * GRID_S, 3), duration) for start in sorted(chosen)]


def _merit(pcm: Pcm, rate: int, duration_s: float, how: How) -> np.ndarray:
    """How much each window, starting every `GRID_S`, is wanted."""
    block = round(GRID_S * rate)
    blocks = max(pcm.shape[1] // block, 1)
    power = np.array(
        [np.mean(np.square(pcm[:, n * block : (n + 1) * block])) for n in range(blocks)]
    )
    span = min(max(round(duration_s / GRID_S), 1), blocks)
    if how == "start":
        return -np.arange(blocks - span + 1, dtype=float)
    if how == "varied":
        # Level changes between neighbouring blocks, from -60 dB up: attacks, pauses, endings.
        level_db = 10 * np.log10(np.maximum(power, 1e-6 * power.max(initial=1e-12)) + 1e-15)
        power = np.abs(np.diff(level_db, prepend=level_db[:1]))
    total = np.concatenate([[0.0], np.cumsum(power)])
    return np.asarray(total[span:] - total[:-span])

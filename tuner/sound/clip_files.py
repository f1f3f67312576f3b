"""Clips on disk: each a ``<digest>.npy``, float32 ``[C, T]``, named by its samples and their rate.

A file is believed only when it holds the samples that its name says. It appears whole, its
bytes on the disk before its name is; one that was damaged since is written again where the
samples are at hand: in the clip set, or in the sound file that they were cut from.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from tuner.atomic import replacing
from tuner.errors import ClipError
from tuner.sound.audio import Pcm, convert_rate, read_audio, sample_digest
from tuner.sound.surround import downmix


def clip_path(folder: Path, digest: str) -> Path:
    """Where a clip lies in a folder. Raises `ClipError` for a name that would lead out of it."""
    if not digest.isalnum():
        raise ClipError(f"{digest!r:.80} is not a clip digest", where=folder)
    return folder / f"{digest}.npy"


def read_clip(path: Path, digest: str, rate: int) -> Pcm:
    """The samples of a clip.

    Args:
        path: its file.
        digest: what `tuner.sound.audio.sample_digest` says of them.
        rate: theirs, Hz.

    Returns:
        float32 ``[C, T]``.

    Raises:
        ClipError: the file is missing, cannot be read, or holds anything else.
    """
    try:
        if path.exists() and not path.is_file():
            raise ClipError("not a file", where=path)
        with path.open("rb") as stream:
            # Not `np.load`, which would take archives, too.
            pcm = np.lib.format.read_array(stream, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise ClipError(f"cannot be read ({error})", where=path) from error
    # Results are stored under the digest: a file that holds something else would poison them.
    if pcm.ndim != 2 or pcm.dtype != np.float32 or sample_digest(pcm, rate) != digest:
        raise ClipError(f"damaged (it does not contain clip {digest[:12]})", where=path)
    return pcm


def is_whole(path: Path, digest: str, rate: int) -> bool:
    """Whether a clip's file holds its samples; looked at again only when the file changes."""
    try:
        stat = path.stat()
    except OSError:
        return False
    return _is_whole(str(path), digest, rate, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=4096)
def _is_whole(path: str, digest: str, rate: int, mtime_ns: int, size: int) -> bool:
    try:
        read_clip(Path(path), digest, rate)
    except ClipError:
        return False
    return True


def write_clip(path: Path, pcm: Pcm) -> None:
    """Write a clip's file, atomically, its bytes on the disk before it appears.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(path, sync=True) as partial, partial.open("wb") as stream:
        np.save(stream, pcm, allow_pickle=False)


def cut_again(
    source: Path, start_s: float, duration_s: float, rate: int, digest: str
) -> Pcm | None:
    """A clip, cut once more from its sound file.

    Args:
        source: the file that it was cut from.
        start_s: where it begins in the file, s.
        duration_s: its length, s.
        rate: its rate, Hz.
        digest: of its samples.

    Returns:
        The samples; None where the file is not there any more, or holds something else.
    """
    if not source.is_file():
        return None
    try:
        pcm, own_rate = read_audio(source)
    except ClipError:
        return None
    begin, samples = round(start_s * rate), round(duration_s * rate)
    for mixed in (pcm, downmix(pcm)):  # a run may have mixed its clips down
        whole = convert_rate(mixed, own_rate, rate)
        excerpt = np.ascontiguousarray(whole[:, begin : begin + samples])
        if sample_digest(excerpt, rate) == digest:
            return excerpt
    return None

"""The driver's node, as the other nodes use it: where the run directory is.

A node that sees the run directory, on a folder that all share, needs nothing of this. One
that does not fetches each clip once, into a folder of its own, and uses the run's cache
through a process on the driver's node: so that every node's encodes are hits for all, and
nothing that was computed stays behind on a node that goes away.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tuner.atomic import atomic_write
from tuner.encoder import Encoded
from tuner.errors import ClipError
from tuner.jobs.cache import Cache
from tuner.jobs.job import ClipRef
from tuner.scorer import Score
from tuner.sound.clip_files import is_whole
from tuner.system.locks import UNTIL_FREE, hold_lock

#: How often Ray starts something again whose process died.
MAX_RETRIES = 2


@dataclass(frozen=True)
class Home:
    """The driver's node.

    Args:
        node: its id in Ray.
        cache_folder: folder of the run's cache, in the run directory.
    """

    node: str
    cache_folder: Path

    def cache(self) -> Cache:
        """The run's cache, from whatever node."""
        if _sees_folder(self.cache_folder.parent):
            return Cache(self.cache_folder)
        return _HomeCache(self.cache_folder, self.node)

    def bring(self, clip: ClipRef) -> ClipRef:
        """The clip as a file that this node can read.

        Raises:
            ClipError: the driver's node cannot read it either, or this one cannot keep it.
        """
        if _sees_file(clip.path):
            return clip
        folder = Path(tempfile.gettempdir()) / f"codec-tuner-{os.getuid()}"
        here = folder / f"{clip.digest}.npy"
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            with hold_lock(folder / f"{clip.digest}.lock", UNTIL_FREE):
                if not is_whole(here, clip.digest, clip.rate):
                    atomic_write(here, _run_at(self.node, _read_clip, clip.path))
        except OSError as error:
            raise ClipError(
                f"the clip cannot be stored on this node ({error})",
                where=here,
                remedy="free some space, or set TMPDIR to another folder before `ray start`",
            ) from error
        return replace(clip, path=str(here))


@dataclass(frozen=True)
class _HomeCache(Cache):
    """The cache on the driver's node.

    Args:
        folder: the folder there.
        node: the driver's node.
    """

    node: str

    def get_encode(self, key: str) -> Encoded | None:
        return self._at_home("get_encode", key)  # type: ignore[no-any-return]

    def put_encode(self, key: str, encoded: Encoded) -> None:
        self._at_home("put_encode", key, encoded)

    def get_score(self, key: str) -> Score | None:
        return self._at_home("get_score", key)  # type: ignore[no-any-return]

    def put_score(self, key: str, score: Score) -> None:
        self._at_home("put_score", key, score)

    def _at_home(self, method: str, *arguments: object) -> Any:
        return _run_at(self.node, _use_cache, self.folder, method, *arguments)


def unwrap(get: Callable[[], Any]) -> Any:
    """What `get` fetches from Ray; an error of the remote function is raised as it was there."""
    from ray.exceptions import RayTaskError

    try:
        return get()
    except RayTaskError as error:
        raise error.cause from error


def _run_at(node: str, function: Callable[..., Any], *arguments: object) -> Any:
    """Run a function in a process on a node, and wait for it."""
    import ray

    return unwrap(lambda: ray.get(_task_at(node, function).remote(*arguments)))


@functools.cache
def _task_at(node: str, function: Callable[..., Any]) -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    # No CPU is asked for: it reads or writes a file while the job that waits for it has one.
    return ray.remote(
        num_cpus=0,
        max_retries=MAX_RETRIES,
        scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
    )(function)


def _read_clip(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ClipError(
            f"cannot be read ({error})",
            where=path,
            remedy="run the same command again to recreate it",
        ) from error


def _use_cache(folder: Path, method: str, *arguments: object) -> Any:
    return getattr(Cache(folder), method)(*arguments)


def _sees_file(path: str) -> bool:
    try:
        Path(path).open("rb").close()
    except OSError:
        return False
    return True


def _sees_folder(path: Path) -> bool:
    try:
        os.scandir(path).close()
    except OSError:
        return False
    return True

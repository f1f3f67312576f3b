"""Features of labelled references, made once and kept: float16 shards.

A shard is one reference, a pair of files. ``NNNNNN-KEY.npy`` holds rows of float16 features
``[rows, 4, 18, 32, FRAMES]`` (see `tuner.model.gammatone`): the reference, followed by its
coded signals. ``NNNNNN-KEY.json`` holds their labels, in that order and as the table writes
them, and counts what was left out. KEY follows the labels and the front end, so a shard is
made again when they change. Opinions are taken from the labels when a shard is read: another
mapping to the MUSHRA scale needs no new features.

Signals come from their recipes again. One whose digest is not the label's was made by
another build of an encoder or a program; its label says nothing about it and it is left out.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from tuner.atomic import atomic_write, replacing
from tuner.encoder import Encoder
from tuner.errors import ClipError, EncoderError
from tuner.model.gammatone import FRONT_END_VERSION, Known, features, know
from tuner.sound.audio import Pcm
from tuner.system.parent import die_with_parent
from tuner.training.labels import Label, Labelled, digest_of, from_json, to_json
from tuner.training.material import Material
from tuner.training.opinions import Taught, mid_opinions, opinions_of
from tuner.training.recipes import cook

log = logging.getLogger(__name__)

SHARD_FORMAT = 3
#: Frames of 40 ms (3 s): a longer excerpt is cut, a shorter one repeated from its beginning …
FRAMES = 75
#: … and one shorter than this left out.
LEAST_FRAMES = 50

Stored = npt.NDArray[np.float16]


class _LeftOut(Exception):
    """A signal that cannot teach; says why in a word."""


def write_shards(
    material: Material,
    rows: Sequence[Labelled],
    encoders: Mapping[str, Encoder],
    folder: Path,
    workers: int,
    progress: Callable[[int, int], None],
) -> list[Path]:
    """Make the shards of all labels in parallel; those that are there are kept.

    Args:
        material: of which the labels' references are made.
        rows: labelled references.
        encoders: name -> adapter.
        folder: where shards lie.
        workers: processes.
        progress: called with (references finished, references in all).

    Returns:
        The shards' ``.json`` files, in the order of the plan.
    """
    folder.mkdir(parents=True, exist_ok=True)
    targets = {_shard(folder, row): row for row in sorted(rows, key=lambda row: row.index)}
    todo = {path: row for path, row in targets.items() if not _is_whole(path)}
    done = len(rows) - len(todo)
    context = get_context("spawn")
    start = (material, os.getpid())
    with ProcessPoolExecutor(workers, context, initializer=_start, initargs=start) as pool:
        jobs = [pool.submit(_write_shard, row, encoders, path) for path, row in todo.items()]
        for job in as_completed(jobs):
            job.result()
            done += 1
            progress(done, len(rows))
    return list(targets)


def left_out(shards: Sequence[Path]) -> Counter[str]:
    """Labels that could not be used, by reason."""
    counts = (json.loads(path.read_text(encoding="utf-8"))["left_out"] for path in shards)
    return sum((Counter(each) for each in counts), Counter())


def _shard(folder: Path, row: Labelled) -> Path:
    content = [str(SHARD_FORMAT), str(FRONT_END_VERSION), str(FRAMES), to_json(row)]
    key = hashlib.sha256("\n".join(content).encode()).hexdigest()[:12]
    return folder / f"{row.index:06d}-{key}.json"


def _is_whole(path: Path) -> bool:
    """Whether a shard is there and can be read; a damaged one is made again."""
    if not path.exists():
        return False
    try:
        line = json.loads(path.read_text(encoding="utf-8"))["row"]
        rows = np.load(path.with_suffix(".npy"), mmap_mode="r") if line else ()
        return not line or len(rows) == 1 + len(from_json(line).labels)
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s: damaged (%s); recreated", path, error)
        return False


def keep_shard(folder: Path, row: Labelled, reference: Pcm, coded: Sequence[Pcm]) -> None:
    """Write the shard of a reference that was just labelled, so that it need not be made again.

    Args:
        folder: where shards lie.
        row: the reference's labels.
        reference: its samples, float32 ``[C, T]`` at 48 kHz.
        coded: the signals of the labels, aligned.
    """
    try:
        known = _know(reference)
        stored = [_stored(known.features), *(_heard(pcm, known) for pcm in coded)]
    except _LeftOut:
        return  # `write_shards` counts it
    folder.mkdir(parents=True, exist_ok=True)
    _write(_shard(folder, row), row, stored, Counter())


_material: list[Material] = []


def _start(material: Material, parent: int) -> None:
    """In a new worker: the plan is large and the same for all jobs."""
    die_with_parent(parent)
    torch.set_num_threads(1)
    _material[:] = [material]


def _write_shard(row: Labelled, encoders: Mapping[str, Encoder], target: Path) -> None:
    labels: list[Label] = []
    stored: list[Stored] = []
    missed: Counter[str] = Counter()
    try:
        reference = _reference(_material[0], row)
        known = _know(reference)
    except _LeftOut as reason:
        missed[str(reason)] += len(row.labels)
        return _write(target, None, [], missed)
    for label in row.labels:
        try:
            stored.append(_heard(_coded(reference, label, encoders), known))
            labels.append(label)
        except _LeftOut as reason:
            missed[str(reason)] += 1
    kept = replace(row, labels=tuple(labels)) if labels else None
    _write(target, kept, [_stored(known.features), *stored], missed)


def _write(
    target: Path, row: Labelled | None, stored: Sequence[Stored], missed: Counter[str]
) -> None:
    if row:
        with replacing(target.with_suffix(".npy")) as partial, partial.open("wb") as stream:
            np.save(stream, np.stack(stored))
    # The index last: where it is, the shard is whole.
    row_json = to_json(row) if row else None
    atomic_write(target, json.dumps({"row": row_json, "left_out": missed}))


def _reference(material: Material, row: Labelled) -> Pcm:
    try:
        pcm = material.read(row.index)
    except ClipError as error:
        raise _LeftOut("no reference") from error
    if digest_of(pcm) != row.digest:
        raise _LeftOut("other reference")
    return pcm


def _coded(reference: Pcm, label: Label, encoders: Mapping[str, Encoder]) -> Pcm:
    if any(s["kind"] == "codec" and s["encoder"] not in encoders for s in label.recipe.steps):
        raise _LeftOut("no encoder")
    try:
        pcm = cook(reference, label.recipe, encoders)
    except EncoderError as error:
        raise _LeftOut("encoder failed") from error
    if digest_of(pcm) != label.digest:
        raise _LeftOut("other build")
    return pcm


def _tensor(pcm: Pcm) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pcm))[None]


def _know(reference: Pcm) -> Known:
    """A reference as the front end keeps it."""
    known = know(_tensor(reference))
    if known.magnitudes.shape[-1] < LEAST_FRAMES:
        raise _LeftOut("too short")
    return known


def _heard(pcm: Pcm, known: Known) -> Stored:
    """Features of a coded signal."""
    return _stored(features(_tensor(pcm), known))


def _stored(made: torch.Tensor) -> Stored:
    frames = np.arange(FRAMES) % made.shape[-1]
    return np.asarray(made[0].numpy()[..., frames], dtype=np.float16)


@dataclass(frozen=True)
class Batch:
    """Whole references with all their coded signals: R references, N pairs.

    Args:
        reference: features, float16 as stored, float32 in training, ``[R, 4, 18, 32, FRAMES]``.
        coded: the same of the coded signals, ``[N, 4, 18, 32, FRAMES]``.
        of: int64 ``[N]``, the row of each pair's reference.
        opinions: float32 ``[N, 4]``, 0 to 100: of the three families, and fused.
        mid_opinions: the same of the mid signal alone.
        groups: int64 ``[N]``, numbers of the groups of each reference; -1 for none.
        severities: float32 ``[N]``, 0 to 1, of an artefact in a ladder; -1 for others.
    """

    reference: torch.Tensor
    coded: torch.Tensor
    of: torch.Tensor
    opinions: torch.Tensor
    mid_opinions: torch.Tensor
    groups: torch.Tensor
    severities: torch.Tensor

    @property
    def fused(self) -> torch.Tensor:
        """The fused opinion, ``[N]``."""
        return self.opinions[:, -1]


class FeatureSet(Dataset[Batch]):
    """The references in some shards, each a `Batch` of one. Small to send to a worker.

    Args:
        shards: ``.json`` files from `write_shards`.
        wanted: indices of the references that count.
    """

    def __init__(self, shards: Sequence[Path], wanted: Collection[int]) -> None:
        self._entries: list[tuple[Path, Labelled]] = []
        for path in shards:
            line = json.loads(path.read_text(encoding="utf-8"))["row"]
            if line and (row := from_json(line)).index in wanted:
                self._entries.append((path.with_suffix(".npy"), row))

    @classmethod
    def joined(cls, parts: Sequence[FeatureSet]) -> FeatureSet:
        """The references of several as one."""
        whole = cls((), ())
        whole._entries = [entry for part in parts for entry in part._entries]
        return whole

    @property
    def rows(self) -> list[Labelled]:
        """The labels of each reference, in the order of the set."""
        return [row for _, row in self._entries]

    @property
    def pairs(self) -> int:
        """Coded signals in all."""
        return sum(len(row.labels) for _, row in self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, position: int) -> Batch:
        path, row = self._entries[position]
        rows = torch.from_numpy(np.load(path, allow_pickle=False))
        recipes = [label.recipe for label in row.labels]
        names = sorted({recipe.group for recipe in recipes if recipe.group})
        return Batch(
            reference=rows[:1],
            coded=rows[1:],
            of=torch.zeros(len(recipes), dtype=torch.int64),
            opinions=_table(opinions_of(row.labels)),
            mid_opinions=_table([mid_opinions(label) for label in row.labels]),
            groups=torch.tensor([names.index(r.group) if r.group else -1 for r in recipes]),
            severities=torch.tensor(
                [r.steps[-1]["severity"] if r.ladder else -1.0 for r in recipes]
            ),
        )


def _table(opinions: Sequence[Taught]) -> torch.Tensor:
    return torch.tensor([[*each.families, each.fused] for each in opinions])


def join(batches: Sequence[Batch]) -> Batch:
    """Several batches as one."""
    starts = np.cumsum([0, *(len(b.reference) for b in batches)])
    return Batch(
        reference=torch.cat([b.reference for b in batches]),
        coded=torch.cat([b.coded for b in batches]),
        of=torch.cat([b.of + int(start) for b, start in zip(batches, starts, strict=False)]),
        opinions=torch.cat([b.opinions for b in batches]),
        mid_opinions=torch.cat([b.mid_opinions for b in batches]),
        groups=torch.cat([b.groups for b in batches]),
        severities=torch.cat([b.severities for b in batches]),
    )


def make_loader(
    references: FeatureSet, per_batch: int, workers: int, order: Sampler[Any] | None = None
) -> DataLoader[Batch]:
    """Streams whole references in batches.

    Args:
        references: what to stream.
        per_batch: references in a batch.
        workers: processes that read ahead; 0 reads in this one.
        order: which references and in what order; all in the order of the plan if None.
    """
    return DataLoader(
        references,
        batch_size=per_batch,
        sampler=order,
        collate_fn=join,
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        persistent_workers=workers > 0,
    )

"""Labels every reference of a plan, in parallel, resumably.

Each finished reference is one file in the work folder; what the table or the folder holds is
never computed again. Encoders come in through the protocol, as objects.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from tuner.atomic import atomic_write
from tuner.encoder import Encoder
from tuner.errors import ClipError, EncoderError, ScoreError
from tuner.sound.audio import Pcm
from tuner.system.parent import die_with_parent
from tuner.training.labels import (
    CHANNELS_EVERY,
    Label,
    Labelled,
    digest_of,
    from_json,
    label,
    muted_share,
    peaq_variables,
    to_json,
)
from tuner.training.material import Material
from tuner.training.recipes import WIDE, Taste, cook, plan_recipes
from tuner.training.shards import keep_shard

log = logging.getLogger(__name__)

#: References handed out ahead, for each worker.
AHEAD = 3


def label_reference(
    material: Material,
    index: int,
    encoders: Mapping[str, Encoder],
    seed: int,
    features: Path | None = None,
    taste: Taste = WIDE,
) -> Labelled:
    """Make, code and label one reference. What fails is left out and logged.

    Args:
        material: the references.
        index: which.
        encoders: name -> adapter.
        seed: of the recipes.
        features: folder of shards (`tuner.training.shards`) that its features are kept in.
        taste: what recipes are drawn.
    """
    source = material.sources[index]
    try:
        reference = material.read(index)
    except ClipError as error:
        log.warning("left out: %s", error)
        return Labelled(index, source, "", ())
    rng = np.random.default_rng([seed, index])
    labels: list[Label] = []
    heard: list[Pcm] = []
    stationary = source.kind == "noise"
    for recipe in plan_recipes(reference, encoders, rng, taste, stationary=stationary):
        try:
            coded = cook(reference, recipe, encoders)
            if digest_of(coded) == digest_of(reference):
                continue  # an artefact that this reference does not show: nothing to learn
            labels.append(label(reference, coded, recipe, apart=index % CHANNELS_EVERY == 0))
            heard.append(coded)
        except (EncoderError, ScoreError) as error:
            log.info("left out: %s: %s", recipe, error)
    labelled = Labelled(index, source, digest_of(reference), tuple(labels))
    if features and labels:
        keep_shard(features, labelled, reference, heard)
    return labelled


def complete(
    material: Material,
    row: Labelled,
    encoders: Mapping[str, Encoder],
    features: Path | None = None,
) -> Labelled:
    """Ask PEAQ of labels that were made before it was a teacher; the others' numbers stay.

    A signal that comes out otherwise than it was labelled, by another build of an encoder say, is
    left out and logged.

    Args:
        material: the references.
        row: their labels, of one reference.
        encoders: name -> adapter.
        features: see `label_reference`.
    """
    reference = material.read(row.index)
    if digest_of(reference) != row.digest:
        log.warning("left out: reference %d differs from the one that was labelled", row.index)
        return replace(row, labels=())
    labels: list[Label] = []
    heard: list[Pcm] = []
    for each in row.labels:
        try:
            coded = cook(reference, each.recipe, encoders)
            if digest_of(coded) != each.digest:
                raise EncoderError("its samples are not those that were labelled")
            asked = peaq_variables(reference, coded)
        except (EncoderError, ScoreError, KeyError) as error:
            log.info("left out: %s: %s", each.recipe, error)
            continue
        labels.append(replace(each, peaq=asked, muted=muted_share(reference, coded)))
        heard.append(coded)
    whole = replace(row, labels=tuple(labels))
    if features and labels:
        keep_shard(features, whole, reference, heard)
    return whole


def label_all(
    material: Material,
    encoders: Mapping[str, Encoder],
    seed: int,
    work: Path,
    workers: int,
    progress: Callable[[int, int], None],
    known: frozenset[int] = frozenset(),
    features: Path | None = None,
    taste: Taste = WIDE,
    incomplete: Mapping[int, Labelled] | None = None,
) -> None:
    """Label every reference that is not known, in the order of the plan.

    Args:
        material: the references.
        encoders: name -> adapter.
        seed: of the recipes.
        work: the folder of finished references.
        workers: processes.
        progress: called with (references finished, labels so far).
        known: indices that a table holds already.
        features: folder of shards that the features are kept in, too.
        taste: what recipes are drawn.
        incomplete: references whose labels lack PEAQ's variables, by index: they are completed.
    """
    work.mkdir(parents=True, exist_ok=True)
    finished = {row.index for row in read_finished(work)} | known
    todo = [n for n in range(len(material.sources)) if n not in finished]
    done, labels = len(finished), 0
    context = get_context("spawn")
    start = (material, os.getpid())
    with ProcessPoolExecutor(workers, context, initializer=_start, initargs=start) as pool:
        waiting: set[Future[int]] = set()
        for index in todo:
            waiting.add(
                pool.submit(
                    _label_and_keep,
                    index,
                    encoders,
                    seed,
                    work,
                    features,
                    taste,
                    (incomplete or {}).get(index),
                )
            )
            if len(waiting) < AHEAD * workers and index != todo[-1]:
                continue
            everything = index == todo[-1]
            while waiting and (everything or len(waiting) >= AHEAD * workers):
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                done += len(ready)
                labels += sum(future.result() for future in ready)
                progress(done, labels)


def read_finished(work: Path) -> Iterator[Labelled]:
    """What the work folder holds, in the order of the plan; what is damaged is made again."""
    for path in sorted(work.glob("*.json")):
        try:
            yield from_json(path.read_text(encoding="utf-8"))
        except (ValueError, KeyError, TypeError) as error:
            log.warning("%s: damaged (%s); skipped, and labelled again", path, error)


_material: list[Material] = []


def _start(material: Material, parent: int) -> None:
    """In a new worker: the plan is large and the same for all jobs."""
    die_with_parent(parent)
    _material[:] = [material]


def _label_and_keep(
    index: int,
    encoders: Mapping[str, Encoder],
    seed: int,
    work: Path,
    features: Path | None,
    taste: Taste,
    row: Labelled | None,
) -> int:
    if row is None:
        labelled = label_reference(_material[0], index, encoders, seed, features, taste)
    else:
        labelled = complete(_material[0], row, encoders, features)
    atomic_write(work / f"{index:06d}.json", to_json(labelled))
    return len(labelled.labels)

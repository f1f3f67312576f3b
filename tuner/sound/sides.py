"""On which side each file stands: the manifest's word, else a share of each kind by content.

Files of one recording (`tuner.sound.fingerprints`) stand on one side.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Literal

from tuner.records import Side
from tuner.sound.excerpts import Cut
from tuner.sound.fingerprints import Fingerprint, group_recordings

log = logging.getLogger(__name__)

GroupBy = Literal["recording", "folder"]


def find_groups(
    cut: Sequence[Cut], prints: Sequence[Fingerprint | None], group_by: GroupBy
) -> list[int]:
    """For each file the index of the first one that it must stand with. What is found is told."""
    groups = group_recordings(prints)
    for mine, first in enumerate(groups):
        here, there = cut[mine].want, cut[first].want
        if mine == first or cut[mine].digest == cut[first].digest:
            continue
        if None not in (here.side, there.side) and here.side != there.side:
            told = "they are in both sets; put them in one"
        else:
            told = "both are kept in one set"
        log.warning("%s: seems to be the same recording as %s; %s", here.path, there.path, told)
    groups = _join(groups, _alike([each.want.group or None for each in cut]))
    if group_by == "folder":
        groups = _join(groups, _alike([each.want.path.parent for each in cut]))
    return groups


def choose_sides(cut: Sequence[Cut], groups: Sequence[int], holdout_fraction: float) -> list[Side]:
    """The side of each file: the manifest's, else by rank of a hash of its group's content.

    Of each kind the same share is held out. Files of equal content get equal hashes and so stand
    together; `_unique` drops doubles.
    """
    least: dict[int, tuple[str, str]] = {}
    for each, group in zip(cut, groups, strict=True):
        own = (each.digest, each.want.category)
        least[group] = min(least.get(group, own), own)
    held = _held_out(dict(least.values()), holdout_fraction)
    return [
        each.want.side or ("holdout" if least[group][0] in held else "tune")
        for each, group in zip(cut, groups, strict=True)
    ]


def _held_out(kinds: Mapping[str, str], fraction: float) -> set[str]:
    """Which digests are held out, of every kind as near to `fraction` as all together allow.

    Args:
        kinds: digest -> kind.
        fraction: share of all.
    """
    count = min(max(round(len(kinds) * fraction), 1), len(kinds) - 1)
    of_kind: dict[str, list[str]] = {}
    for digest in sorted(kinds):
        of_kind.setdefault(kinds[digest], []).append(digest)
    exact = {kind: len(each) * fraction for kind, each in of_kind.items()}
    # By largest remainder; of equal ones the kind whose first clip has the lower hash.
    order = sorted(exact, key=lambda kind: (math.floor(exact[kind]) - exact[kind], of_kind[kind]))
    left = count - sum(math.floor(each) for each in exact.values())
    held: set[str] = set()
    for place, kind in enumerate(order):
        held |= set(of_kind[kind][: math.floor(exact[kind]) + (place < left)])
    return set(sorted(held)[:count])  # one clip at least is left to tune on


def _alike(keys: Sequence[Hashable | None]) -> list[int]:
    """For each key the index of the first that equals it; None equals none."""
    firsts: dict[Hashable, int] = {}
    return [n if key is None else firsts.setdefault(key, n) for n, key in enumerate(keys)]


def _join(one: Sequence[int], two: Sequence[int]) -> list[int]:
    """Groups that hold together what either of two groupings does."""
    label = list(range(len(one)))
    for pairs in (one, two):
        for mine, first in enumerate(pairs):
            old, new = label[mine], label[first]
            if old != new:
                label = [min(old, new) if each in (old, new) else each for each in label]
    return label

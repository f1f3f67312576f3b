"""What is known of arrays that cannot change, remembered as long as they live.

One reference meets a thousand coded versions of itself: what is computed of it alone need not be
computed again. Only a read-only array that owns its samples is remembered; any other is looked at
anew each time.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Known = TypeVar("Known")


def freeze(array: Array) -> Array:
    """The array, or a copy of one that others own, from now on read-only."""
    array = array if array.flags.owndata else array.copy()
    array.flags.writeable = False
    return array


class Remembered(Generic[Known]):
    """A function of an array, computed once for each that cannot change.

    Args:
        compute: the function.
    """

    def __init__(self, compute: Callable[[Array], Known]) -> None:
        self._compute = compute
        self._known: dict[int, tuple[weakref.ref[Array], Known]] = {}

    def __len__(self) -> int:
        """Of how many arrays it is remembered."""
        return len(self._known)

    def __call__(self, array: Array) -> Known:
        """What the function says of it."""
        if array.flags.writeable or not array.flags.owndata:
            return self._compute(array)
        key = id(array)
        found = self._known.get(key)
        # Ids are given out again: what counts is that it is the array itself.
        if found is not None and found[0]() is array:
            return found[1]
        value = self._compute(array)
        self._known[key] = weakref.ref(array, lambda _: self._known.pop(key, None)), value
        return value


def _sha256(array: Array) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


#: sha256 (hex) of an array's samples.
content_digest: Remembered[str] = Remembered(_sha256)

"""Large arrays remembered up to so many bytes; those used the longest ago go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """An array of numpy or torch."""

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""


Value = TypeVar("Value", bound=Sized)


class Lru(Generic[Value]):
    """Remembers values; any thread may ask, and one waits for what another makes.

    Args:
        limit_bytes: most bytes of all values together. The value used last stays, whatever its
            size.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._bytes = 0
        self._lock = threading.RLock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, made if it is not remembered."""
        with self._lock:
            if key not in self._values:
                made = make()
                self._values[key] = made
                self._bytes += made.nbytes
                while self._bytes > self.limit_bytes and len(self._values) > 1:
                    self._bytes -= self._values.popitem(last=False)[1].nbytes
            self._values.move_to_end(key)
            return self._values[key]

"""Connections that have not been let in: few, and not for long.

A server keeps a connection while its request is still coming. Whoever sends a byte now and then
would hold it for ever, and thousands of such ones would use up what the system has. Until a
request has come in whole and was let in (`Door.admit`), a connection is cut after a while, and
where there are too many of them, the oldest makes room: it had the longest time, and an honest
browser needs a fraction of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol

#: A browser sends its request within a second, also from far away.
PATIENCE_S = 20.0
#: A browser opens six connections at most. A process may have 1024 by default.
MOST_STRANGERS = 128

Client = tuple[str, int]
"""Address and port, as in an ASGI scope."""


class Door:
    """Keeps count of the connections that have not been let in.

    Args:
        most: how many there may be.
        patience_s: how long each may stay, s.
    """

    def __init__(self, most: int = MOST_STRANGERS, patience_s: float = PATIENCE_S) -> None:
        self.most, self.patience_s = most, patience_s
        self._strangers: dict[Client, tuple[asyncio.Transport, asyncio.TimerHandle]] = {}

    def enter(self, client: Client, transport: asyncio.Transport) -> None:
        """A connection was made; to be called on the server's loop."""
        while len(self._strangers) >= self.most:
            oldest, _ = self._strangers[next(iter(self._strangers))]
            self.leave(next(iter(self._strangers)))
            oldest.abort()
        timer = asyncio.get_running_loop().call_later(self.patience_s, transport.abort)
        self._strangers[client] = transport, timer

    def admit(self, client: Client | None) -> None:
        """A request of this connection was let in: it may stay."""
        if client is not None:
            self.leave(client)

    def leave(self, client: Client) -> None:
        """The connection is no longer watched."""
        if found := self._strangers.pop(client, None):
            found[1].cancel()

    def protocol(self) -> type[H11Protocol]:
        """What uvicorn's `http` takes: its own protocol, watched by this door."""
        from uvicorn.protocols.http.h11_impl import H11Protocol

        door = self

        class Watched(H11Protocol):
            """Tells the door who comes and goes."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                if self.client is not None:
                    door.enter(self.client, transport)

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client is not None:
                    door.leave(self.client)
                super().connection_lost(exc)

        return Watched
